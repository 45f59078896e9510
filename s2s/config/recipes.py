"""The recipe for a corpus of a given size: what `s2s init` writes into a config, each choice with its reason.

What is set against learning by heart is measured with 2,000 and 5,000 pairs, as are depth, label smoothing and the
vocabulary, and width with 2,000, 5,000 and 29,000 (`benchmarks/quality.md`). The rest follows what is published until
it is (Araabi and Monz 2020, Sennrich and Zhang 2019, and the sizes that WMT systems have).
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Choice:
    """One value of a config.

    Attributes:
        key: Dotted key.
        value: Its value.
        reason: Why, in a few words.
    """

    key: str
    value: int | float | str
    reason: str


N_RESERVED = 300
"""Pieces that are no characters of the text: 256 bytes, control symbols and tags, with some to spare."""


def pieces_for(n_characters: int) -> int:
    """The fewest pieces for a text of so many characters: one for each, and half as many for what they form."""
    return int(_round(N_RESERVED + 1.5 * n_characters))


FEWEST_FOR_MINI = 4_000
"""Pairs from which on width 256 is taken: no better than 128 with 2,000, better with 5,000; between, not measured."""


def updates_for(n_pairs: int) -> int:
    """For how many updates a corpus of so many pairs is trained, where nothing else limits them.

    `recipe_for` halves them where its batches double, from 8,000 to 60,000 pairs; a student of `distill` has them all.
    """
    if n_pairs < 60_000:
        return max(1_500, int(_round(16_000 * (n_pairs / 29_000) ** 0.75)))
    return int(_round(min(100_000.0, 30_000 * (n_pairs / 100_000) ** 0.5)))


def recipe_for(n_pairs: int, *, on_gpu: bool, n_characters: int = 0, max_minutes: float | None = None) -> list[Choice]:
    """Choose size, vocabulary, regularisation and length of training.

    Args:
        n_pairs: Training pairs, without those that are dropped.
        on_gpu: Whether there is a device for large models.
        n_characters: Different characters of the text, each of which becomes a piece.
        max_minutes: The length of training, where it is given.

    Returns:
        Choices in the order of a config.
    """
    choices = _recipe_for(n_pairs, on_gpu, n_characters)
    if max_minutes is None:
        return choices
    choices = [one for one in choices if one.key != "train.max_steps"]
    if any(one.value in ("base", "big") for one in choices):  # whose schedule is a function of updates alone
        choices.append(Choice("train.schedule", "inverse_sqrt", "noam's curve, with a warm-up that fits the time"))
    return [*choices, Choice("train.max_minutes", max_minutes, "as asked for")]


def _recipe_for(n_pairs: int, on_gpu: bool, n_characters: int) -> list[Choice]:
    vocabulary = _round(min(32_000.0, max(500.0, 2_000 * (n_pairs / 2_000) ** 0.5)))
    pieces = Choice("vocab.size", vocabulary, "pieces; grows with the root of the corpus, as rare ones are not learnt")
    if pieces_for(n_characters) > vocabulary:
        pieces = Choice("vocab.size", pieces_for(n_characters), f"pieces, as there are {n_characters:,} characters")
    steps = updates_for(n_pairs)
    if n_pairs < 60_000:
        size = Choice("model.preset", "tiny", "4+4 layers of width 128: wider ones are no better with so few pairs")
        if n_pairs >= FEWEST_FOR_MINI:
            size = Choice("model.preset", "mini", "4+4 layers of width 256: better than 128 with so many pairs")
        batch_tokens = 1_024
        if n_pairs >= 8_000:
            batch_tokens, steps = 2_048, steps // 2
        return [
            pieces,
            size,
            Choice("model.dropout", 0.4, "against learning so few pairs by heart; grows to this"),
            Choice("train.max_steps", steps, "updates"),
            Choice("train.dropout_start", 0.1, "dropout at first, to learn fast"),
            Choice("train.word_dropout", 0.1, "pieces hidden at random, for the same reason"),
            Choice("train.weight_decay", 0.1, "and this too"),
            Choice("train.batch_tokens", batch_tokens, "small batches: more updates an epoch"),
            Choice("train.validate_every", max(100, _round(steps / 20)), "updates between validations"),
        ]
    if n_pairs < 600_000 or not on_gpu:
        return [
            pieces,
            Choice("model.preset", "small", "6+6 layers of width 256" + ("" if on_gpu else ": base takes a GPU")),
            Choice("model.dropout", 0.3 if n_pairs < 250_000 else 0.1, "the fewer pairs, the more"),
            Choice("train.max_steps", steps, "updates"),
            Choice("train.batch_tokens", 4_096, "pieces a batch"),
            Choice("train.validate_every", 1_000, "updates between validations"),
        ]
    return [
        pieces,
        Choice("model.preset", "base", "6+6 layers of width 512, as in the paper"),
        Choice("model.dropout", 0.1, "the paper's"),
        Choice("train.max_steps", 100_000, "updates, as in the paper"),
        Choice("train.batch_tokens", 8_192, "pieces a batch"),
        Choice("train.accumulate", 3, "batches an update: 25,000 pieces, as in the paper"),
        Choice("train.validate_every", 2_000, "updates between validations"),
    ]


def _round(value: float) -> int:
    """Two digits that matter."""
    digits = len(str(int(value))) - 2
    return int(round(value, -max(0, digits)))
