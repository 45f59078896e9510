"""Sentences of similar length side by side, so that little is padded."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from s2s.symbols import PAD


def batches_by_length(lengths: Sequence[int], budget: int) -> Iterator[list[int]]:
    """Indices in batches of similar length, longest first so that memory peaks at once.

    Args:
        lengths: Of all rows.
        budget: Most rows × longest row of a batch; a row longer than that stands alone.

    >>> list(batches_by_length([2, 5, 3, 2], budget=6))
    [[1], [2, 0], [3]]
    """
    batch: list[int] = []
    for index in sorted(range(len(lengths)), key=lambda index: -lengths[index]):
        if batch and (len(batch) + 1) * lengths[batch[0]] > budget:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


def even_batches(lengths: Sequence[int], budget: int, n_workers: int) -> list[list[int]]:
    """`batches_by_length`, as many for each worker and of about the same size, so that none waits long at the end.

    Args:
        lengths: Of all rows.
        budget: As there.
        n_workers: How many batches are worked on at the same time.

    >>> even_batches([2, 2, 2, 2, 2, 2], budget=8, n_workers=2)
    [[0, 1, 2], [3, 4, 5]]
    """
    batches = list(batches_by_length(lengths, budget))
    if n_workers < 2 or not batches:
        return batches
    n_wanted = -(-len(batches) // n_workers) * n_workers
    smaller = -(-sum(len(batch) * lengths[batch[0]] for batch in batches) // n_wanted)
    while smaller < budget:
        even = list(batches_by_length(lengths, smaller))
        if len(even) <= n_wanted:
            return even
        smaller += smaller // 20 + 1
    return batches


def pad_rows(rows: Sequence[Sequence[int]]) -> Tensor:
    """Rows of ids as one tensor, padded to the right.

    >>> pad_rows([[5, 6, 7], [8]])
    tensor([[5, 6, 7],
            [8, 0, 0]])
    """
    width = max(len(row) for row in rows)
    return torch.tensor([[*row, *[PAD] * (width - len(row))] for row in rows], dtype=torch.long)
