import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from s2s.corpus.seen import SeenKeys

KEYS = st.one_of(st.integers(0, 5), st.integers(2**64 - 3, 2**64 - 1), st.integers(1, 4).map(lambda n: n << 14))


@given(chunks=st.lists(st.lists(KEYS, max_size=30), max_size=6))
def test_as_a_set_does(chunks: list[list[int]]) -> None:
    table, seen = SeenKeys(), set()
    for chunk in chunks:
        expected = []
        for key in chunk:
            key = max(key, 1)  # 0 and 1 count as one
            expected.append(key in seen)
            seen.add(key)
        assert table.add(np.array(chunk, dtype=np.uint64)).tolist() == expected
        assert len(table) == len(seen)


def test_nothing_is_lost_when_it_grows() -> None:
    table = SeenKeys()
    keys = np.random.PCG64(1).random_raw(200_000)
    for start in range(0, len(keys), 8_192):
        assert not table.add(keys[start : start + 8_192]).any()
    assert len(table) == len(keys)
    assert table._table.nbytes <= 24 * len(keys)
    assert table.add(keys[::-1]).all()
    assert len(table) == len(keys)
