"""An ensemble's probabilities are the mean of its members'."""

import pytest
import torch
from torch import Tensor

from s2s.model import Ensemble, Transformer, TransformerConfig
from s2s.model.ensemble import mean_log_probability

SRC = torch.tensor([[5, 6, 7, 3], [8, 3, 0, 0]])
TGT = torch.tensor([[2, 9, 5], [2, 6, 0]])


def random_model(seed: int, d_model: int, n_layers: int) -> Transformer:
    torch.manual_seed(seed)
    return Transformer(TransformerConfig(20, 20, n_layers, n_layers, d_model, 2 * d_model, 2)).eval().double()


def log_probabilities(ensemble: Ensemble, weights: list[Tensor] | None = None) -> Tensor:
    return ensemble.projection(ensemble.decode(TGT, ensemble.encode(SRC), SRC, weights))


@torch.no_grad()
def test_it_says_the_mean_of_what_models_of_other_shapes_say() -> None:
    members = [random_model(1, 8, 1), random_model(2, 16, 2), random_model(3, 8, 3)]
    expected = sum(member(SRC, TGT).softmax(dim=2) for member in members) / 3
    torch.testing.assert_close(log_probabilities(Ensemble(members)).exp(), expected)


@torch.no_grad()
def test_attention_is_the_mean_over_heads_and_members_counted_from_the_last_layer() -> None:
    members = [random_model(1, 8, 1), random_model(2, 16, 3)]
    found: list[Tensor] = []
    log_probabilities(Ensemble(members), found)
    last = []
    for member in members:
        own: list[Tensor] = []
        member.decode(TGT, member.encode(SRC), SRC, own)
        last.append(own[-1].mean(dim=1, keepdim=True))
    assert len(found) == 1
    torch.testing.assert_close(found[0], (last[0] + last[1]) / 2)


@torch.no_grad()
def test_where_one_member_is_sure_that_a_piece_is_impossible_the_others_still_count() -> None:
    """The mean is of probabilities, not of their logarithms."""
    members = [random_model(1, 8, 1), random_model(2, 8, 1)]
    members[0].projection.weight.zero_()  # says everything alike
    log_p = log_probabilities(Ensemble(members))
    assert float(log_p.exp().min()) >= 1 / 20 / 2


@pytest.mark.parametrize("n_models", [2, 5, 8])
@pytest.mark.parametrize("n_pieces", [37, 60, 1003])
def test_a_row_is_the_same_whatever_is_beside_it(n_models: int, n_pieces: int) -> None:
    generator = torch.Generator().manual_seed(n_models)
    logits = [5 * torch.randn(60, n_pieces, generator=generator) for _ in range(n_models)]
    together = mean_log_probability(logits)
    alone = [mean_log_probability(one[row : row + 1] for one in logits) for row in range(60)]
    assert torch.equal(together, torch.cat(alone))


def test_very_improbable_pieces_have_finite_logarithms() -> None:
    logits = torch.tensor([[0.0, -300.0, -90.0]])
    exact = torch.stack([logits.double().log_softmax(dim=1), (2 * logits).double().log_softmax(dim=1)])
    expected = exact.exp().mean(dim=0).log()
    torch.testing.assert_close(mean_log_probability([logits, 2 * logits]).double(), expected)
