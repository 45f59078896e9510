"""Which sentences of another text a model was trained on: those of an encoded split that have the same pieces.

Shapes: L pieces of some rows laid end to end, N rows.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from s2s.corpus.seen import Keys
from s2s.corpus.store import EncodedSplit

Truths = npt.NDArray[np.bool_]

_AT_ONCE = 1 << 17  # pairs of the split
_FACTOR = np.uint64(0x9E3779B97F4A7C15)  # by which a pair is not its sides in the other order


def known_to(
    split: EncodedSplit, sources: Sequence[Sequence[int]], targets: Sequence[Sequence[int]]
) -> tuple[Truths, Truths]:
    """Look pairs up in an encoded split.

    Args:
        split: Where to look.
        sources: Source ids of each pair, by the vocabulary of the split.
        targets: As many target ids.

    Returns:
        Of each pair, whether its source is there, and whether it is there with the same target. What has no pieces is
        nowhere.
    """
    src_lengths, tgt_lengths = ([len(row) for row in side] for side in (sources, targets))
    longest = max([*src_lengths, *tgt_lengths, int(split.src_lengths.max()), int(split.tgt_lengths.max())])
    factors = np.random.PCG64(1).random_raw(longest + 1)
    src, tgt = (
        _keys(np.fromiter((id_ for row in side for id_ in row), dtype=np.uint64), lengths, factors)
        for side, lengths in ((sources, src_lengths), (targets, tgt_lengths))
    )
    has_src, has_pair = np.zeros(len(src), dtype=np.bool_), np.zeros(len(src), dtype=np.bool_)
    for start in range(0, len(split), _AT_ONCE):
        rows = slice(start, start + _AT_ONCE)
        src_there, tgt_there = (
            _keys(ids[offsets[start] : offsets[min(start + _AT_ONCE, len(split))]], lengths[rows], factors)
            for ids, offsets, lengths in (
                (split.src_ids, split.src_offsets, split.src_lengths),
                (split.tgt_ids, split.tgt_offsets, split.tgt_lengths),
            )
        )
        has_src |= np.isin(src, src_there)
        has_pair |= np.isin(src * _FACTOR + tgt, src_there * _FACTOR + tgt_there)
    with_text = np.array(src_lengths) > 0
    return has_src & with_text, has_pair & with_text


def _keys(ids_L: npt.NDArray[Any], lengths_N: Sequence[int] | npt.NDArray[Any], factors: Keys) -> Keys:
    """A hash sum of each row: of its ids, each times a random factor of its place, and of its length."""
    lengths_N = np.asarray(lengths_N, dtype=np.int64)
    ends_N = np.cumsum(lengths_N)
    places_L = np.arange(len(ids_L)) - np.repeat(ends_N - lengths_N, lengths_N)
    products_L = ids_L.astype(np.uint64) * factors[places_L]
    # sums wrap round, and so do their differences
    sums = np.concatenate((np.zeros(1, dtype=np.uint64), np.cumsum(products_L)))
    keys: Keys = sums[ends_N] - sums[ends_N - lengths_N] + lengths_N.astype(np.uint64) * factors[-1]
    return keys
