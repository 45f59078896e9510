"""The comparison itself, with s2s in both places: it finds what differs, and knows a tie from a difference."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from small_corpus import WORDS

from s2s.decoding.batching import pad_rows
from s2s.decoding.bundle import Bundle, load_bundle
from s2s.decoding.engine import DecodingEngine
from s2s.decoding.forced import forced_log_probabilities
from s2s.decoding.search import SearchOptions, search
from s2s.errors import DataError
from s2s.jobs.parity import Parity, SearchParity, _Rescaling, compare
from s2s.symbols import EOS

GOLDEN = Path(__file__).parents[1] / "golden" / "model"
LINES = ["one", "cat one", "red dog three", "two three red blue", "blue dog two red", "", "three red cat one two dog"]


class Twin:
    """The same model again, in the place of another tool."""

    rescales = False

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        self.swap: dict[int, int] = {}

    def can_read(self, line: str) -> bool:
        return "blue dog" not in line

    def encode(self, lines: Sequence[str]) -> list[list[int]]:
        return self.bundle.vocabularies.src.encode_all(lines)

    def decode(self, ids: Sequence[Sequence[int]]) -> list[str]:
        return [self.bundle.vocabularies.tgt.decode(one) for one in ids]

    def search(
        self, sources: Sequence[Sequence[int]], beam: int, length_penalty: float, max_length: int
    ) -> list[list[int]]:
        options = SearchOptions(beam, length_penalty)
        found = search(DecodingEngine(self.bundle.transformer), pad_rows([[*ids, EOS] for ids in sources]), options)
        return [[self.swap.get(id_, id_) for id_ in best.ids] for best, *_ in found]

    def log_probabilities(self, pairs: Sequence[tuple[Sequence[int], Sequence[int]]]) -> list[float]:
        return forced_log_probabilities(self.bundle.transformer, pairs)


def compared(twin: Twin, bundle: Bundle | None = None) -> Parity:
    return compare(bundle or load_bundle(GOLDEN), twin, LINES, tool="twin", name="my lines")


def test_the_same_model_translates_the_same() -> None:
    parity = compared(Twin(load_bundle(GOLDEN)))
    assert (parity.problems, parity.example) == ([], "")
    assert (parity.n_lines, parity.n_left_out) == (4, 3)  # empty; not read by the twin; longer than any in training
    assert [(one.name, one.n_equal) for one in parity.searches] == [("greedy", 4), ("beam 5", 4)]
    assert "greedy  4 of 4" in parity.table()
    assert "my lines, 3 left out" in parity.table()


@torch.no_grad()
def test_a_weight_that_is_a_little_off_is_found() -> None:
    other = load_bundle(GOLDEN)
    other.transformer.decoder[0].feed_forward.outer.bias[0] += 0.5  # type: ignore[union-attr,index]
    assert ["log-probabilities" in problem for problem in compared(Twin(other)).problems] == [True]


@torch.no_grad()
@pytest.mark.filterwarnings("error")
def test_a_weight_that_is_no_number_is_found() -> None:
    other = load_bundle(GOLDEN)
    other.transformer.decoder_norm.weight[0] = float("nan")  # type: ignore[index]
    assert compared(Twin(other)).problems


@torch.no_grad()
def test_pieces_that_are_equally_probable_are_a_tie_and_others_are_not() -> None:
    bundle = load_bundle(GOLDEN)
    vocabulary = bundle.vocabularies.tgt
    [eins] = vocabulary.encode("eins")
    twin = Twin(bundle)
    twin.swap = {eins: vocabulary.size - 1}
    different = compared(twin, bundle)
    assert "greedy: 2 of 4 translations differ" in different.problems
    assert different.example.startswith("first, greedy: ")

    table = bundle.transformer.tgt_embedding.weight
    table[vocabulary.size - 1] = table[eins]
    tied = compared(twin, bundle)
    assert tied.problems == []
    assert tied.searches[0].n_ties > 0  # where s2s itself did not happen to choose the other one
    assert [one.n_equal + one.n_ties for one in tied.searches] == [4, 4]


@torch.no_grad()
def test_a_tool_that_shares_out_what_is_never_chosen_is_judged_by_that(monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = load_bundle(GOLDEN)
    torch.manual_seed(1)
    for parameter in bundle.transformer.parameters():  # an unsure model, in which such pieces are probable
        parameter += parameter.std() * torch.randn_like(parameter)
    twin = Twin(bundle)

    def search_rescaled(sources: Sequence[Sequence[int]], beam: int, alpha: float, _limit: int) -> list[list[int]]:
        decoder = _Rescaling(DecodingEngine(bundle.transformer))
        found = search(decoder, pad_rows([[*ids, EOS] for ids in sources]), SearchOptions(beam, alpha))
        return [best.ids for best, *_ in found]

    monkeypatch.setattr(twin, "search", search_rescaled)
    words = [f"{one} {other}" for one in WORDS for other in WORDS]
    as_plain = compare(bundle, twin, words, tool="twin", name="words")
    assert 0 < len(as_plain.searches[1].different) < 9
    twin.rescales = True
    as_rescaled = compare(bundle, twin, words, tool="twin", name="words")
    assert as_rescaled.problems == []
    assert as_rescaled.searches[1].n_rescaled == len(as_plain.searches[1].different)
    assert "more differ because twin shares" in as_rescaled.table()


def test_lines_of_other_pieces_or_another_text_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    twin = Twin(load_bundle(GOLDEN))
    monkeypatch.setattr(twin, "encode", lambda lines: [[9] for _ in lines])
    monkeypatch.setattr(twin, "decode", lambda ids: ["?" for _ in ids])
    assert compared(twin).problems == [
        "4 of 4 lines are split into other pieces",
        "4 of 4 translations become another text",
    ]


def test_a_greedy_model_is_compared_once_and_nothing_to_compare_is_an_error() -> None:
    bundle = load_bundle(GOLDEN)
    greedy = dataclasses.replace(bundle, decode=bundle.decode.model_copy(update={"beam": 1}))
    assert [one.name for one in compared(Twin(greedy), greedy).searches] == ["greedy"]
    with pytest.raises(DataError, match="none of 1 lines"):
        compare(bundle, Twin(bundle), [""], tool="twin", name="nothing")


@torch.no_grad()
def test_bleu_of_both_is_told_and_ties_may_not_add_up_to_another_score() -> None:
    bundle = load_bundle(GOLDEN)
    references = [f"eins {line}" for line in LINES]
    same = compare(bundle, Twin(bundle), LINES, tool="twin", name="x", references=references)
    assert [one.bleu_gained for one in same.searches] == [0.0, 0.0]
    assert all(one.bleu is not None and one.bleu > 0 for one in same.searches)
    assert f"{same.searches[0].bleu:.2f} +0.00" in same.table()
    assert same.problems == []
    assert "–" in compared(Twin(bundle)).table()  # no references, no BLEU

    vocabulary = bundle.vocabularies.tgt
    [eins] = vocabulary.encode("eins")
    twin = Twin(bundle)
    twin.swap = {eins: vocabulary.size - 1}
    bundle.transformer.tgt_embedding.weight[vocabulary.size - 1] = bundle.transformer.tgt_embedding.weight[eins]
    tied = compare(bundle, twin, LINES, tool="twin", name="x", references=references)
    assert tied.searches[0].n_ties > 0
    assert [problem.split(" differs")[0] for problem in tied.problems] == ["greedy: BLEU", "beam 5: BLEU"]


@torch.no_grad()
def test_a_piece_that_no_line_has_is_seen_too() -> None:
    bundle, other = load_bundle(GOLDEN), load_bundle(GOLDEN)
    seen = {id_ for ids in bundle.vocabularies.src.encode_all(LINES) for id_ in ids}
    unseen = max(set(range(4, bundle.vocabularies.src.size)) - seen)
    other.transformer.src_embedding.weight[unseen] += 0.05
    problems = compared(Twin(other)).problems
    assert len(problems) == 1
    assert "log-probabilities" in problems[0]


def test_how_fast_both_are_is_told() -> None:
    one = SearchParity(5, n_equal=3, seconds=1.0, seconds_there=0.5)
    assert one.cells(3) == ["beam 5", "3 of 3", "0", "0", "0", "–", "1.00 s", "0.50 s", "2.0 ×"]


@pytest.mark.parametrize(("n_missing", "n_cut"), [(0, 4), (1, 0)])
def test_what_the_other_ended_at_the_limit_is_no_difference_of_the_model(
    monkeypatch: pytest.MonkeyPatch, n_missing: int, n_cut: int
) -> None:
    """A beam search that runs into the limit ends otherwise in every tool; before it, it has to be the same."""
    bundle = load_bundle(GOLDEN)
    twin = Twin(bundle)
    search_well = twin.search

    def run_on(sources: Sequence[Sequence[int]], beam: int, alpha: float, limit: int) -> list[list[int]]:
        found = search_well(sources, beam, alpha, limit)
        return found if beam == 1 else [[9] * (limit - n_missing) for _ in found]

    monkeypatch.setattr(twin, "search", run_on)
    parity = compared(twin, bundle)
    [greedy, beam] = parity.searches
    assert (greedy.n_equal, greedy.n_cut) == (4, 0)
    assert (beam.n_cut, len(beam.different)) == (n_cut, 4 - n_cut)
    # all of them are too many to be let pass
    assert any("run on to the length limit, and not in s2s" in problem for problem in parity.problems) == bool(n_cut)
