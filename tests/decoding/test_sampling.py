"""Samples have the frequencies that they should have, and depend on nothing but their seed."""

import math
from dataclasses import replace

import pytest
import torch
from test_search import ScriptedModel

from s2s.decoding.sampling import Sampling, _draw, sample
from s2s.decoding.search import SearchOptions
from s2s.symbols import EOS


def shares(log_p: torch.Tensor, sampling: Sampling, n: int = 20_000) -> torch.Tensor:
    uniform = torch.rand(n, generator=torch.Generator().manual_seed(0))
    drawn = _draw(log_p.expand(n, -1).clone(), sampling, uniform)
    return torch.bincount(drawn, minlength=log_p.numel()) / n


LOG_P = torch.tensor([0.2, 0.1, 0.1, 0.05, 0.3, 0.15, 0.1]).log()  # the first three can never be said
REST = torch.tensor([0.0, 0.0, 0.0, 0.05, 0.3, 0.15, 0.1])


def test_pieces_come_as_often_as_they_are_probable() -> None:
    torch.testing.assert_close(shares(LOG_P, Sampling()), REST / REST.sum(), atol=0.012, rtol=0)


def test_temperature_sharpens() -> None:
    expected = REST**2 / (REST**2).sum()
    torch.testing.assert_close(shares(LOG_P, Sampling(temperature=0.5)), expected, atol=0.012, rtol=0)


def test_a_temperature_beyond_all_measure_makes_all_alike() -> None:
    expected = (REST > 0) / 4
    torch.testing.assert_close(shares(LOG_P, Sampling(temperature=1e39)), expected, atol=0.012, rtol=0)


def test_top_k_keeps_the_likeliest() -> None:
    expected = REST * torch.tensor([0, 0, 0, 0, 1, 1, 0])
    torch.testing.assert_close(shares(LOG_P, Sampling(top_k=2)), expected / expected.sum(), atol=0.012, rtol=0)


def test_top_p_keeps_the_fewest_that_have_it() -> None:
    expected = REST * torch.tensor([0, 0, 0, 0, 1, 1, 0])  # 0.5 of 0.6, then 0.75 is passed
    torch.testing.assert_close(shares(LOG_P, Sampling(top_p=0.6)), expected / expected.sum(), atol=0.012, rtol=0)
    assert shares(LOG_P, Sampling(top_p=0.01))[4] == 1.0


def test_log_probabilities_are_the_model_s_own_and_samples_differ() -> None:
    model, source = ScriptedModel(2), (5, 6, EOS)
    options = SearchOptions(beam=20, n_best=20)
    [drawn] = sample(model, torch.tensor([source]), options, Sampling(temperature=1.5), [7])
    assert len({tuple(one.ids) for one in drawn}) > 5
    for one in drawn:
        if not one.cut:
            assert one.log_probability == pytest.approx(model.log_probability(source, tuple(one.ids)), abs=1e-3)
    # in the order of drawing, whatever their scores: who joins the n-th of several has drawn them independently
    assert sample(model, torch.tensor([source]), replace(options, n_best=7), Sampling(temperature=1.5), [7]) == [
        drawn[:7]
    ]
    assert [one.score for one in drawn] != sorted((one.score for one in drawn), reverse=True)


def test_a_sample_depends_on_its_seed_and_not_on_its_company() -> None:
    model, options, sampling = ScriptedModel(4), SearchOptions(beam=2, n_best=2), Sampling()
    rows = [[5, 6, EOS, 0], [4, EOS, 0, 0], [6, 6, 5, EOS]]
    together = sample(model, torch.tensor(rows), options, sampling, [1, 2, 3])
    for row, seed, drawn in zip(rows, (1, 2, 3), together, strict=True):
        alone = torch.tensor([[piece for piece in row if piece]])
        assert sample(model, alone, options, sampling, [seed]) == [drawn]
    assert sample(model, torch.tensor(rows), options, sampling, [4, 5, 6]) != together


def test_the_most_careful_sample_is_greedy_search() -> None:
    from s2s.decoding.search import search

    model, row = ScriptedModel(6), torch.tensor([[5, 6, EOS]])
    [[drawn]] = sample(model, row, SearchOptions(beam=1), Sampling(top_k=1), [1])
    [[found]] = search(model, row, SearchOptions(beam=1))
    assert drawn.ids == found.ids
    assert math.isclose(drawn.log_probability, found.log_probability, abs_tol=1e-3)


def test_nonsense_is_refused() -> None:
    for temperature in (0.0, math.inf, math.nan):
        with pytest.raises(ValueError, match="temperature"):
            Sampling(temperature=temperature)


def test_where_nothing_is_a_number_the_end_is_drawn() -> None:
    log_p = torch.randn(3, 20).log_softmax(dim=1)
    log_p[1] = float("nan")
    drawn = _draw(log_p, Sampling(), torch.tensor([0.5, 0.5, 0.5]))
    assert drawn[1] == EOS
    assert (drawn >= EOS).all()


def test_what_is_impossible_is_never_drawn() -> None:
    log_p = torch.tensor([[0.0, 0.0, 0.0, -math.inf, -1.0, -math.inf, -2.0, -math.inf]]).expand(2, -1)
    uniform = torch.tensor([0.0, 1.0])  # 1 is beyond the last, as rounding may be
    for sampling in (Sampling(), Sampling(top_k=6), Sampling(top_p=0.999), Sampling(top_k=100)):
        assert _draw(log_p.clone(), sampling, uniform).tolist() == [4, 6]
