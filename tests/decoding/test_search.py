"""Search against enumeration and against itself, on a scripted model and on a real one."""

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from s2s.decoding.engine import DecodingEngine
from s2s.decoding.forced import forced_log_probabilities
from s2s.decoding.search import Hypothesis, SearchOptions, search
from s2s.model import Transformer, TransformerConfig
from s2s.symbols import BOS, EOS

N_PIECES = 7  # four control symbols and three others


@dataclass
class Histories:
    """All that the scripted model needs to know: what each hypothesis consists of."""

    rows: list[tuple[int, ...]]
    sources: list[tuple[int, ...]]
    beam: int


class ScriptedModel:
    """Logits are a fixed random function of the source and of everything said so far."""

    device = torch.device("cpu")
    vocabulary_size = N_PIECES

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def after(self, source: tuple[int, ...], said: tuple[int, ...]) -> Tensor:
        number = self.seed
        for piece in (*source, 99, *said):
            number = (number * 31 + piece + 1) % (2**31)
        return 2 * torch.randn(N_PIECES, generator=torch.Generator().manual_seed(number))

    def start(self, src_BS: Tensor, beam: int) -> Histories:
        sources = [tuple(piece for piece in row if piece) for row in src_BS.tolist()]
        return Histories([() for _ in sources for _ in range(beam)], sources, beam)

    def step(self, state: Histories, tokens_N: Tensor | None) -> Tensor:
        if tokens_N is not None:
            state.rows = [(*row, token) for row, token in zip(state.rows, tokens_N.tolist(), strict=True)]
        return torch.stack([self.after(state.sources[i // state.beam], row) for i, row in enumerate(state.rows)])

    def logits(self, hidden_CD: Tensor) -> Tensor:
        return hidden_CD.clone()

    def select(self, state: Histories, parents_BM: Tensor, sentences_B: Tensor | None = None) -> None:
        stay = range(len(state.sources)) if sentences_B is None else sentences_B.tolist()
        old = [
            row * state.beam + place for row, places in zip(stay, parents_BM.tolist(), strict=True) for place in places
        ]
        state.rows = [state.rows[row] for row in old]
        state.sources = [state.sources[sentence] for sentence in stay]

    def log_probability(self, source: tuple[int, ...], ids: tuple[int, ...]) -> float:
        total = 0.0
        for position, piece in enumerate((*ids, EOS)):
            total += self.after(source, ids[:position]).log_softmax(0)[piece].item()
        return total


def enumerate_best(
    model: ScriptedModel,
    source: tuple[int, ...],
    max_length: int,
    options: SearchOptions,
    allowed: Callable[[tuple[int, ...]], bool] = lambda _ids: True,
) -> list[tuple[float, tuple[int, ...]]]:
    everything = [
        (model.log_probability(source, ids) / options.divisor(length + 1), ids)
        for length in range(max_length + 1)
        for ids in itertools.product(range(4, N_PIECES), repeat=length)
        if allowed(ids)
    ]
    return sorted(everything, reverse=True)


@pytest.mark.parametrize(("alpha", "gnmt"), [(0.0, False), (0.6, False), (1.0, False), (0.6, True)])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_beam_wide_enough_finds_what_enumeration_finds(
    alpha: float, gnmt: bool, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SearchOptions, "max_length", lambda _self, _n: 3)
    model = ScriptedModel(seed)
    # 3 + 9 + 27 prefixes can live and 40 hypotheses can end: a beam of 81 loses none
    options = SearchOptions(beam=81, length_penalty=alpha, gnmt_penalty=gnmt, n_best=10)
    sources = [(5, 6, EOS), (4, EOS)]
    found = search(model, torch.tensor([[5, 6, EOS], [4, EOS, 0]]), options)
    for source, hypotheses in zip(sources, found, strict=True):
        expected = enumerate_best(model, source, 3, options)[:10]
        assert [tuple(h.ids) for h in hypotheses] == [ids for _, ids in expected]
        for hypothesis, (score, _) in zip(hypotheses, expected, strict=True):
            assert hypothesis.score == pytest.approx(score, abs=1e-4)


def has_no_repeated_pair(ids: tuple[int, ...]) -> bool:
    pairs = list(itertools.pairwise(ids))
    return len(pairs) == len(set(pairs))


CONSTRAINED = {
    "min_length": (SearchOptions(beam=300, n_best=5, min_length_ratio=1.5), None, lambda ids: len(ids) >= 3),
    "no_repeat": (SearchOptions(beam=300, n_best=5, no_repeat_ngram=2), None, has_no_repeated_pair),
    "no_repeat_piece": (
        SearchOptions(beam=300, n_best=5, no_repeat_ngram=1),
        None,
        lambda ids: len(set(ids)) == len(ids),
    ),
    "prefix_that_repeats": (
        SearchOptions(beam=300, n_best=5, no_repeat_ngram=1),
        [(5, 5)],
        lambda ids: ids[:2] == (5, 5) and len({5, *ids[2:]}) == len(ids) - 1,
    ),
    "prefix": (SearchOptions(beam=300, n_best=5), [(5, 5)], lambda ids: ids[:2] == (5, 5)),
}


@pytest.mark.parametrize("name", list(CONSTRAINED))
@pytest.mark.parametrize("seed", [0, 1])
def test_a_constrained_search_finds_the_best_of_what_is_allowed(
    name: str, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    options, prefixes, allowed = CONSTRAINED[name]
    monkeypatch.setattr(SearchOptions, "max_length", lambda _self, _n: 4 - len((prefixes or [()])[0]))
    model = ScriptedModel(seed)
    [found] = search(model, torch.tensor([[5, 6, EOS]]), options, prefixes)
    expected = enumerate_best(model, (5, 6, EOS), 4, options, allowed)[:5]
    assert [tuple(hypothesis.ids) for hypothesis in found] == [ids for _, ids in expected]
    assert [hypothesis.score for hypothesis in found] == pytest.approx([score for score, _ in expected], abs=1e-4)


def test_constraints_are_each_sentence_s_own() -> None:
    model, options = ScriptedModel(3), SearchOptions(beam=3, no_repeat_ngram=2, min_length_ratio=1.0)
    rows, prefixes = [[5, 6, 4, 5, EOS], [4, EOS, 0, 0, 0], [6, 6, EOS, 0, 0]], [[4, 5, 6], [], [6]]
    together = search(model, torch.tensor(rows), options, prefixes)
    for row, prefix, [hypothesis] in zip(rows, prefixes, together, strict=True):
        source = [piece for piece in row if piece]
        assert search(model, torch.tensor([source]), options, [prefix]) == [[hypothesis]]
        assert hypothesis.ids[: len(prefix)] == prefix
        assert len(hypothesis.ids) >= len(source) - 1


def test_where_nothing_may_be_said_the_end_is_forced() -> None:
    options = SearchOptions(beam=2, no_repeat_ngram=1, min_length_ratio=3.0)  # six pieces, of which there are three
    [[hypothesis]] = search(ScriptedModel(1), torch.tensor([[5, 6, EOS]]), options)
    assert sorted(hypothesis.ids) == [4, 5, 6]


@pytest.mark.parametrize("seed", range(5))
def test_greedy_is_a_beam_of_one_and_follows_the_largest_logit(seed: int) -> None:
    model = ScriptedModel(seed)
    source, said = (5, 6, EOS), []
    limit = SearchOptions(beam=1).max_length(2)
    while len(said) < limit:
        logits = model.after(source, tuple(said))
        logits[:3] = -math.inf
        piece = int(logits.argmax())
        if piece == EOS:
            break
        said.append(piece)
    [[hypothesis]] = search(model, torch.tensor([source]), SearchOptions(beam=1))
    assert hypothesis.ids == said
    assert hypothesis.log_probability == pytest.approx(model.log_probability(source, tuple(said)), abs=1e-3)


def test_control_symbols_are_never_chosen_and_the_limit_is_kept_and_told() -> None:
    class NeverEnds(ScriptedModel):
        def after(self, source: tuple[int, ...], said: tuple[int, ...]) -> Tensor:
            logits = super().after(source, said)
            logits[:3] += 30  # PAD, UNK and BOS look best
            logits[EOS] -= 30
            return logits

    options = SearchOptions(beam=3, n_best=3, max_length_ratio=1.0)
    [hypotheses] = search(NeverEnds(0), torch.tensor([[5, EOS]]), options)
    assert len(hypotheses) == 3
    for hypothesis in hypotheses:
        assert hypothesis.cut
        assert len(hypothesis.ids) == 11  # one source piece and 10
        assert min(hypothesis.ids) >= 4


def test_a_sentence_is_translated_as_if_it_were_alone() -> None:
    model, options = ScriptedModel(4), SearchOptions(beam=4, n_best=2)
    rows = [[5, 6, EOS, 0], [4, EOS, 0, 0], [6, 6, 5, EOS], [4, 5, EOS, 0]]
    together = search(model, torch.tensor(rows), options)
    alone = [search(model, torch.tensor([[piece for piece in row if piece]]), options)[0] for row in rows]
    assert together == alone


def test_n_best_wider_than_the_beam_is_refused() -> None:
    with pytest.raises(ValueError, match="n_best"):
        SearchOptions(beam=2, n_best=3)


def real_model(norm: str = "post") -> Transformer:
    torch.manual_seed(5)
    model = Transformer(TransformerConfig(30, 30, 2, 2, 16, 32, 4, 0.3, 0.0, norm))  # type: ignore[arg-type]
    with torch.no_grad():
        model.tgt_embedding.weight.mul_(4)  # far from uniform, so that hypotheses differ
    return model.eval()


SOURCES = torch.tensor([[5, 6, 7, 8, EOS], [9, EOS, 0, 0, 0], [10, 11, 12, EOS, 0]])


@pytest.mark.parametrize("norm", ["post", "pre"])
def test_incremental_equals_full_decoding(norm: str) -> None:
    model = real_model(norm)
    decoder = DecodingEngine(model)
    target = torch.randint(4, 30, (3, 40), generator=torch.Generator().manual_seed(0))  # longer than a new cache
    full = model(SOURCES, torch.cat([torch.full((3, 1), BOS), target], dim=1))
    with torch.inference_mode():
        state = decoder.start(SOURCES, 1)
        for position in range(41):
            logits = decoder.logits(decoder.step(state, None if position == 0 else target[:, position - 1]))
            torch.testing.assert_close(logits, full[:, position], atol=2e-5, rtol=1e-4)


def test_select_reorders_hypotheses_and_drops_sentences() -> None:
    model = real_model()
    decoder = DecodingEngine(model)
    with torch.inference_mode():
        state = decoder.start(SOURCES, 2)
        decoder.step(state, None)
        decoder.step(state, torch.tensor([5, 6, 7, 8, 9, 10]))
        # sentence 1 leaves; the hypotheses of sentence 2 change places; the second of sentence 0 is copied
        decoder.select(state, torch.tensor([[1, 1], [1, 0]]), torch.tensor([0, 2]))
        logits = decoder.logits(decoder.step(state, torch.tensor([11, 12, 13, 14])))
    said = torch.tensor([[BOS, 6, 11], [BOS, 6, 12], [BOS, 10, 13], [BOS, 9, 14]])
    expected = model(SOURCES[[0, 0, 2, 2]], said)[:, -1]
    torch.testing.assert_close(logits, expected, atol=2e-5, rtol=1e-4)


def test_the_searchs_score_is_the_forced_score() -> None:
    model = real_model()
    found: list[list[Hypothesis]] = search(DecodingEngine(model), SOURCES, SearchOptions(beam=4, n_best=4))
    sources = [[piece for piece in row if piece not in (0, EOS)] for row in SOURCES.tolist()]
    pairs = [(source, hypothesis.ids) for source, nbest in zip(sources, found, strict=True) for hypothesis in nbest]
    forced = forced_log_probabilities(model, pairs, batch_tokens=40)
    searched = [hypothesis.log_probability for nbest in found for hypothesis in nbest]
    assert searched == pytest.approx(forced, abs=1e-3)
    for nbest in found:
        assert [h.score for h in nbest] == sorted((h.score for h in nbest), reverse=True)
        assert len({tuple(h.ids) for h in nbest}) == 4


def test_in_bfloat16_too_the_searchs_score_is_the_forced_score() -> None:
    model = real_model()
    found = search(DecodingEngine(model, torch.bfloat16), SOURCES, SearchOptions(beam=2))
    sources = [[piece for piece in row if piece not in (0, EOS)] for row in SOURCES.tolist()]
    pairs = [(source, nbest[0].ids) for source, nbest in zip(sources, found, strict=True)]
    forced = forced_log_probabilities(model, pairs, autocast=torch.bfloat16)
    assert [nbest[0].log_probability for nbest in found] == pytest.approx(forced, rel=0.03)


@pytest.mark.parametrize("beam", [1, 5])
def test_company_changes_nothing_in_64_bits(beam: int) -> None:
    generator = torch.Generator().manual_seed(0)
    lengths = torch.randint(1, 30, (64,), generator=generator).tolist()
    rows = [torch.cat([torch.randint(4, 30, (n,), generator=generator), torch.tensor([EOS])]) for n in lengths]
    engine, options = DecodingEngine(real_model().double()), SearchOptions(beam)
    alone = [search(engine, row[None], options)[0][0] for row in rows]
    for size in (7, 64):
        order = torch.randperm(64, generator=generator).tolist()
        for start in range(0, 64, size):
            some = order[start : start + size]
            src = torch.nn.utils.rnn.pad_sequence([rows[index] for index in some], batch_first=True)
            for index, (best, *_) in zip(some, search(engine, src, options), strict=True):
                assert best.ids == alone[index].ids
                assert best.score == pytest.approx(alone[index].score, rel=1e-9)


def test_a_wider_beam_never_scores_worse_without_length_penalty() -> None:
    model = real_model()
    best = [search(DecodingEngine(model), SOURCES, SearchOptions(beam=beam, length_penalty=0.0)) for beam in (1, 30)]
    for narrow, wide in zip(*best, strict=True):
        assert wide[0].score >= narrow[0].score - 1e-5


def test_a_search_can_be_stopped_at_any_step() -> None:
    class StoppedError(Exception): ...

    options, rows = SearchOptions(beam=2), torch.tensor([[5, 6, EOS]])
    looks: list[None] = []
    whole = search(ScriptedModel(1), rows, options, None, lambda: looks.append(None))
    assert len(looks) > 1
    for n_steps in range(len(looks) + 1):
        left = [None] * n_steps

        def check(left: list[None] = left) -> None:
            if not left:
                raise StoppedError
            left.pop()

        if n_steps < len(looks):
            with pytest.raises(StoppedError):
                search(ScriptedModel(1), rows, options, None, check)
        else:
            assert search(ScriptedModel(1), rows, options, None, check) == whole
