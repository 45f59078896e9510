"""Text in one language: which of its lines there is something to learn from, without keeping them in memory."""

from collections.abc import Iterator, Sequence
from hashlib import blake2b
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt

from s2s.console import say
from s2s.corpus.pairs import TABLES, PairCorpus
from s2s.corpus.text import read_lines, uncompressed_suffix
from s2s.doctor.characters import N_CODES, Sums
from s2s.doctor.examine import examine, usual_of
from s2s.doctor.lines import look_at
from s2s.doctor.usual import OTHER, OWN, UsualSide
from s2s.errors import DataError, InputMissingError, UsageError
from s2s.jobs.finish import evenly_spread

_AT_ONCE = 2_048  # lines


class Monolingual:
    """Lines of some files, one after the other: those with text, each once, without those that are held out.

    Iterating reads them as a stream, as often as wanted; a line takes a byte of memory.

    Args:
        files: Plain or compressed text, a sentence a line.
        held_out: Corpora whose targets are left out, short ones too: to leave out a line costs nothing.
    """

    def __init__(self, files: Sequence[Path], held_out: Sequence[PairCorpus]) -> None:
        self._files = files
        for path in files:
            if uncompressed_suffix(path) in TABLES:
                raise UsageError(
                    "is of pairs; text in the target language alone is needed, a sentence a line",
                    where=str(path),
                    hint="s2s adapt learns from pairs, and so does a new training with them in data.train.",
                )
        targets = np.concatenate([np.zeros(0, dtype=np.uint64), *map(_targets_of, held_out)])
        sums, has_text, is_held = [], [], []
        every = self._every()
        while chunk := list(islice(every, _AT_ONCE)):
            sums += [np.array([_sum_of(line) for line in chunk], dtype=np.uint64)]
            has_text += [np.array([bool(line.strip()) for line in chunk])]
            looked = look_at(chunk, np.zeros(N_CODES, dtype=np.uint8))
            is_held += [np.isin(looked.text, targets)]
        if not sums:
            raise InputMissingError("there is no line to learn from", where=self.where)
        is_first = np.zeros(sum(map(len, sums)), dtype=bool)
        is_first[np.unique(np.concatenate(sums), return_index=True)[1]] = True
        once = np.concatenate(has_text) & is_first
        self._is_kept: npt.NDArray[np.bool_] = once & ~np.concatenate(is_held)
        self._n_kept = int(self._is_kept.sum())
        n_again = int(np.concatenate(has_text).sum()) - int(once.sum())
        say(
            f"{self._n_kept:,} lines to learn from; left out {n_again:,} that came before and"
            f" {int(once.sum()) - self._n_kept:,} that are in a validation or test set"
        )
        if not self._n_kept:
            raise InputMissingError("there is no line to learn from", where=self.where)

    @property
    def where(self) -> str:
        """The files, to be shown."""
        return ", ".join(map(str, self._files))

    def _every(self) -> Iterator[str]:
        return (line for path in self._files for line in read_lines(path))

    def __len__(self) -> int:
        return self._n_kept

    def __iter__(self) -> Iterator[str]:
        return (line for line, is_kept in zip(self._every(), self._is_kept, strict=True) if is_kept)

    def check_language(self, source: str, target: str, pairs: PairCorpus) -> None:
        """Look at a sample of the lines: are they sentences in the target language?

        Args:
            source: Source language.
            target: Target language.
            pairs: Text that shows what is usual in both.

        Raises:
            DataError: They are not, or have numbers or other columns before them.
        """
        rows = set(evenly_spread(self._n_kept, _AT_ONCE))
        sample = [line for row, line in enumerate(self) if row in rows]
        if 2 * sum("\t" in line for line in sample) > len(sample):
            raise DataError(
                "most lines have a tab: they are rows of a table",
                where=self.where,
                hint="Give the sentences alone; `cut -f 2 FILE` prints the second column.",
            )
        if not _is_of_target(sample, usual_of(pairs).sides[1]):
            raise DataError(
                f"the text seems to be {source}, or in another script than {target}",
                where=self.where,
                hint=f"Give text in {target}, which the model is to learn to write.",
            )


def _is_of_target(sample: Sequence[str], usual: UsualSide) -> bool:
    """Whether lines have the script of the target side, and its words more often than the source side's."""
    looked = look_at(sample, usual.own)
    classes = usual.class_of(looked)
    n_own, n_other = (int(((classes & one) != 0).sum()) for one in (OWN, OTHER))
    return n_other <= n_own and int(looked.n_own.sum()) * 2 >= int(looked.n_letters.sum())


def _targets_of(corpus: PairCorpus) -> Sums:
    """Hash sums of the targets that have letters."""
    examined = examine(corpus)
    sums: Sums = examined.texts[1][examined.n_words_of[1] > 0]
    return sums


def _sum_of(line: str) -> int:
    return int.from_bytes(blake2b(line.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")
