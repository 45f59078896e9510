"""The encoded store: the ids of a split in flat memory-mapped files, reused when they are right and never when stale.

A split's folder holds `src.ids` and `tgt.ids` (all ids one after the other, uint16 or uint32), `src.offsets` and
`tgt.offsets` (int64, where each pair begins, and the end), `lines` and `numbers` (int64, the place of each pair in its
file and in the corpus), `src.sums` and `tgt.sums` (uint32, of each block of the ids), `meta.json` (fingerprint and
report) and the manifest. All numbers are little-endian.

Memory does not grow with the corpus while it is encoded. Once mapped, what is read stays in the system's cache, from
where it goes when memory is short; only the lengths, 8 bytes a pair, are copied.
"""

import functools
import hashlib
import json
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import IO, Any, Self

import numpy as np
import numpy.typing as npt

from s2s.console import say
from s2s.corpus.blocks import BlockSums, CheckedBlocks, n_blocks
from s2s.corpus.cleaning import Cleaner, CleaningRules, Reason
from s2s.corpus.encoder import EncodedChunk, Texts, encode_chunks
from s2s.corpus.pairs import PairCorpus, split_direction, tag_of
from s2s.corpus.report import SplitReport
from s2s.corpus.vocabulary import Vocabularies
from s2s.errors import DataError, InputMissingError
from s2s.run_folder import build_folder, existing_folder, reporting_os_errors, verify_folder

FORMAT_VERSION = 2
META = "meta.json"

_ENCODING = 1  # goes up when the same text, vocabulary and rules give other ids
_CHUNK = 8_192  # pairs encoded together
_AGAIN = "s2s tokenize CONFIG makes it again."
_LARGE = 1 << 28  # bytes of a split from which ids are checked when they are read, not before
_IDS = ("src.ids", "tgt.ids")

Ids = npt.NDArray[np.uint16] | npt.NDArray[np.uint32]
Integers = npt.NDArray[np.int64]
Lengths = npt.NDArray[np.int32]


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
        self._unchecked: list[tuple[CheckedBlocks, Integers]] = []
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
    def open(cls, folder: Path, *, verify: bool = False, late: bool = False) -> Self:
        """Open a split that `encode_split` made.

        Args:
            folder: Its folder.
            verify: Whether to check the sum of every file, which reads them all; sizes are always checked.
            late: With `verify`, whether to check ids not now but when they are first read. The line numbers of a
                split opened so are never checked: they are for messages alone.

        Raises:
            InputMissingError: It is not there.
            DataError: It is damaged (names the file), or of another version of s2s.
        """
        if verify:
            verify_folder(folder, what="encoded split", unread={*_IDS, "lines"} if late else set())
        split = cls(folder)
        if verify and late:
            for ids, offsets in ((split.src_ids, split.src_offsets), (split.tgt_ids, split.tgt_offsets)):
                path = folder / _IDS[len(split._unchecked)]
                sums = _map(path.with_suffix(".sums"), np.dtype("<u4"), n_blocks(ids.nbytes))
                split._unchecked.append((CheckedBlocks(ids, sums, path, _AGAIN), offsets))
        return split

    def check(self, indices: Integers) -> None:
        """To be called before ids of these pairs are read: checks what of them was not checked when it was opened.

        Raises:
            DataError: They are damaged.
        """
        for blocks, offsets in self._unchecked:
            blocks.check(offsets[indices], offsets[indices + 1])

    def __len__(self) -> int:
        return len(self.line_numbers)

    def src(self, index: int) -> Ids:
        """Source ids of a pair."""
        self.check(np.array([index]))
        return self.src_ids[self.src_offsets[index] : self.src_offsets[index + 1]]

    def tgt(self, index: int) -> Ids:
        """Target ids of a pair."""
        self.check(np.array([index]))
        return self.tgt_ids[self.tgt_offsets[index] : self.tgt_offsets[index + 1]]

    @cached_property
    def corpus_starts(self) -> list[int]:
        """The first pair of each corpus that the split was made of."""
        firsts = np.array([first for first, _ in self._origins], dtype=np.int64)
        starts: list[int] = np.searchsorted(self.pair_numbers, firsts).tolist()
        return starts

    @cached_property
    def src_lengths(self) -> Lengths:
        """Pieces of each source, without EOS."""
        return _differences(self.src_offsets)

    @cached_property
    def tgt_lengths(self) -> Lengths:
        """Pieces of each target, without EOS."""
        return _differences(self.tgt_offsets)

    def has_moved(self, identity: list[dict[str, Any]]) -> None:
        """Name the text, for messages, by where it is now; its content is the same."""
        now = {old["spec"]: new["spec"] for old, new in zip(self.report.identity, identity, strict=True)}
        self._origins = [[first, now.get(origin, origin)] for first, origin in self._origins]
        self.report.identity = identity

    def place(self, index: int) -> str:
        """Where a pair stands in the text, for messages: `train.{en,de}:1841`."""
        origin = next(origin for first, origin in reversed(self._origins) if first <= self.pair_numbers[index])
        return f"{origin}:{self.line_numbers[index]}"


def encode_split(
    corpus: PairCorpus,
    vocabularies: Vocabularies,
    folder: Path,
    rules: CleaningRules | None,
    *,
    n_processes: int | None = None,
) -> SplitReport:
    """Clean and encode a corpus as a stream; the folder appears when it is complete and replaces what was there.

    Args:
        corpus: The pairs.
        vocabularies: Of both sides.
        folder: Where to; its parent folders are made.
        rules: Which pairs to drop; None for those with an empty side only.
        n_processes: Of a large corpus, how many processes encode it; None for one per core. The result is the same.

    Raises:
        DataError: The text is bad.
        CannotCreateError, OutputError: The folder cannot be written.
    """
    with reporting_os_errors(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
    fingerprint = fingerprint_of(corpus, vocabularies, rules)
    with build_folder(folder) as temporary:
        with _Writer(temporary, _dtype_for(vocabularies)) as writer:
            report = _encode(corpus, vocabularies, rules, writer, n_processes)
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
    corpus: PairCorpus,
    vocabularies: Vocabularies,
    folder: Path,
    rules: CleaningRules | None,
    *,
    thorough: bool = True,
    n_processes: int | None = None,
) -> tuple[EncodedSplit, SplitReport]:
    """The encoded split: what is in the folder if it is whole and was made from just this, else made now.

    Args:
        corpus: The pairs.
        vocabularies: Of both sides.
        folder: Where the split is or will be.
        rules: Which pairs to drop.
        thorough: Whether to read all that is there to see if it is whole. If not, the ids of a large split are
            checked when they are first read (see `EncodedSplit.check`), and damage there is an error.
        n_processes: See `encode_split`.
    """
    present = existing_folder(folder)
    fingerprint = fingerprint_of(corpus, vocabularies, rules)
    try:
        meta = _read_meta(present)
        if meta["fingerprint"] == fingerprint:
            late = not thorough and meta["report"]["n_bytes"] >= _LARGE
            split = EncodedSplit.open(present, verify=True, late=late)
            split.has_moved(corpus.identity())  # the same content may be elsewhere now
            return split, split.report
    except InputMissingError:  # not there
        pass
    except (DataError, KeyError, TypeError) as error:
        what = f"{error.where}: {error.what}" if isinstance(error, DataError) else f"{present}: {META} is damaged"
        say(f"warning: {what}\n  the split is encoded again")
    report = encode_split(corpus, vocabularies, folder, rules, n_processes=n_processes)
    return EncodedSplit.open(folder), report


def fingerprint_of(corpus: PairCorpus, vocabularies: Vocabularies, rules: CleaningRules | None) -> str:
    """Sha256 over all that the content of a store depends on."""
    content = {
        "format": _ENCODING,
        "data": corpus.fingerprint,
        "vocabulary": vocabularies.fingerprint,
        "rules": rules.as_dict() if rules else None,
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _encode(
    corpus: PairCorpus,
    vocabularies: Vocabularies,
    rules: CleaningRules | None,
    writer: "_Writer",
    n_processes: int | None,
) -> SplitReport:
    report = SplitReport(corpus.identity())
    cleaner = Cleaner(rules)

    @functools.cache
    def tag_lengths(origin: str) -> int:
        direction, _ = split_direction(origin)
        return len(vocabularies.src.encode(tag_of(direction[1]))) if direction else 0

    places: deque[tuple[Sequence[str], Sequence[int]]] = deque()  # origins and lines of the pairs that are on their way

    def chunks() -> Iterator[Texts]:
        pairs = iter(corpus)
        while chunk := list(islice(pairs, _CHUNK)):
            src, tgt, origins, lines = zip(*chunk, strict=True)
            places.append((origins, lines))
            yield list(src), list(tgt)

    for encoded in encode_chunks(chunks(), vocabularies, n_processes):
        origins, lines = places.popleft()
        keep = np.ones(len(lines), dtype=np.bool_)
        blank = encoded.blank
        if any(tag_lengths(origin) for origin in set(origins)):  # a tag alone is no text
            blank = blank[0] | (encoded.lengths[0] <= np.array(list(map(tag_lengths, origins)))), blank[1]
        for index, reason in cleaner.reasons(blank, encoded.keys, encoded.lengths):
            keep[index] = False
            cleaner.drop(reason, f"{origins[index]}:{lines[index]}")
        writer.note_origins(report.read, origins)
        writer.write(encoded, keep, np.array(lines), report.read + np.arange(len(lines)))
        report.read += len(lines)
        report.kept += int(keep.sum())
        for side, counts in enumerate((report.src, report.tgt)):
            counts.add(encoded.lengths[side][keep], encoded.words[side][keep], encoded.unknown[side][keep])
    report.dropped = {reason.value: cleaner.dropped[reason] for reason in Reason}
    report.examples = {reason.value: some for reason, some in cleaner.examples.items()}
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
        self._sums = {name: BlockSums() for name in _IDS}

    def __enter__(self) -> Self:
        for name in ("src.ids", "src.offsets", "tgt.ids", "tgt.offsets", "lines", "numbers"):
            self._files[name] = self._stack.enter_context((self._folder / name).open("xb"))
        for side in ("src", "tgt"):
            self._files[f"{side}.offsets"].write(np.zeros(1, dtype="<i8").tobytes())
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()
        for name, sums in self._sums.items():
            (self._folder / name).with_suffix(".sums").write_bytes(sums.finish())

    def note_origins(self, first: int, origins: Sequence[str]) -> None:
        """Remember with which pair a new origin begins, of pairs from number `first` on."""
        for number, origin in enumerate(origins, start=first):
            if not self.origins or self.origins[-1][1] != origin:
                self.origins.append((number, origin))

    def write(self, chunk: EncodedChunk, keep: npt.NDArray[np.bool_], lines: Integers, numbers: Integers) -> None:
        """Append those pairs of a chunk that are kept."""
        for name, ids, lengths in zip(_IDS, chunk.ids, chunk.lengths, strict=True):
            flat = ids[np.repeat(keep, lengths)].astype(self.dtype).tobytes()
            ends = self._ends[name] + np.cumsum(lengths[keep], dtype="<i8")
            self._files[name].write(flat)
            self._sums[name].add(flat)
            self._files[name.replace("ids", "offsets")].write(ends.tobytes())
            self._ends[name] += int(lengths[keep].sum())
        self._files["lines"].write(lines[keep].astype("<i8").tobytes())
        self._files["numbers"].write(numbers[keep].astype("<i8").tobytes())


def _differences(offsets: Integers) -> Lengths:
    """Lengths from offsets, a part at a time, so that no 8 bytes a pair are taken for 4."""
    lengths = np.empty(len(offsets) - 1, dtype=np.int32)
    for start in range(0, len(lengths), 1 << 20):
        part = offsets[start : start + (1 << 20) + 1]
        np.subtract(part[1:], part[:-1], out=lengths[start : start + (1 << 20)], casting="same_kind")
    return lengths


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
