"""Learning a SentencePiece vocabulary: which lines the trainer sees, and what its complaints mean.

- What it learns depends on the number of threads, and its file records the paths it read. So the number is fixed, and
  text goes in through an iterator and comes out through a writer.
- It drops lines of more than 4,192 bytes without a word; with a higher limit, one line of a million characters keeps
  it busy for minutes. So long lines are cut into parts before it sees them, and none is lost.
- It takes about 25 bytes of memory and a microsecond for each character. So of a large corpus it sees a sample.

See Kudo and Richardson 2018, https://arxiv.org/abs/1808.06226.
"""

import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from s2s.config.schema import VocabConfig
from s2s.errors import ConfigError, DataError
from s2s.symbols import BOS, EOS, N_CONTROL, PAD, UNK

N_THREADS = 16
"""Of the trainer; a constant, because the result depends on it."""

MAX_LINE_CHARACTERS = 1_000
"""Longer lines are cut for the trainer; 1,000 characters are at most 4,000 bytes of UTF-8."""

_CONTROL_PIECES = ("<pad>", "<unk>", "<s>", "</s>")
_BYTE_PIECE = re.compile(r"<0x[0-9A-F]{2}>")
_SURROGATES = re.compile("[\ud800-\udfff]")
_TOO_SMALL = re.compile(r"smaller than required_chars\. (\d+) vs (\d+)")
_TOO_LARGE = re.compile(r"set it to a value <= (\d+)")


_KEPT = ("\u200b", "\u200c", "\u0e33", "\u0eb3")
"""Characters that belong to how a language is written, and of which SentencePiece's normalisation makes others.

The zero-width space of Khmer and the zero-width non-joiner of Persian and Kurdish would become spaces, the vowels AM of
Thai and Lao two characters each, which no keyboard writes. Where a text has them, they are symbols, and stay.
"""

_USED = 100
"""A character is of a text's writing if one line in so many has it; others are waste of web pages."""

MAX_CHARACTERS = 20_000_000
"""Of a side, about as many are used at most: three million words, from which every piece worth having can be learnt."""


def train(sides: Sequence["Sample"], config: VocabConfig) -> bytes:
    """Learn from some texts together.

    Args:
        sides: Samples of the texts.
        config: Size and kind.

    Returns:
        Content of the model file. It has fewer pieces than asked for if the text does not support so many.

    Raises:
        DataError: There is no text to learn from.
        ConfigError: The size cannot hold the control symbols, bytes and characters, or a user symbol is unfit.
    """
    _check_user_symbols(config)
    kept = [char for char in _KEPT if char not in config.user_symbols and any(_uses(side, char) for side in sides)]
    config = config.model_copy(update={"user_symbols": [*config.user_symbols, *kept]})
    try:
        return _train(sides, config, config.size)
    except _SizeTooLargeError as error:
        return _train(sides, config, error.possible)


@dataclass(frozen=True)
class Sample:
    """Lines of a text, evenly spread over it; those that are long, in parts.

    Attributes:
        lines: The lines.
        n_left_out: Lines of the text that are not among them.
        limit: What they were too many for, in words.
    """

    lines: list[str]
    n_left_out: int
    limit: str


def sample_sides(rows: Iterable[tuple[Any, ...]], n_sides: int, maximum: int) -> list[Sample]:
    """Choose lines to learn from, the same of each side.

    Args:
        rows: Parallel texts, line by line. They are iterated twice: once to count.
        n_sides: Texts in a row; what more there is in it does not matter.
        maximum: The most lines to choose; fewer if they have more than `MAX_CHARACTERS` on a side.

    Returns:
        A sample of each text.
    """
    n, n_characters = 0, [0] * n_sides
    sides = range(n_sides)
    for row in rows:
        n += 1
        for side in sides:
            n_characters[side] += len(row[side])
    fitting = max(1, n * MAX_CHARACTERS // max(1, *n_characters))
    chosen = min(n, maximum, fitting)
    limit = f"{MAX_CHARACTERS:,} characters are enough" if fitting < maximum else "vocab.max_sentences"
    samples = [Sample([], n - chosen, limit) for _ in sides]
    for index, row in enumerate(rows):
        if (index + 1) * chosen // n == index * chosen // n:
            continue
        for side in sides:
            samples[side].lines.extend(_in_parts(without_surrogates(row[side])))
    return samples


def _uses(side: Sample, character: str) -> bool:
    return 0 < len(side.lines) <= _USED * sum(character in line for line in side.lines)


class _SizeTooLargeError(Exception):
    def __init__(self, possible: int) -> None:
        super().__init__(possible)
        self.possible = possible


def _train(sides: Sequence[Sample], config: VocabConfig, size: int) -> bytes:
    """Content of the model file."""
    import sentencepiece

    model = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=chain.from_iterable(side.lines for side in sides),
            model_writer=model,
            model_type=config.type,
            vocab_size=size,
            hard_vocab_limit=config.type != "unigram",
            character_coverage=config.character_coverage,
            byte_fallback=config.byte_fallback,
            user_defined_symbols=config.user_symbols,
            pad_id=PAD,
            unk_id=UNK,
            bos_id=BOS,
            eos_id=EOS,
            max_sentence_length=8 * MAX_LINE_CHARACTERS,
            num_threads=N_THREADS,
            minloglevel=3,
        )
    except Exception as error:
        raise _trainer_error(str(error), size, config) from error
    return model.getvalue()


def _trainer_error(text: str, size: int, config: VocabConfig) -> Exception:
    """What the trainer's complaint means."""
    if match := _TOO_LARGE.search(text):
        return _SizeTooLargeError(int(match[1]))
    if match := _TOO_SMALL.search(text):
        reserved = N_CONTROL + len(config.user_symbols) + (256 if config.byte_fallback else 0)
        parts = "control symbols, bytes and user symbols" if config.byte_fallback else "control and user symbols"
        return ConfigError(
            f"{size:,} pieces are too few: {reserved:,} {parts} and {int(match[2]) - reserved:,} different characters"
            f" need {int(match[2]):,}",
            where="vocab.size",
            hint="Raise vocab.size, or lower vocab.character_coverage (0.9995 is usual for Chinese and Japanese).",
        )
    if "sentences_.empty()" in text or "(all_chars_count) > (0)" in text:
        hint = "Its files are empty or hold blank lines only: see what data.train names."
        return DataError("there is no text to learn a vocabulary from", where="data.train", hint=hint)
    return DataError(f"the vocabulary cannot be learnt: {text}", where="data.train")


def _check_user_symbols(config: VocabConfig) -> None:
    """Refuse symbols that the trainer would take for something else, or that could never be found in text."""
    for number, symbol in enumerate(config.user_symbols):
        problem = None
        if not symbol or any(character.isspace() for character in symbol) or "▁" in symbol:
            problem = "is empty, or has a space in it"
        elif symbol in _CONTROL_PIECES or _BYTE_PIECE.fullmatch(symbol):
            problem = "is the name of a control symbol or of a byte"
        elif symbol in config.user_symbols[:number]:
            problem = "is there twice"
        elif without_surrogates(symbol) != symbol or "\0" in symbol:
            problem = "is no text"
        if problem:
            raise ConfigError(f"{symbol!r} {problem}", where="vocab.user_symbols")


def without_surrogates(text: str) -> str:
    """Text without lone surrogates, which SentencePiece cannot take: each becomes U+FFFD."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return _SURROGATES.sub("\ufffd", text)
    return text


def _in_parts(line: str) -> Iterator[str]:
    """Cut a line that is long, after a space where there is one. An empty line has no parts."""
    start = 0
    while start < len(line):
        end = start + MAX_LINE_CHARACTERS
        if end < len(line):
            end = max(line.rfind(" ", start + 1, end), 0) or end
        yield line[start:end]
        start = end
