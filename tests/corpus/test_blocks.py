import itertools
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from s2s.corpus.blocks import BLOCK_BYTES, BlockSums, CheckedBlocks, n_blocks
from s2s.errors import DataError


def sums_of(content: bytes) -> list[int]:
    return [zlib.crc32(content[start : start + BLOCK_BYTES]) for start in range(0, len(content), BLOCK_BYTES)]


@given(sizes=st.lists(st.sampled_from([0, 1, 7, BLOCK_BYTES - 1, BLOCK_BYTES, 2 * BLOCK_BYTES + 5]), max_size=6))
def test_sums_do_not_depend_on_how_it_was_written(sizes: list[int]) -> None:
    content = np.random.Generator(np.random.PCG64(1)).bytes(sum(sizes))
    sums, ends = BlockSums(), [0, *itertools.accumulate(sizes)]
    for start, end in itertools.pairwise(ends):
        sums.add(content[start:end])
    assert np.frombuffer(sums.finish(), dtype="<u4").tolist() == sums_of(content)
    assert len(sums_of(content)) == n_blocks(len(content))


PER_BLOCK = BLOCK_BYTES // 2
N = 3 * PER_BLOCK + 10


@given(
    damaged=st.integers(0, 2 * N - 1),
    stretches=st.lists(st.tuples(st.integers(0, N), st.integers(0, N)).map(sorted), min_size=1, max_size=5),
)
def test_damage_is_found_where_it_is_read_and_nowhere_else(damaged: int, stretches: list[list[int]]) -> None:
    content = bytearray(2 * N)
    sums = np.array(sums_of(content), dtype=np.uint32)
    content[damaged] ^= 4
    blocks = CheckedBlocks(np.frombuffer(content, dtype=np.uint16), sums, Path("train/src.ids"), "again")
    block = damaged // BLOCK_BYTES
    touched = any(start < end and start // PER_BLOCK <= block <= (end - 1) // PER_BLOCK for start, end in stretches)
    starts, ends = np.array(stretches).T
    if touched:
        with pytest.raises(DataError, match=r"src\.ids is damaged"):
            blocks.check(starts, ends)
    else:
        blocks.check(starts, ends)
        blocks.check(starts, ends)


def test_a_block_is_read_once() -> None:
    content = np.zeros(N, dtype=np.uint16)
    blocks = CheckedBlocks(content, np.array(sums_of(content.tobytes()), dtype=np.uint32), Path("x"), "")
    blocks.check(np.array([5]), np.array([PER_BLOCK]))
    content[3] = 1
    blocks.check(np.array([2]), np.array([4]))
    with pytest.raises(DataError):
        CheckedBlocks(content, np.array(sums_of(bytes(2 * N)), dtype=np.uint32), Path("x"), "").check(
            np.array([5]), np.array([6])
        )
