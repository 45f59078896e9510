"""Batches: pairs of similar length up to a budget of tokens, in an order that is a pure function of seed and epoch.

Resuming in the middle of an epoch therefore needs two integers. The random numbers are raw output of PCG64, which
NumPy promises never to change; its `permutation` and `shuffle` carry no such promise.

Shapes: B pairs, S source positions, T target positions, N real target positions.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, overload

import numpy as np
import numpy.typing as npt
import torch

from s2s.corpus.noise import Noise
from s2s.corpus.store import EncodedSplit
from s2s.symbols import BOS, EOS, PAD

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Batch:
    """Some pairs as tensors of int64, PAD to the right.

    Attributes:
        src_BS: Source ids and EOS.
        tgt_in_BT: BOS and target ids: what the decoder sees.
        tgt_out_BT: Target ids and EOS: what it shall say.
        real_N: The real positions of `tgt_out_BT`, as indices into its rows laid end to end.
        n_target_tokens: Their number N.
        pairs: Index of each row in its split.
    """

    src_BS: torch.Tensor
    tgt_in_BT: torch.Tensor
    tgt_out_BT: torch.Tensor
    real_N: torch.Tensor
    n_target_tokens: int
    pairs: Integers


def plan_epoch(
    src_lengths: npt.NDArray[Any], tgt_lengths: npt.NDArray[Any], *, batch_tokens: int, seed: int, epoch: int
) -> "EpochPlan":
    """Which pairs make up each batch of an epoch.

    Pairs are shuffled, sorted by length so that ties stay in random order, cut into batches, and the batches shuffled.
    The sort is by target length and, within it, by source length, up and down in turns: without the turns, a batch
    that spans two target lengths would hold the longest sources of one and the shortest of the other.

    Args:
        src_lengths: Pieces of each source, without EOS.
        tgt_lengths: Pieces of each target, without EOS.
        batch_tokens: The most that (rows × longest side, EOS included) may be. A single pair longer than that makes
            up a batch of its own: nothing is left out.
        seed: Seed of the run.
        epoch: Number of the epoch, from 0.

    Returns:
        Indices of pairs, an array for each batch; every pair is in exactly one.
    """
    n = len(src_lengths)
    if n == 0:
        return EpochPlan(np.empty(0, dtype=np.int32), np.zeros(1, dtype=np.int64), np.empty(0, dtype=np.int64))
    random = np.random.PCG64(np.random.SeedSequence([seed, epoch]))
    order = _by_length(src_lengths, tgt_lengths, random.random_raw(n))
    longest = np.maximum(src_lengths, tgt_lengths)[order] + 1
    starts = _cut(longest, batch_tokens)
    return EpochPlan(order, np.array([*starts, n]), _shuffled(random, len(starts)))


def plan_balanced_epoch(
    split: EncodedSplit, *, batch_tokens: int, seed: int, epoch: int, temperature: float
) -> "EpochPlan":
    """`plan_epoch` of a split, with small corpora of it more often than they are large, and large ones less.

    A corpus of n pairs gets a share of the epoch that goes with n^(1/T): at T = 1 as it is, at T = 5 nearly an even one
    (Arivazhagan et al. 2019). What is left of a large one comes in other epochs: who is drawn is a function of seed and
    epoch.

    Args:
        split: The pairs.
        batch_tokens: See `plan_epoch`.
        seed: Seed of the run.
        epoch: Number of the epoch, from 0.
        temperature: T.
    """
    starts = [*split.corpus_starts, len(split)]
    if temperature == 1.0 or len(starts) <= 2:
        return plan_epoch(split.src_lengths, split.tgt_lengths, batch_tokens=batch_tokens, seed=seed, epoch=epoch)
    sizes = np.diff(starts)
    shares = np.where(sizes > 0, np.maximum(sizes, 1) ** (1 / temperature), 0.0)
    copies_of = len(split) * shares / shares.sum() / np.maximum(sizes, 1)
    random = np.random.PCG64(np.random.SeedSequence([seed, epoch, 1])).random_raw(len(split))
    copies = np.repeat(np.floor(copies_of).astype(np.int64), sizes)
    copies += random / 2.0**64 < np.repeat(copies_of % 1.0, sizes)
    pairs = np.repeat(np.arange(len(split)), copies)
    plan = plan_epoch(
        split.src_lengths[pairs], split.tgt_lengths[pairs], batch_tokens=batch_tokens, seed=seed, epoch=epoch
    )
    return plan.of(pairs)


class EpochPlan(Sequence[Integers]):
    """The batches of an epoch, each made when it is asked for: 4 bytes a pair, and 16 bytes a batch.

    Args:
        order: All pairs, those of a batch together.
        ends: Where the first batch begins in `order`, where the second does, … and where the last ends.
        turns: In which order batches come.
    """

    def __init__(self, order: npt.NDArray[Any], ends: Integers, turns: Integers) -> None:
        self._order, self._ends, self._turns = order, ends, turns

    def __len__(self) -> int:
        return len(self._turns)

    def of(self, pairs: Integers) -> "EpochPlan":
        """The same batches of other pairs: `pairs[i]` where this has i."""
        return EpochPlan(pairs[self._order].astype(self._order.dtype), self._ends, self._turns)

    @overload
    def __getitem__(self, number: int) -> Integers: ...

    @overload
    def __getitem__(self, number: slice) -> list[Integers]: ...

    def __getitem__(self, number: int | slice) -> Integers | list[Integers]:
        """The indices of the pairs of a batch, or of some batches."""
        if isinstance(number, slice):
            return [self[one] for one in range(*number.indices(len(self)))]
        turn = self._turns[number]
        return self._order[self._ends[turn] : self._ends[turn + 1]].astype(np.int64)


def _by_length(
    src_lengths: npt.NDArray[Any], tgt_lengths: npt.NDArray[Any], random: npt.NDArray[np.uint64]
) -> npt.NDArray[Any]:
    """Pairs in the order of their lengths, where these are the same in that of `random`, else in that of the store.

    One sort by both, as one number: the lengths in the high bits and as much of `random` as there is room for below.
    """
    tgt = np.asarray(tgt_lengths, dtype=np.int64) + 1
    src = np.asarray(src_lengths, dtype=np.int64) + 1
    width = int(src.max()) + 1
    key = tgt * width
    key += np.where(tgt % 2 == 0, src, width - 1 - src)
    del src, tgt
    n_bits = int(key.max()).bit_length()
    both = (key.view(np.uint64) << np.uint64(64 - n_bits)) | (random >> np.uint64(n_bits))
    order = np.argsort(both)
    both = both[order]
    if (both[1:] == both[:-1]).any():  # too little of `random` to tell them all apart: the slow way
        order = np.lexsort((random, key))
    return order.astype(np.int32 if len(order) < 2**31 else np.int64)


def collate(
    split: EncodedSplit,
    indices: Integers,
    noise: Noise | None = None,
    random: np.random.PCG64 | None = None,
) -> Batch:
    """Make the tensors of a batch.

    Args:
        split: Where the ids are.
        indices: Pairs of the batch.
        noise: If given, what is done to the text at random. Hidden pieces are still to be said.
        random: Where it draws from.
    """
    split.check(indices)
    src, src_rows = _gather(split.src_ids, split.src_offsets, indices)
    tgt, tgt_rows = _gather(split.tgt_ids, split.tgt_offsets, indices)
    src_seen, tgt_seen = src, tgt
    if noise is not None and random is not None:
        src, src_rows = noise.src.split(src, src_rows, random)
        tgt, tgt_rows = noise.tgt.split(tgt, tgt_rows, random)
        src_seen, tgt_seen = noise.src.hide(src, random), noise.tgt.hide(tgt, random)
    src_columns, src_ends = _columns(src_rows, len(indices))
    tgt_columns, tgt_ends = _columns(tgt_rows, len(indices))
    rows = np.arange(len(indices))
    src_BS = np.full((len(indices), int(src_ends.max()) + 1), PAD, dtype=np.int64)
    src_BS[src_rows, src_columns] = src_seen
    src_BS[rows, src_ends] = EOS
    tgt_out_BT = np.full((len(indices), int(tgt_ends.max()) + 1), PAD, dtype=np.int64)
    tgt_in_BT = tgt_out_BT.copy()
    tgt_out_BT[tgt_rows, tgt_columns] = tgt
    tgt_out_BT[rows, tgt_ends] = EOS
    tgt_in_BT[tgt_rows, tgt_columns + 1] = tgt_seen
    tgt_in_BT[:, 0] = BOS
    return Batch(
        torch.from_numpy(src_BS),
        torch.from_numpy(tgt_in_BT),
        torch.from_numpy(tgt_out_BT),
        torch.from_numpy(np.flatnonzero(tgt_out_BT)),
        len(tgt) + len(indices),
        np.asarray(indices, dtype=np.int64),
    )


def _shuffled(random: np.random.PCG64, n: int) -> Integers:
    """The numbers 0 to n - 1 in random order."""
    return np.argsort(random.random_raw(n), kind="stable")


def _cut(lengths: Integers, batch_tokens: int) -> list[int]:
    """Where batches start if each takes as many pairs as the budget allows, in the given order."""
    n = len(lengths)
    starts = []
    start = 0
    while start < n:
        starts.append(start)
        # no more rows than this can fit, as the longest is at least the first
        window = min(n - start, batch_tokens // int(lengths[start]) + 1)
        cost = np.maximum.accumulate(lengths[start : start + window]) * np.arange(1, window + 1)
        start += max(1, int(np.searchsorted(cost, batch_tokens, side="right")))
    return starts


def _gather(ids: npt.NDArray[Any], offsets: Integers, indices: Integers) -> tuple[npt.NDArray[Any], Integers]:
    """The ids of some pairs one after the other, with the row of each."""
    first = offsets[indices]
    lengths = offsets[indices + 1] - first
    rows = np.repeat(np.arange(len(indices)), lengths)
    columns, _ = _columns(rows, len(indices))
    return ids[np.repeat(first, lengths) + columns], rows


def _columns(rows: Integers, n_rows: int) -> tuple[Integers, Integers]:
    """The column of each piece, and the length of each row."""
    lengths = np.bincount(rows, minlength=n_rows)
    return np.arange(len(rows)) - np.repeat(np.cumsum(lengths) - lengths, lengths), lengths
