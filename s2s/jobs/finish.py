"""What comes after the last update of a training: the choice of weights and of the search, and the test split.

All choices are made on the validation split. The test split is scored once, to report.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from s2s.config.schema import DecodeConfig
from s2s.console import say
from s2s.corpus.report import SplitReport
from s2s.decoding.bundle import Bundle
from s2s.decoding.translator import Translator
from s2s.errors import DataError
from s2s.jobs.evaluate import Evaluation, evaluate_with, keep, mean_bleu, table, tell_notes
from s2s.jobs.test_sets import TestSet, split_of_run
from s2s.model.weights import load_weights
from s2s.scoring.metrics import bleu_tokenizer
from s2s.training.averaging import average_weights
from s2s.training.checkpoint import regular_checkpoints

if TYPE_CHECKING:
    from torch import Tensor

    from s2s.jobs.train import Session

LENGTH_PENALTIES = (0.2, 0.6, 1.0, 1.4, 1.8, 2.2, 2.6, 3.0)
"""What can be chosen."""

CHANCE = 0.01
"""Samples of a thousand sentences of a text differ by no more from it in words for a source word (two deviations);
smaller ones do by more."""

ANOTHER_TEXT = 0.05
"""Stretches of one text do not differ by more."""

NO_WORD = 6
"""Pieces a word from which on what stands between spaces is no word."""

N_SENTENCES = 1_000
"""Validation sentences that choose among them, evenly spread."""


@dataclass(frozen=True)
class Choice:
    """What the validation split says of some weights.

    Attributes:
        name: Which they are: `best`, `last` or `average`.
        nll: Of the split.
        greedy_bleu: Of it.
        decode: The search with its best length penalty.
        bleu: With that search, for the `usual_length`; none if it was not looked for.
    """

    name: str
    nll: float
    greedy_bleu: float
    decode: DecodeConfig
    bleu: float | None = None

    def value(self, best_by: str) -> float:
        """By what the weights are chosen; more is better."""
        if best_by == "nll":
            return -self.nll
        return self.greedy_bleu if self.bleu is None else self.bleu


def choose(session: "Session") -> Choice:
    """Put the best weights by validation into the model: of the best checkpoint, the last, or an average.

    They are compared by the search that they are used with, each with the length penalty that suits it. Of many
    validations by greedy BLEU the best is also the luckiest, and no better in beam search.
    """
    config, decode = session.config.train, session.config.decode
    by_search = config.best_by == "bleu" and decode.beam > 1
    weights = _candidates(session)
    choices = []
    for name, tensors in weights.items():
        choice = Choice(name, *session.put_weights(tensors), decode)
        say(f"{name}: validation nll {choice.nll:.4f}, BLEU {choice.greedy_bleu:.2f} (greedy)")
        choices.append(_with_search(session, choice) if by_search else choice)
    best = max(choices, key=lambda choice: choice.value(config.best_by))
    load_weights(session.model, weights[best.name])
    if len(choices) > 1:
        say(f"the {best.name} weights are best")
    return best if by_search or decode.beam == 1 else _with_search(session, best)


def _candidates(session: "Session") -> "dict[str, dict[str, Tensor]]":
    """The weights among which there is a choice."""
    state, config = session.trainer.state, session.config.train
    folders = dict(session.run.checkpoints_by_step())
    candidates = {"last": [folders[state.step]]}
    if state.best_step in folders and state.best_step != state.step:
        candidates["best"] = [folders[state.best_step]]
    regular = regular_checkpoints(session.run, config.checkpoint_every, state.step)
    last = [folder for _, folder in regular[-max(1, config.average) :]]
    if len(last) > 1:
        candidates["average"] = last
    weights = {}
    for name, chosen in candidates.items():
        try:
            weights[name] = average_weights(chosen)
        except DataError as error:
            if name == "last":
                raise
            say(f"warning: {error.where}: {error.what}\n  the {name} weights are left out of the choice")
    return weights


def _with_search(session: "Session", choice: Choice) -> Choice:
    """With the length penalty that suits the weights in the model, unless one is given, and BLEU with it."""
    translator = Translator(session.bundle({}), session.config.train.precision)
    length = usual_length(session.prepared.train.report, session.prepared.valid.report, translator.bundle)
    given = choice.decode.length_penalty
    penalty, value = best_penalty(translator, session.valid, given, length, session.check_stop)
    return replace(choice, decode=choice.decode.model_copy(update={"length_penalty": penalty}), bleu=value)


def usual_length(train: SplitReport, valid: SplitReport, bundle: Bundle) -> float:
    """What the words of validation references count, for a length that is usual in the training text.

    Who translates a corpus stretch by stretch translates some of it with more words than the rest. A validation text is
    one more stretch: how long the next one is, all the text says better (`benchmarks/quality.md`, "Weights").

    Args:
        train: Counts of the training split.
        valid: Counts of the validation split.
        bundle: The model.

    Returns:
        Words that the training and the validation text together have for a source word, by those that the latter has.
        1 where that says nothing: where both differ by less than chance makes (`CHANCE`) or by more than stretches of
        one text do (`ANOTHER_TEXT`), with several training corpora, as what `adapt` and `distill` train on, with target
        tags, or where words are not spaced apart.
    """
    sides = (train.src, train.tgt, valid.src, valid.tgt)
    words = [side.words for side in sides]
    # by their names, if they have any, and by the text
    spaced = bleu_tokenizer(bundle.source) == bleu_tokenizer(bundle.target) == "13a"
    spaced = spaced and all(side.pieces <= NO_WORD * side.words for side in sides)
    if bundle.targets or len(train.identity) > 1 or not (spaced and all(words)):
        return 1.0
    train_src, train_tgt, valid_src, valid_tgt = words
    length = (train_tgt + valid_tgt) / (train_src + valid_src) * valid_src / valid_tgt
    chance = CHANCE * max(1.0, (1_000 / max(1, valid.kept)) ** 0.5)
    return length if chance <= abs(length - 1) <= ANOTHER_TEXT else 1.0


def best_penalty(
    translator: Translator,
    text: TestSet,
    given: float | None,
    length: float = 1.0,
    check_stop: Callable[[], None] = lambda: None,
) -> tuple[float, float]:
    """The length penalty with which a model translates some of a text best, and its BLEU; says what others give.

    Models differ in how much too short their translations come out; the penalty that suits changes BLEU by some tenths.
    BLEU for another length than 1 compares with that of the same text for the same length alone.

    Args:
        translator: The model.
        text: The validation split.
        given: The penalty, if there is no choice.
        length: See `usual_length`.
        check_stop: Called before each step of a search; it may raise.
    """
    rows = evenly_spread(len(text.sources), N_SENTENCES)
    sources, references = ([side[row] for row in rows] for side in (text.sources, text.references))

    plain: dict[float, float] = {}

    def score(alpha: float) -> float:
        options = translator.options(length_penalty=alpha)
        hypotheses = [one.text for one in translator.translate_lines(sources, options, check_stop)]
        chosen = TestSet(text.name, sources, references)
        plain[alpha] = mean_bleu(hypotheses, chosen, translator.bundle).value
        return plain[alpha] if length == 1.0 else mean_bleu(hypotheses, chosen, translator.bundle, length).value

    scores = climb(LENGTH_PENALTIES, 1.0, score) if given is None else {given: score(given)}
    best = max(scores, key=lambda alpha: (scores[alpha], -abs(alpha - 1.0)))
    listed = ", ".join(f"{alpha:g}: {value:.2f}" for alpha, value in sorted(scores.items()))
    beam = f"beam {translator.bundle.decode.beam}"
    if length != 1.0:
        aim = f"for {length:.3f} times the references' words, as usual in the training text"
        listed = f"{plain[best]:.2f}; {aim}, {listed}"
    say(f"length penalty {best:g} (validation BLEU, {beam}: {listed})")
    return best, scores[best]


def climb(values: Sequence[float], start: float, score: Callable[[float], float]) -> dict[float, float]:
    """Scores of `start` and of what follows it in both directions, as long as it gets better.

    >>> climb([0, 1, 2, 3, 4, 5], 2, lambda value: -((value - 3) ** 2))
    {2: -1, 3: 0, 4: -1, 1: -4}
    """
    middle = values.index(start)
    scores = {start: score(start)}
    for direction in (values[middle + 1 :], values[:middle][::-1]):
        before = scores[start]
        for value in direction:
            scores[value] = score(value)
            if scores[value] <= before:
                break
            before = scores[value]
    return scores


def evenly_spread(n: int, most: int) -> list[int]:
    """At most so many of n rows, as far apart from each other as can be.

    >>> evenly_spread(5, 3), evenly_spread(3, 5)
    ([0, 1, 3], [0, 1, 2])
    """
    return list(range(n)) if n <= most else [number * n // most for number in range(most)]


def score_test(session: "Session", decode: DecodeConfig) -> list[Evaluation]:
    """Score the test split, if there is one; with several target languages, each by itself."""
    if session.config.data.test is None:
        return []
    translator = Translator(session.bundle({}, decode), session.config.train.precision)
    evaluations = []
    for test_set in split_of_run(session.run.path, "test").by_target(translator.bundle.targets):
        evaluated = evaluate_with(
            translator, test_set, translator.options(), run=session.run.path, check_stop=session.check_stop
        )
        keep(evaluated.evaluation, evaluated.hypotheses, session.run)
        evaluations.append(evaluated.evaluation)
    say(table(evaluations))
    for evaluation in evaluations:
        tell_notes(evaluation)
    return evaluations
