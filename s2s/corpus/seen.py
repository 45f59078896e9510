"""Which keys came before: a hash table in flat memory, for sets too large for Python objects."""

import numpy as np
import numpy.typing as npt

Keys = npt.NDArray[np.uint64]

_FEWEST_SLOTS = 1 << 14


class SeenKeys:
    """A set of 64-bit hash sums that only grows; 12 to 24 bytes a key, where a Python set of digests takes over 100.

    Open addressing with linear probing: a key is in the first slot from its low bits on that holds it, and 0 marks a
    free slot. All is done on whole arrays, some thousand keys at a time.
    """

    def __init__(self) -> None:
        self._table: Keys = np.zeros(_FEWEST_SLOTS, dtype=np.uint64)
        self._n = 0

    def add(self, keys: Keys) -> npt.NDArray[np.bool_]:
        """Add keys.

        Args:
            keys: Hash sums, spread over all 64 bits.

        Returns:
            Of each, whether it was there before or occurs further left.
        """
        different, first = np.unique(np.maximum(keys, np.uint64(1)), return_index=True)
        self._grow_for(self._n + len(different))
        is_new = _insert(self._table, different)
        self._n += int(is_new.sum())
        before = np.ones(len(keys), dtype=np.bool_)
        before[first[is_new]] = False
        return before

    def __len__(self) -> int:
        return self._n

    def _grow_for(self, n: int) -> None:
        """Keep at least a third of the slots free."""
        n_slots = len(self._table)
        while 3 * n > 2 * n_slots:
            n_slots *= 2
        if n_slots > len(self._table):
            old, self._table = self._table, np.zeros(n_slots, dtype=np.uint64)
            for start in range(0, len(old), 1 << 20):
                part = old[start : start + (1 << 20)]
                _insert(self._table, part[part != 0])


def _insert(table: Keys, keys: Keys) -> npt.NDArray[np.bool_]:
    """Put keys that differ from each other into a table with room for them; whether each was not there before."""
    last = np.uint64(len(table) - 1)  # a power of two less one
    is_new = np.zeros(len(keys), dtype=np.bool_)
    waiting = np.arange(len(keys))
    slots = keys & last
    while len(waiting):
        mine = keys[waiting]
        free = table[slots] == 0
        table[slots[free]] = mine[free]  # of several that want a slot one gets it; the others see that and go on
        settled = table[slots] == mine
        is_new[waiting[settled & free]] = True
        waiting, slots = waiting[~settled], (slots[~settled] + np.uint64(1)) & last
    return is_new
