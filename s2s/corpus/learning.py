"""Learning a SentencePiece vocabulary: which lines the trainer sees, and what its complaints mean.

- What it learns depends on the number of threads, and its file records the paths it read. So the number is fixed, and
  text goes in through an iterator and comes out through a writer.
- It drops lines of more than 4,192 bytes without a word; with a higher limit, one line of a million characters keeps
  it busy for minutes. So long lines are cut into parts before it sees them, and none is lost.

See Kudo and Richardson 2018, https://arxiv.org/abs/1808.06226.
"""

import io
import re
from collections.abc import Iterable, Iterator, Sequence

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


def train(sides: Sequence["Spread"], config: VocabConfig) -> bytes:
    """Learn from some texts together.

    Args:
        sides: The texts.
        config: Size and kind.

    Returns:
        Content of the model file. It has fewer pieces than asked for if the text does not support so many.

    Raises:
        DataError: There is no text to learn from; or what reading the text raises.
        ConfigError: The size cannot hold the control symbols, bytes and characters, or a user symbol is unfit.
    """
    _check_user_symbols(config)
    try:
        return _train(sides, config, config.size)
    except _SizeTooLargeError as error:
        return _train(sides, config, error.possible)


class Spread:
    """At most `maximum` lines of a text, evenly spread over them; those that are long, in parts.

    Attributes:
        n_lines: Lines there are, counted by the first iteration.
    """

    def __init__(self, lines: Iterable[str], maximum: int) -> None:
        self._lines, self._maximum = lines, maximum
        self.n_lines: int | None = None

    def __iter__(self) -> Iterator[str]:
        if self.n_lines is None:
            self.n_lines = sum(1 for _ in self._lines)
        n, maximum = self.n_lines, min(self._maximum, self.n_lines)
        for index, line in enumerate(self._lines):
            if (index + 1) * maximum // n == index * maximum // n:
                continue
            if len(line) <= MAX_LINE_CHARACTERS:
                yield without_surrogates(line)
            else:
                yield from _in_parts(without_surrogates(line))

    @property
    def n_left_out(self) -> int:
        """Lines beyond the maximum."""
        return max(0, (self.n_lines or 0) - self._maximum)


class _SizeTooLargeError(Exception):
    def __init__(self, possible: int) -> None:
        super().__init__(possible)
        self.possible = possible


def _train(sides: Sequence[Spread], config: VocabConfig, size: int) -> bytes:
    """Content of the model file."""
    import sentencepiece

    failure: list[BaseException] = []  # of reading the text; the trainer would report it as its own

    def lines() -> Iterator[str]:
        try:
            for side in sides:
                yield from side
        except BaseException as error:
            failure.append(error)
            raise

    model = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=lines(),
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
        raise (failure[0] if failure else _trainer_error(str(error), size, config)) from error
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
    if "sentences_.empty()" in text:
        return DataError("there is no text to learn a vocabulary from", where="data.train")
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
    """Cut a long line, after a space where there is one."""
    start = 0
    while start < len(line):
        end = start + MAX_LINE_CHARACTERS
        if end < len(line):
            end = max(line.rfind(" ", start + 1, end), 0) or end
        yield line[start:end]
        start = end
