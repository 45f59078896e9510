"""The SentencePiece vocabulary: one `.model` file; text to ids and back.

Text is normalised by `nmt_nfkc`, SentencePiece's default and the field's: composed and decomposed accents are the same,
no-break spaces are spaces, full-width forms are narrow, `…` is `...`. Translations are written in that form too.
"""

import hashlib
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from s2s.config.schema import VocabConfig
from s2s.corpus.learning import Sample, sample_sides, train, without_surrogates
from s2s.corpus.pairs import PairCorpus
from s2s.errors import DataError, InputMissingError
from s2s.symbols import BOS, EOS, N_CONTROL, PAD, UNK

_LINE_BREAKS = dict.fromkeys(map(ord, "\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029\x00"), " ")
_DAMAGED = "Restore it from a copy, or learn the vocabulary again."

SHARED = "shared.model"
SOURCE = "source.model"
TARGET = "target.model"


class Vocabulary:
    """Text to ids and back.

    Args:
        model: Content of a SentencePiece model file.
        where: Its name, for messages.

    Attributes:
        model: The content.
        requested_size: The size that was asked for, if the text did not support so many pieces.

    Raises:
        DataError: The model is damaged, or its control symbols are not those of s2s.
    """

    def __init__(self, model: bytes, *, where: str = "vocabulary") -> None:
        self.model = model
        self.requested_size: int | None = None
        self._processor = _processor_of(model, where)

    @classmethod
    def learn(cls, lines: Iterable[str], config: VocabConfig) -> Self:
        """Learn a vocabulary. The same lines and config give the same bytes.

        Args:
            lines: Text. It is iterated twice, so that it need not fit into memory; an iterator is put in a list first.
            config: Size and kind. Of more lines than `max_sentences`, so many are taken, evenly spread; of a very
                large text fewer (`learning.MAX_CHARACTERS`).

        Raises:
            DataError: There is no text to learn from.
            ConfigError: The size cannot hold the control symbols, bytes and characters, or a user symbol is unfit.
        """
        lines = list(lines) if isinstance(lines, Iterator) else lines
        return cls._learn(sample_sides(_Rows(lines), 1, config.max_sentences), config)

    @classmethod
    def _learn(cls, sides: Sequence[Sample], config: VocabConfig) -> Self:
        vocabulary = cls(train(sides, config))
        if vocabulary.size < config.size:
            vocabulary.requested_size = config.size
        return vocabulary

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a model file.

        Raises:
            InputMissingError: It is not there or cannot be read.
            DataError: It is damaged, or its control symbols are not those of s2s.
        """
        try:
            model = path.read_bytes()
        except OSError as error:
            raise InputMissingError(f"cannot be read: {error.strerror or error}", where=str(path)) from error
        return cls(model, where=str(path))

    def save(self, path: Path) -> None:
        """Write the model file.

        Raises:
            CannotCreateError, OutputError: It cannot be written.
        """
        from s2s.run_folder import write_atomic

        write_atomic(path, self.model)

    @property
    def size(self) -> int:
        """Number of pieces, control symbols included."""
        return int(self._processor.get_piece_size())

    @property
    def fingerprint(self) -> str:
        """Sha256 of the model file."""
        return hashlib.sha256(self.model).hexdigest()

    def scores(self) -> dict[int, tuple[str, float]]:
        """By id, the pieces of ordinary text with their scores: log-probability (unigram) or minus the rank (BPE).

        Symbols of the user are none of them; they are what has a score of 0. The first merge of BPE has one of -0.
        """
        processor, ids = self._processor, range(self.size)
        special = {id_ for id_ in ids if processor.is_control(id_) or processor.is_unknown(id_)}
        special.update(id_ for id_ in ids if processor.is_byte(id_) or str(processor.get_score(id_)) == "0.0")
        return {id_: (processor.id_to_piece(id_), processor.get_score(id_)) for id_ in ids if id_ not in special}

    def encode(self, text: str) -> list[int]:
        """Ids of a text, without BOS and EOS. Text that looks like a control symbol is text."""
        ids: list[int] = self._processor.encode(without_surrogates(text))
        return ids

    def encode_all(self, texts: Sequence[str]) -> list[list[int]]:
        """Ids of many texts; several times faster than one by one."""
        if not texts:
            return []
        # one thread: starting several takes longer than they save, and a large corpus has a process per core
        ids: list[list[int]] = self._processor.encode([without_surrogates(text) for text in texts], num_threads=1)
        return ids

    def pieces(self, text: str) -> list[str]:
        """The pieces of a text as strings, as many as `encode` gives ids; U+2581 stands for a space."""
        pieces: list[str] = self._processor.encode(without_surrogates(text), out_type=str)
        return pieces

    def word_numbers(self, text: str) -> list[int]:
        """For each piece of a text the number of its word, from 0.

        Words are what white space separates in the text itself: normalisation takes some of it away, and makes some,
        as before the accent of `it´s`.
        """
        text = without_surrogates(text)
        starts = [match.start() for match in re.finditer(r"\S+", text)]
        numbers = []
        for begin, end in self._processor.encode(text, return_type="offset_mapping")["offsets"]:
            # a piece may be nothing but white space, or one byte of a character, which is that of the last byte
            place = end if begin == end or text[end - 1].isspace() else end - 1
            numbers.append(max(0, bisect_right(starts, place) - 1))
        return numbers

    def pieces_of(self, ids: Iterable[int]) -> list[str]:
        """The pieces that ids stand for."""
        return [self._processor.id_to_piece(id_) for id_ in ids]

    def decode(self, ids: Iterable[int]) -> str:
        """Text of ids, on one line: control symbols are passed over, and what would break the line becomes a space.

        Bytes that make up no character become U+FFFD.
        """
        text: str = self._processor.decode([id_ for id_ in ids if id_ >= N_CONTROL or id_ == UNK])
        return one_line(text)

    @staticmethod
    def count_unknown(ids: Iterable[int]) -> int:
        """How many of the ids stand for something that the vocabulary does not have."""
        return sum(id_ == UNK for id_ in ids)


def one_line(text: str) -> str:
    """A text with a space for each character that ends a line somewhere."""
    return text.translate(_LINE_BREAKS)


@dataclass(frozen=True)
class Vocabularies:
    """The vocabularies of both sides; the same object twice if they share one.

    Attributes:
        src: Of the source side.
        tgt: Of the target side.
        notes: What the user should know about learning them.
    """

    src: Vocabulary
    tgt: Vocabulary
    notes: list[str] = field(default_factory=list)

    @classmethod
    def learn(cls, corpus: PairCorpus, config: VocabConfig) -> Self:
        """Learn from the sides of a corpus: together if the config says shared.

        Raises:
            DataError, ConfigError: See `Vocabulary.learn`; bad text is reported as by the corpus.
        """
        sides = sample_sides(corpus, 2, config.max_sentences)
        if config.shared:
            src = tgt = Vocabulary._learn(sides, config)
        else:
            src, tgt = (Vocabulary._learn([side], config) for side in sides)
        return cls(src, tgt, _notes(sides, src, tgt))

    @property
    def shared(self) -> bool:
        """Whether both sides have one vocabulary."""
        return self.src is self.tgt

    @property
    def fingerprint(self) -> str:
        """Sha256 that changes with either vocabulary."""
        if self.shared:
            return self.src.fingerprint
        return hashlib.sha256(f"{self.src.fingerprint} {self.tgt.fingerprint}".encode()).hexdigest()

    @property
    def files(self) -> dict[str, bytes]:
        """Content of `shared.model`, or of `source.model` and `target.model`."""
        return {SHARED: self.src.model} if self.shared else {SOURCE: self.src.model, TARGET: self.tgt.model}

    @classmethod
    def of_files(cls, files: Mapping[str, bytes], *, where: str) -> Self:
        """From what `files` gave.

        Args:
            files: Content by name.
            where: Where they are from, for messages.

        Raises:
            DataError: They are damaged, or not those of a vocabulary.
        """
        if files.keys() == {SHARED}:
            shared = Vocabulary(files[SHARED], where=where)
            return cls(shared, shared)
        if files.keys() != {SOURCE, TARGET}:
            raise DataError("the vocabulary is not there, or not as s2s writes it", where=where, hint=_DAMAGED)
        return cls(Vocabulary(files[SOURCE], where=where), Vocabulary(files[TARGET], where=where))

    def save(self, folder: Path) -> None:
        """Write `files` into a folder that exists."""
        from s2s.run_folder import write_atomic

        for name, content in self.files.items():
            write_atomic(folder / name, content)
        for stale in (SOURCE, TARGET) if self.shared else (SHARED,):
            (folder / stale).unlink(missing_ok=True)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote.

        Raises:
            InputMissingError: There is no vocabulary.
            DataError: It is damaged.
        """
        if (folder / SHARED).is_file():
            shared = Vocabulary.load(folder / SHARED)
            return cls(shared, shared)
        if not (folder / SOURCE).is_file() and not (folder / TARGET).is_file():
            raise InputMissingError("there is no vocabulary", where=str(folder), hint="s2s tokenize CONFIG learns one.")
        return cls(Vocabulary.load(folder / SOURCE), Vocabulary.load(folder / TARGET))


def _processor_of(model: bytes, where: str) -> Any:  # SentencePiece has no types
    import sentencepiece

    if not model:  # which SentencePiece accepts
        raise DataError("the vocabulary file is empty", where=where, hint=_DAMAGED)
    try:
        processor = sentencepiece.SentencePieceProcessor(model_proto=model)
        ids = (processor.pad_id(), processor.unk_id(), processor.bos_id(), processor.eos_id())
        n_control = sum(processor.is_control(id_) for id_ in (PAD, BOS, EOS)) + processor.is_unknown(UNK)
    except Exception as error:
        raise DataError(
            "the vocabulary file is damaged, or none of SentencePiece", where=where, hint=_DAMAGED
        ) from error
    if ids != (PAD, UNK, BOS, EOS) or n_control != N_CONTROL:
        raise DataError(
            f"ids of <pad>, <unk>, <s>, </s> are {ids}; s2s needs {(PAD, UNK, BOS, EOS)}",
            where=where,
            hint="Learn the vocabulary with s2s tokenize.",
        )
    return processor


class _Rows:
    """Lines as rows of one text; can be iterated again."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = lines

    def __iter__(self) -> Iterator[tuple[str]]:
        return ((line,) for line in self._lines)


def _notes(sides: Sequence[Sample], src: Vocabulary, tgt: Vocabulary) -> list[str]:
    notes = [
        f"the text supports a vocabulary of {vocabulary.size:,} pieces, not {vocabulary.requested_size:,}"
        for vocabulary in ([src] if src is tgt else [src, tgt])
        if vocabulary.requested_size is not None
    ]
    if n_left_out := sides[0].n_left_out:  # of each side the same
        notes.append(f"{n_left_out:,} lines a side were left out in learning the vocabulary ({sides[0].limit})")
    return notes
