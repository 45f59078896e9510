"""Which pairs to hold out for validation and test, so that nothing of them is in the training text.

Pairs that say the same, or nearly, are one group, and a group stays on one side. Two pairs belong together if their
sources, or their targets, have the same letters and digits (or, of four words or more, the source of one and the target
of the other), or if their sources differ by one word (another, one more, one less, whatever their order; in up to
`MAX_PAIRS` pairs); and so on from pair to pair. It may be the targets that differ by one word, where only these have
spaces between words. In a text of a few patterns most pairs hang together: such a large group is trained on.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from s2s.doctor.characters import Bytes, Sums
from s2s.doctor.lines import Integers, Truths, look_at

MIN_WORDS = 5
"""Shorter ones are alike only if they are equal: `a dog` and `a cat` are two sentences."""

MAX_PAIRS = 2_000_000
"""Of more pairs only those are found whose sources or targets are equal."""

BYTES_A_WORD = 68
"""What `group` takes for each word of a side, to find those that differ by one."""

_SALTS = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9], dtype=np.uint64)


def group(blocks: Iterable[tuple[Sequence[str], Sequence[str]]], *, side: int | None = 0) -> Integers:
    """Number the groups of pairs that say the same.

    Args:
        blocks: Source and target sides, some thousand at a time.
        side: 0 if sources that differ by one word belong together, 1 if such targets do; None if only equal ones.

    Returns:
        The group of each pair: the index of its first pair.
    """
    keys: list[Sums] = []
    owners: list[Integers] = []
    n = 0
    nothing: Bytes = np.zeros(0x110000, dtype=np.uint8)
    for sources, targets in blocks:
        src, tgt = look_at(sources, nothing), look_at(targets, nothing)
        index = np.arange(n, n + len(sources))
        n += len(sources)
        for lines, salt in ((src, _SALTS[0]), (tgt, _SALTS[1])):
            has_words = lines.n_words > 0
            # what many words say may be on the other side of another pair
            keys.append((lines.text ^ np.where(lines.n_words > 3, _SALTS[0], salt))[has_words])
            owners.append(index[has_words])
        if side is not None:
            words = (src, tgt)[side]
            bag = np.zeros(len(sources), dtype=np.uint64)
            mixed = words.words * _SALTS[2]  # so that words of one bag cannot cancel each other
            np.add.at(bag, words.line_of_word, mixed)
            long = words.n_words >= MIN_WORDS
            keys.append(bag[long])
            owners.append(index[long])
            of_word = long[words.line_of_word]
            lines_of = words.line_of_word[of_word]
            keys.append(bag[lines_of] - mixed[of_word])
            owners.append(index[lines_of])
    return _connected(n, np.concatenate(keys), np.concatenate(owners)) if keys else np.zeros(0, dtype=np.int64)


@dataclass(frozen=True)
class Parts:
    """Which pairs go where.

    Attributes:
        train: Those to train on.
        valid: Those to choose by.
        test: Those to report on.
        n_groups: Groups of more than one pair.
    """

    train: Truths
    valid: Truths
    test: Truths
    n_groups: int


def hold_out(groups: Integers, n_valid: int, n_test: int, seed: int = 1, never: Truths | None = None) -> Parts:
    """Draw whole groups at random for validation and test, small ones only.

    Args:
        groups: The group of each pair.
        n_valid: Pairs wanted for validation.
        n_test: Pairs wanted for the test.
        seed: Of the drawing.
        never: Pairs that are not to be held out, nor what says the same.

    Returns:
        Parts; validation and test have fewer pairs if there are not enough small groups.
    """
    names, of_pair, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    n_groups = int((sizes > 1).sum())
    largest = max(1, (n_valid + n_test) // 100)
    order = np.random.Generator(np.random.PCG64(seed)).permutation(len(names))
    if never is not None:
        sizes[np.unique(of_pair[never])] = largest + 1
    order = order[sizes[order] <= largest]
    before = np.cumsum(sizes[order]) - sizes[order]
    part = np.zeros(len(names), dtype=np.int8)
    part[order[before < n_test]] = 2
    part[order[(before >= n_test) & (before < n_test + n_valid)]] = 1
    side: npt.NDArray[np.int8] = part[of_pair]
    return Parts(side == 0, side == 1, side == 2, n_groups)


def _connected(n: int, keys: Sums, owners: Integers) -> Integers:
    """The least index that each of n things hangs together with, where two with the same key do."""
    order = np.argsort(keys, kind="stable")
    keys, owners = keys[order], owners[order]
    same = keys[1:] == keys[:-1]
    shared = np.append(False, same) | np.append(same, False) if len(keys) else np.zeros(0, dtype=np.bool_)
    keys, owners = keys[shared], owners[shared]
    labels: Integers = np.arange(n)
    if not len(keys):
        return labels
    is_first = np.append(True, keys[1:] != keys[:-1])
    starts, key_of = np.flatnonzero(is_first), np.cumsum(is_first) - 1
    by_owner = np.argsort(owners, kind="stable")
    owner_is_first = np.append(True, np.diff(owners[by_owner]) > 0)
    owner_starts = np.flatnonzero(owner_is_first)
    owner_names = owners[by_owner][owner_starts]
    while True:
        least_of_key = np.minimum.reduceat(labels[owners], starts)
        least = np.minimum.reduceat(least_of_key[key_of][by_owner], owner_starts)
        changed = labels.copy()
        changed[owner_names] = np.minimum(changed[owner_names], least)
        changed = changed[changed]  # a label's label is connected too
        if np.array_equal(changed, labels):
            return labels
        labels = changed
