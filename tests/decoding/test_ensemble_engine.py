"""What an ensemble of engines finds, against the plain forward passes of its members."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from s2s.decoding import compiled
from s2s.decoding.alignment import forced_pass
from s2s.decoding.compiled import fastest_engine, is_compiled
from s2s.decoding.forced import forced_log_probabilities
from s2s.decoding.native import native
from s2s.decoding.sampling import Sampling, sample
from s2s.decoding.search import SearchOptions, search
from s2s.model import Ensemble, Transformer, TransformerConfig
from s2s.symbols import BOS, EOS, PAD, UNK

V = 40


def random_model(seed: int, d_model: int = 32, n_layers: int = 2) -> Transformer:
    torch.manual_seed(seed)
    model = Transformer(TransformerConfig(V, V, 1, n_layers, d_model, 64, 2, norm="pre"))
    with torch.no_grad():
        model.tgt_embedding.weight.mul_(3)
    return model.eval()


def sources(n: int) -> Tensor:
    generator = torch.Generator().manual_seed(n)
    rows = [torch.randint(4, V, (2 + number % 7,), generator=generator) for number in range(n)]
    return torch.nn.utils.rnn.pad_sequence([torch.cat([row, torch.tensor([EOS])]) for row in rows], batch_first=True)


def pairs_of(src_BS: Tensor, found: list[list[Any]]) -> list[tuple[list[int], list[int]]]:
    return [
        ([id_ for id_ in row if id_ not in (PAD, EOS)], hypotheses[0].ids)
        for row, hypotheses in zip(src_BS.tolist(), found, strict=True)
    ]


@pytest.fixture(params=["in C", "in PyTorch"])
def engine_of(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[[Ensemble], Any]:
    if request.param == "in PyTorch":
        monkeypatch.setattr(compiled, "native", lambda: None)
    elif native() is None:
        pytest.skip("this machine has no C compiler")

    def make(ensemble: Ensemble) -> Any:
        engine = fastest_engine(ensemble)
        assert is_compiled(engine) == (request.param == "in C")
        return engine

    return make


@torch.no_grad()
def test_greedy_search_takes_the_likeliest_by_the_mean_at_each_step(engine_of: Callable[[Ensemble], Any]) -> None:
    members, src = [random_model(1), random_model(2, 48, 3)], sources(9)
    found = search(engine_of(Ensemble(members)), src, SearchOptions(1))
    for row, [hypothesis] in zip(src, found, strict=True):
        only = row[row != PAD][None]
        said, log_p = [BOS], 0.0
        limit = SearchOptions().max_length(only.size(1) - 1)
        while True:
            mean_V = sum(member(only, torch.tensor([said]))[0, -1].softmax(dim=0) for member in members) / 2
            allowed_V = mean_V.clone()
            allowed_V[[PAD, UNK, BOS]] = 0.0
            piece = EOS if len(said) > limit else int(allowed_V.argmax())
            log_p += math.log(float(mean_V[piece]))
            if piece == EOS:
                break
            said.append(piece)
        assert hypothesis.ids == said[1:]
        assert hypothesis.log_probability == pytest.approx(log_p, abs=1e-3)


@pytest.mark.parametrize("beam", [2, 5])
def test_what_beam_search_says_of_its_hypotheses_is_what_forced_decoding_says(
    beam: int, engine_of: Callable[[Ensemble], Any]
) -> None:
    ensemble, src = Ensemble([random_model(1), random_model(2, 48, 3), random_model(3)]), sources(40)
    found = search(engine_of(ensemble), src, SearchOptions(beam))  # sentences leave while others go on
    forced = forced_log_probabilities(ensemble, pairs_of(src, found))
    assert [best.log_probability for best, *_ in found] == pytest.approx(forced, abs=1e-3)
    passes = forced_pass(ensemble, pairs_of(src, found))
    for (weights_TS, log_p_T), [best, *_], total in zip(passes, found, forced, strict=True):
        assert float(log_p_T.sum()) >= total - 1e-3  # the end symbol is left out
        torch.testing.assert_close(weights_TS.sum(dim=1), torch.ones(len(best.ids)))


def test_a_model_with_itself_is_that_model(engine_of: Callable[[Ensemble], Any]) -> None:
    model, src = random_model(4), sources(20)
    alone = search(fastest_engine(model), src, SearchOptions(4, n_best=4))
    twice = search(engine_of(Ensemble([model, model])), src, SearchOptions(4, n_best=4))
    assert [[one.ids for one in of_one] for of_one in twice] == [[one.ids for one in of_one] for of_one in alone]


def test_it_can_be_drawn_from(engine_of: Callable[[Ensemble], Any]) -> None:
    ensemble, src = Ensemble([random_model(1), random_model(2)]), sources(6)
    found = sample(engine_of(ensemble), src, SearchOptions(1), Sampling(), list(range(6)))
    forced = forced_log_probabilities(ensemble, pairs_of(src, found))
    assert [one.log_probability for [one] in found] == pytest.approx(forced, abs=1e-3)
