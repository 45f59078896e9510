"""The encoded store: the ids of a split in flat memory-mapped files, reused when they are right and never when stale.

A split's folder holds `src.ids` and `tgt.ids` (all ids one after the other, uint16 or uint32), `src.offsets` and
`tgt.offsets` (int64, where each pair begins, and the end), `lines` and `numbers` (int64, the place of each pair in its
file and in the corpus), `meta.json` (fingerprint and report) and the manifest. All numbers are little-endian.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import IO, Any, Self

import numpy as np
import numpy.typing as npt

from s2s.corpus.cleaning import Cleaner, CleaningRules, Reason
from s2s.corpus.pairs import Pair, PairCorpus
from s2s.corpus.vocabulary import Vocabularies, Vocabulary
from s2s.errors import DataError, InputMissingError
from s2s.run_folder import build_folder, existing_folder, reporting_os_errors, verify_folder

FORMAT_VERSION = 1
META = "meta.json"

_CHUNK = 8_192  # pairs encoded together
_AGAIN = "Delete the folder: s2s tokenize CONFIG makes it again."

Ids = npt.NDArray[np.uint16] | npt.NDArray[np.uint32]
Integers = npt.NDArray[np.int64]


@dataclass
class SideReport:
    """Counts of one side of the kept pairs.

    Attributes:
        pieces: Pieces, without end symbols.
        words: Runs of characters between white space.
        unknown: Pieces that stand for something the vocabulary does not have.
        longest: Pieces of the longest.
    """

    pieces: int = 0
    words: int = 0
    unknown: int = 0
    longest: int = 0

    def add(self, texts: list[str], ids: list[list[int]]) -> None:
        """Count some more."""
        self.words += sum(len(text.split()) for text in texts)
        for one in ids:
            self.pieces += len(one)
            self.unknown += Vocabulary.count_unknown(one)
            self.longest = max(self.longest, len(one))

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        per_word = round(self.pieces / self.words, 4) if self.words else None
        rate = round(self.unknown / self.pieces, 6) if self.pieces else None
        counts = {"pieces": self.pieces, "words": self.words, "unknown": self.unknown, "longest": self.longest}
        return {**counts, "pieces_per_word": per_word, "unknown_rate": rate}

    def text(self) -> str:
        """In words."""
        per_word = f", {self.pieces / self.words:.2f} a word" if self.words else ""
        unknown = f", {100 * self.unknown / self.pieces:.3f} % unknown" if self.unknown else ""
        return f"{self.pieces:,} pieces{per_word}, at most {self.longest:,} in a line{unknown}"


@dataclass
class SplitReport:
    """What became of the pairs of a split.

    Attributes:
        identity: What the pairs come from.
        read: Pairs there were.
        kept: Pairs that are in the store.
        dropped: Pairs that are not, by reason.
        examples: The first few places of each reason.
        src: Counts of the source side.
        tgt: Counts of the target side.
        n_bytes: Size of the store.
    """

    identity: list[dict[str, Any]]
    read: int = 0
    kept: int = 0
    dropped: dict[str, int] = field(default_factory=dict)
    examples: dict[str, list[str]] = field(default_factory=dict)
    src: SideReport = field(default_factory=SideReport)
    tgt: SideReport = field(default_factory=SideReport)
    n_bytes: int = 0

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**vars(self), "src": self.src.as_dict(), "tgt": self.tgt.as_dict()}

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> Self:
        """The reverse of `as_dict`."""
        names = ("pieces", "words", "unknown", "longest")
        sides = {side: SideReport(*(content[side][name] for name in names)) for side in ("src", "tgt")}
        return cls(**{**content, **sides})

    def text(self) -> str:
        """In words, some lines."""
        if self.kept == self.read:
            lines = [f"{self.read:,} pairs"]
        else:
            lines = [f"{self.kept:,} of {self.read:,} pairs kept"]
        for reason, count in self.dropped.items():
            if count:
                places = ", ".join(self.examples[reason])
                more = ", …" if count > len(self.examples[reason]) else ""
                lines.append(f"dropped {count:,}: {reason} ({places}{more})")
        lines += [f"source: {self.src.text()}", f"target: {self.tgt.text()}"]
        return "\n  ".join(lines)


class EncodedSplit:
    """An encoded split, memory-mapped for reading. Ids are without BOS and EOS.

    Attributes:
        src_ids, tgt_ids: All ids of a side.
        src_offsets, tgt_offsets: Pair i is `ids[offsets[i]:offsets[i + 1]]`.
        line_numbers: Line of each pair in its file, from 1.
        pair_numbers: Place of each pair in the corpus, from 0.
        fingerprint: Of data, vocabulary and rules.
        report: What became of the pairs.
    """

    def __init__(self, folder: Path) -> None:
        meta = _read_meta(folder)
        try:
            n_pairs, dtype = meta["n_pairs"], np.dtype(meta["dtype"])
            self.fingerprint: str = meta["fingerprint"]
            self._origins: list[list[Any]] = meta["origins"]
            self.report = SplitReport.from_dict(meta["report"])
            n_src, n_tgt = self.report.src.pieces, self.report.tgt.pieces
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"{META} is damaged", where=str(folder), hint=_AGAIN) from error
        self.src_ids: Ids = _map(folder / "src.ids", dtype, n_src)
        self.tgt_ids: Ids = _map(folder / "tgt.ids", dtype, n_tgt)
        self.src_offsets: Integers = _map(folder / "src.offsets", np.dtype("<i8"), n_pairs + 1)
        self.tgt_offsets: Integers = _map(folder / "tgt.offsets", np.dtype("<i8"), n_pairs + 1)
        self.line_numbers: Integers = _map(folder / "lines", np.dtype("<i8"), n_pairs)
        self.pair_numbers: Integers = _map(folder / "numbers", np.dtype("<i8"), n_pairs)
        for name, offsets, n_ids in (("src", self.src_offsets, n_src), ("tgt", self.tgt_offsets, n_tgt)):
            if offsets[0] != 0 or offsets[-1] != n_ids:
                raise DataError(f"{name}.offsets is damaged", where=str(folder), hint=_AGAIN)

    @classmethod
    def open(cls, folder: Path, *, verify: bool = False) -> Self:
        """Open a split that `encode_split` made.

        Args:
            folder: Its folder.
            verify: Whether to check the sum of every file, which reads them all; sizes are always checked.

        Raises:
            InputMissingError: It is not there.
            DataError: It is damaged (names the file), or of another version of s2s.
        """
        if verify:
            verify_folder(folder, what="encoded split")
        return cls(folder)

    def __len__(self) -> int:
        return len(self.line_numbers)

    def src(self, index: int) -> Ids:
        """Source ids of a pair."""
        return self.src_ids[self.src_offsets[index] : self.src_offsets[index + 1]]

    def tgt(self, index: int) -> Ids:
        """Target ids of a pair."""
        return self.tgt_ids[self.tgt_offsets[index] : self.tgt_offsets[index + 1]]

    @property
    def src_lengths(self) -> Integers:
        """Pieces of each source, without EOS."""
        return np.diff(self.src_offsets)

    @property
    def tgt_lengths(self) -> Integers:
        """Pieces of each target, without EOS."""
        return np.diff(self.tgt_offsets)

    def place(self, index: int) -> str:
        """Where a pair stands in the text, for messages: `train.{en,de}:1841`."""
        origin = next(origin for first, origin in reversed(self._origins) if first <= self.pair_numbers[index])
        return f"{origin}:{self.line_numbers[index]}"


def encode_split(
    corpus: PairCorpus, vocabularies: Vocabularies, folder: Path, rules: CleaningRules | None
) -> SplitReport:
    """Clean and encode a corpus as a stream; the folder appears when it is complete and replaces what was there.

    Args:
        corpus: The pairs.
        vocabularies: Of both sides.
        folder: Where to; its parent folders are made.
        rules: Which pairs to drop; None for those with an empty side only.

    Raises:
        DataError: The text is bad.
        CannotCreateError, OutputError: The folder cannot be written.
    """
    with reporting_os_errors(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
    fingerprint = fingerprint_of(corpus, vocabularies, rules)
    with build_folder(folder) as temporary:
        with _Writer(temporary, _dtype_for(vocabularies)) as writer:
            report = _encode(corpus, vocabularies, rules, writer)
        report.n_bytes = sum(path.stat().st_size for path in temporary.iterdir())
        meta = {
            "format_version": FORMAT_VERSION,
            "fingerprint": fingerprint,
            "n_pairs": report.kept,
            "dtype": writer.dtype.str,
            "origins": writer.origins,
            "report": report.as_dict(),
        }
        (temporary / META).write_text(json.dumps(meta, indent=1, ensure_ascii=False) + "\n", "utf-8")
    return report


def ensure_split(
    corpus: PairCorpus, vocabularies: Vocabularies, folder: Path, rules: CleaningRules | None
) -> tuple[EncodedSplit, SplitReport]:
    """The encoded split: what is in the folder if it is whole and was made from just this, else made now."""
    present = existing_folder(folder)
    fingerprint = fingerprint_of(corpus, vocabularies, rules)
    try:
        if _read_meta(present)["fingerprint"] == fingerprint:
            split = EncodedSplit.open(present, verify=True)
            split.report.identity = corpus.identity()  # the same content may be elsewhere now
            return split, split.report
    except (DataError, InputMissingError, KeyError):  # damaged, or not there
        pass
    report = encode_split(corpus, vocabularies, folder, rules)
    return EncodedSplit.open(folder), report


def fingerprint_of(corpus: PairCorpus, vocabularies: Vocabularies, rules: CleaningRules | None) -> str:
    """Sha256 over all that the content of a store depends on."""
    content = {
        "format": FORMAT_VERSION,
        "data": corpus.fingerprint,
        "vocabulary": vocabularies.fingerprint,
        "rules": rules.as_dict() if rules else None,
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _encode(
    corpus: PairCorpus, vocabularies: Vocabularies, rules: CleaningRules | None, writer: "_Writer"
) -> SplitReport:
    report = SplitReport(corpus.identity())
    cleaner = Cleaner(rules)
    for chunk in _chunks(enumerate(corpus)):
        report.read += len(chunk)
        pairs = []
        for number, pair in chunk:
            writer.note_origin(number, pair.origin)
            if reason := cleaner.reason_by_text(pair.src, pair.tgt):
                cleaner.drop(reason, _place(pair))
            else:
                pairs.append((number, pair))
        src_ids = vocabularies.src.encode_all([pair.src for _, pair in pairs])
        tgt_ids = vocabularies.tgt.encode_all([pair.tgt for _, pair in pairs])
        kept = []
        for index, (_, pair) in enumerate(pairs):
            if reason := cleaner.reason_by_pieces(src_ids[index], tgt_ids[index]):
                cleaner.drop(reason, _place(pair))
            else:
                kept.append(index)
        writer.write(
            [src_ids[index] for index in kept],
            [tgt_ids[index] for index in kept],
            [pairs[index][1].line for index in kept],
            [pairs[index][0] for index in kept],
        )
        report.kept += len(kept)
        report.src.add([pairs[index][1].src for index in kept], [src_ids[index] for index in kept])
        report.tgt.add([pairs[index][1].tgt for index in kept], [tgt_ids[index] for index in kept])
    report.dropped = {reason.value: cleaner.dropped[reason] for reason in Reason}
    report.examples = {reason.value: places for reason, places in cleaner.examples.items()}
    return report


class _Writer:
    """The files of a split while it is made."""

    def __init__(self, folder: Path, dtype: np.dtype[Any]) -> None:
        self.dtype = dtype
        self.origins: list[tuple[int, str]] = []
        self._folder = folder
        self._stack = ExitStack()
        self._files: dict[str, IO[bytes]] = {}
        self._ends = Counter[str]()

    def __enter__(self) -> Self:
        for name in ("src.ids", "src.offsets", "tgt.ids", "tgt.offsets", "lines", "numbers"):
            self._files[name] = self._stack.enter_context((self._folder / name).open("xb"))
        for side in ("src", "tgt"):
            self._files[f"{side}.offsets"].write(np.zeros(1, dtype="<i8").tobytes())
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()

    def note_origin(self, number: int, origin: str) -> None:
        """Remember with which pair a new origin begins."""
        if not self.origins or self.origins[-1][1] != origin:
            self.origins.append((number, origin))

    def write(self, src: list[list[int]], tgt: list[list[int]], lines: list[int], numbers: list[int]) -> None:
        """Append some pairs."""
        for side, ids in (("src", src), ("tgt", tgt)):
            ends = self._ends[side] + np.cumsum([len(one) for one in ids], dtype="<i8")
            flat = np.fromiter(chain.from_iterable(ids), dtype=self.dtype)
            self._files[f"{side}.ids"].write(flat.tobytes())
            self._files[f"{side}.offsets"].write(ends.tobytes())
            self._ends[side] += len(flat)
        self._files["lines"].write(np.array(lines, dtype="<i8").tobytes())
        self._files["numbers"].write(np.array(numbers, dtype="<i8").tobytes())


def _chunks(pairs: Iterator[tuple[int, Pair]]) -> Iterator[list[tuple[int, Pair]]]:
    while chunk := list(islice(pairs, _CHUNK)):
        yield chunk


def _place(pair: Pair) -> str:
    return f"{pair.origin}:{pair.line}"


def _dtype_for(vocabularies: Vocabularies) -> np.dtype[Any]:
    return np.dtype("<u2" if max(vocabularies.src.size, vocabularies.tgt.size) <= 65_535 else "<u4")


def _read_meta(folder: Path) -> dict[str, Any]:
    path = folder / META
    try:
        meta = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise InputMissingError("there is no encoded split", where=str(folder)) from error
    except OSError as error:
        raise InputMissingError(f"cannot be read: {error.strerror or error}", where=str(path)) from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{META} is damaged", where=str(folder), hint=_AGAIN) from error
    if not isinstance(meta, dict) or meta.get("format_version") != FORMAT_VERSION:
        raise DataError("was written by another version of s2s", where=str(folder), hint=_AGAIN)
    return meta


def _map(path: Path, dtype: np.dtype[Any], n: int) -> Any:
    """A file as a read-only array, after a check of its size."""
    try:
        size = path.stat().st_size
        if size != n * dtype.itemsize:
            raise DataError(
                f"{path.name} is damaged ({size:,} bytes instead of {n * dtype.itemsize:,})",
                where=str(path.parent),
                hint=_AGAIN,
            )
        if n == 0:  # an empty file cannot be mapped
            return np.empty(0, dtype=dtype)
        return np.asarray(np.memmap(path, dtype=dtype, mode="r"))  # a plain array is quicker to index
    except FileNotFoundError as error:
        raise DataError(f"{path.name} is missing", where=str(path.parent), hint=_AGAIN) from error
    except OSError as error:
        raise InputMissingError(f"cannot be read: {error.strerror or error}", where=str(path)) from error
