"""Sums of the blocks of a file, so that a block can be checked when it is first read instead of the whole file before.

CRC-32 finds every damage within 32 bits and all but one in four billion of any other. It is for what disks do, not
for what people do; against those there is the manifest.
"""

import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from s2s.errors import DataError

BLOCK_BYTES = 1 << 16

Sums = npt.NDArray[np.uint32]
Integers = npt.NDArray[np.int64]


class BlockSums:
    """The sums of a file while it is written."""

    def __init__(self) -> None:
        self._sums: list[bytes] = []  # of many blocks each
        self._rest = b""

    def add(self, content: bytes) -> None:
        """Count in what comes next in the file."""
        content = self._rest + content
        end = len(content) // BLOCK_BYTES * BLOCK_BYTES
        self._append(content[:end])
        self._rest = content[end:]

    def finish(self) -> bytes:
        """A sum for each block, uint32; the last block is what is left."""
        self._append(self._rest)
        self._rest = b""
        return b"".join(self._sums)

    def _append(self, content: bytes) -> None:
        view = memoryview(content)
        found = [zlib.crc32(view[start : start + BLOCK_BYTES]) for start in range(0, len(view), BLOCK_BYTES)]
        self._sums.append(np.array(found, dtype="<u4").tobytes())


def n_blocks(n_bytes: int) -> int:
    """Blocks of a file."""
    return -(-n_bytes // BLOCK_BYTES)


class CheckedBlocks:
    """Which blocks of a file were found to be whole. Several threads may check at once.

    Args:
        content: The file, mapped into memory, as an array.
        sums: Of its blocks.
        path: Its name, for messages.
        hint: What to do if it is damaged.
    """

    def __init__(self, content: npt.NDArray[Any], sums: Sums, path: Path, hint: str) -> None:
        self._content, self._sums, self._path, self._hint = content.view(np.uint8).data, sums, path, hint
        self._per_item = content.itemsize
        self._whole = np.zeros(len(sums), dtype=np.bool_)

    def check(self, starts: Integers, ends: Integers) -> None:
        """Check the blocks of some stretches that have not been checked before.

        Args:
            starts: Index in the array where each stretch begins.
            ends: Index where it ends.

        Raises:
            DataError: One is damaged.
        """
        filled = ends > starts
        first = starts[filled] * self._per_item // BLOCK_BYTES
        last = (ends[filled] * self._per_item - 1) // BLOCK_BYTES
        for offset in range(int((last - first).max(initial=0)) + 1):
            touched = np.minimum(first + offset, last)
            for block in np.unique(touched[~self._whole[touched]]):
                self._check(int(block))

    def _check(self, block: int) -> None:
        start = block * BLOCK_BYTES
        if zlib.crc32(self._content[start : start + BLOCK_BYTES]) != self._sums[block]:
            place = f"bytes {start:,} to {start + BLOCK_BYTES:,}"
            raise DataError(f"{self._path.name} is damaged ({place})", where=str(self._path.parent), hint=self._hint)
        self._whole[block] = True
