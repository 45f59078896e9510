from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from s2s.config.schema import VocabConfig
from s2s.corpus.batches import _by_length, collate, plan_epoch
from s2s.corpus.pairs import open_pairs
from s2s.corpus.store import EncodedSplit, ensure_split
from s2s.corpus.vocabulary import Vocabularies
from s2s.symbols import BOS, EOS, PAD

LENGTHS = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=120)


def plan(lengths: list[tuple[int, int]], batch_tokens: int = 100, seed: int = 1, epoch: int = 0) -> list[list[int]]:
    src, tgt = (np.array([pair[side] for pair in lengths], dtype=np.int64) for side in (0, 1))
    return [batch.tolist() for batch in plan_epoch(src, tgt, batch_tokens=batch_tokens, seed=seed, epoch=epoch)]


@given(lengths=LENGTHS, batch_tokens=st.integers(8, 200), seed=st.integers(0, 2**31 - 1), epoch=st.integers(0, 1000))
def test_every_pair_once_within_the_budget(
    lengths: list[tuple[int, int]], batch_tokens: int, seed: int, epoch: int
) -> None:
    batches = plan(lengths, batch_tokens, seed, epoch)
    assert sorted(index for batch in batches for index in batch) == list(range(len(lengths)))
    for batch in batches:
        cost = len(batch) * (max(max(lengths[index]) for index in batch) + 1)
        assert cost <= batch_tokens or len(batch) == 1
    assert batches == plan(lengths, batch_tokens, seed, epoch)


def some_lengths(n: int) -> list[tuple[int, int]]:
    generator = np.random.Generator(np.random.PCG64(1))
    src = generator.integers(4, 40, n)
    return [(int(one), int(other)) for one, other in zip(src, src + generator.integers(-3, 4, n), strict=True)]


def simple_plan(lengths: list[tuple[int, int]], batch_tokens: int, seed: int, epoch: int) -> list[list[int]]:
    """Step by step: shuffle, sort by length, cut, shuffle."""
    random = np.random.PCG64(np.random.SeedSequence([seed, epoch]))
    width = max(src for src, _ in lengths) + 2

    def place(index: int) -> tuple[int, int]:
        src, tgt = lengths[index][0] + 1, lengths[index][1] + 1
        return tgt, src if tgt % 2 == 0 else width - 1 - src

    order = sorted(np.argsort(random.random_raw(len(lengths))).tolist(), key=place)
    batches: list[list[int]] = [[]]
    for index in order:
        longest = max(max(lengths[one]) for one in [*batches[-1], index]) + 1
        if batches[-1] and longest * (len(batches[-1]) + 1) > batch_tokens:
            batches.append([])
        batches[-1].append(index)
    return [batches[turn] for turn in np.argsort(random.random_raw(len(batches)))]


@given(lengths=LENGTHS.filter(bool), batch_tokens=st.integers(8, 200), seed=st.integers(0, 9), epoch=st.integers(0, 9))
def test_as_step_by_step(lengths: list[tuple[int, int]], batch_tokens: int, seed: int, epoch: int) -> None:
    assert plan(lengths, batch_tokens, seed, epoch) == simple_plan(lengths, batch_tokens, seed, epoch)


@given(lengths=LENGTHS.filter(bool), random=st.lists(st.integers(0, 3), min_size=120, max_size=120))
def test_pairs_that_the_random_numbers_hardly_tell_apart(lengths: list[tuple[int, int]], random: list[int]) -> None:
    src, tgt = (np.array([pair[side] for pair in lengths]) for side in (0, 1))
    numbers = np.array(random[: len(lengths)], dtype=np.uint64)
    order = _by_length(src, tgt, numbers).tolist()
    assert sorted(order) == list(range(len(lengths)))
    ranks = [(lengths[index][1], int(numbers[index]), index) for index in order if lengths[index][0] == 0]
    assert ranks == sorted(ranks)


def test_a_plan_is_a_sequence() -> None:
    src, tgt = (np.array(side) for side in zip(*some_lengths(300), strict=True))
    found = plan_epoch(src, tgt, batch_tokens=100, seed=1, epoch=0)
    batches = [batch.tolist() for batch in found]
    assert len(batches) == len(found)
    assert found[len(found) - 1].tolist() == found[-1].tolist() == batches[-1]
    assert [batch.tolist() for batch in found[3:9:2]] == batches[3:9:2]
    assert found[0].dtype == np.int64
    with pytest.raises(IndexError):
        found[len(found)]


def test_epochs_and_seeds_differ_in_order_and_in_company() -> None:
    lengths = some_lengths(2000)
    plans = [plan(lengths, 1000, seed, epoch) for seed, epoch in ((1, 0), (1, 1), (2, 0), (2, 1))]
    for number, one in enumerate(plans):
        for other in plans[:number]:
            assert one != other
            assert {frozenset(batch) for batch in one} != {frozenset(batch) for batch in other}


def test_the_order_is_the_same_on_every_machine() -> None:
    assert plan([(3, 3)] * 6 + [(1, 2)] * 3, 16, seed=7, epoch=3) == [[0], [4, 3, 5, 1], [7, 8, 6, 2]]


def test_batches_come_in_random_order_of_length() -> None:
    lengths = some_lengths(2000)
    longest = [max(lengths[index][1] for index in batch) for batch in plan(lengths, 1000)]
    assert longest not in (sorted(longest), sorted(longest, reverse=True))


def test_padding_is_small() -> None:
    lengths = some_lengths(20_000)
    real = padded = 0
    for batch in plan(lengths, 4096):
        for side in (0, 1):
            sizes = [lengths[index][side] + 1 for index in batch]
            real += sum(sizes)
            padded += len(sizes) * max(sizes)
    assert 1 - real / padded < 0.05


def test_no_pairs() -> None:
    assert plan([]) == []


@pytest.fixture(scope="module")
def split(tmp_path_factory: pytest.TempPathFactory) -> EncodedSplit:
    folder = tmp_path_factory.mktemp("split")
    text = "".join(f"{'ein Hund ' * (n % 7 + 1)}{n}\t{'a dog ' * (n % 5 + 1)}{n}\n" for n in range(60))
    (folder / "x.tsv").write_text(text)
    corpus = open_pairs(str(folder / "x.tsv"), source="en", target="de")
    vocabularies = Vocabularies.learn(corpus, VocabConfig(size=290))
    return ensure_split(corpus, vocabularies, folder / "store", None)[0]


@pytest.mark.parametrize("indices", [[0], [5, 3, 59], list(range(60)), [7, 7]])
def test_tensors_of_a_batch(split: EncodedSplit, indices: list[int]) -> None:
    batch = collate(split, np.array(indices))
    src = [[*split.src(index).tolist(), EOS] for index in indices]
    tgt = [split.tgt(index).tolist() for index in indices]
    width = max(map(len, src))
    assert batch.src_BS.tolist() == [row + [PAD] * (width - len(row)) for row in src]
    width = max(map(len, tgt)) + 1
    assert batch.tgt_in_BT.tolist() == [[BOS, *row] + [PAD] * (width - 1 - len(row)) for row in tgt]
    assert batch.tgt_out_BT.tolist() == [[*row, EOS] + [PAD] * (width - 1 - len(row)) for row in tgt]
    assert batch.n_target_tokens == sum(len(row) + 1 for row in tgt) == int((batch.tgt_out_BT != PAD).sum())
    assert batch.tgt_out_BT.flatten()[batch.real_N].tolist() == [piece for row in tgt for piece in [*row, EOS]]
    assert batch.pairs.tolist() == indices
    assert {tensor.dtype for tensor in (batch.src_BS, batch.tgt_in_BT, batch.tgt_out_BT)} == {torch.int64}


def test_the_whole_of_a_split_passes_through_its_batches(split: EncodedSplit, tmp_path: Path) -> None:
    batches = plan_epoch(split.src_lengths, split.tgt_lengths, batch_tokens=200, seed=1, epoch=0)
    assert sum(collate(split, batch).n_target_tokens for batch in batches) == len(split.tgt_ids) + len(split)
