"""Muon against its definition (a singular value decomposition), against torch's, and as a part of training."""

import pytest
import torch
from torch import nn

from s2s.model import Transformer, TransformerConfig
from s2s.training.muon import Matrix, Muon, hidden_matrices, orthogonalised

SHAPE = TransformerConfig(20, 20, n_encoder_layers=1, n_decoder_layers=1, d_model=16, d_ff=24, n_heads=2)


@pytest.mark.parametrize("shape", [(3, 8, 8), (2, 4, 16), (2, 16, 4)])
def test_orthogonalised_keeps_the_singular_vectors_and_evens_out_the_values(shape: tuple[int, int, int]) -> None:
    torch.manual_seed(0)
    small = min(shape[1:])
    u, v = (torch.linalg.qr(torch.randn(shape[0], n, small))[0] for n in shape[1:])
    values = torch.linspace(0.05, 1.0, small)
    x = u * values @ v.mT
    y = orthogonalised(100 * x)
    cores = u.mT @ y @ v
    diagonal = cores.diagonal(dim1=1, dim2=2)
    assert (cores - torch.diag_embed(diagonal)).abs().max() < 1e-4
    assert diagonal.min() > 0.6
    assert diagonal.max() < 1.25


def test_a_matrix_of_zeros_stays_zero() -> None:
    assert not orthogonalised(torch.zeros(1, 4, 6)).any()


def test_blocks_are_the_heads_and_join_is_the_inverse_of_cut() -> None:
    whole = torch.arange(6 * 8.0).view(6, 8)
    down, across = Matrix(nn.Parameter(whole), n_down=2), Matrix(nn.Parameter(whole), n_across=2)
    assert torch.equal(down.cut(whole), torch.stack([whole[:3], whole[3:]]))
    assert torch.equal(across.cut(whole), torch.stack([whole[:, :4], whole[:, 4:]]))
    assert torch.equal(down.join(down.cut(whole)), whole)
    assert torch.equal(across.join(across.cut(whole)), whole)


def test_every_matrix_of_the_layers_is_found_once_and_nothing_else() -> None:
    model = Transformer(SHAPE)
    found = [matrix.parameter for stack in (model.encoder, model.decoder) for matrix in hidden_matrices(stack)]
    expected = [p for stack in (model.encoder, model.decoder) for p in stack.parameters() if p.ndim == 2]
    assert len(found) == len(expected)
    assert set(found) == set(expected)
    attention = model.decoder[0].cross_attention
    by_parameter = {m.parameter: (m.n_down, m.n_across) for m in hidden_matrices(model.decoder)}
    assert by_parameter[attention.key.weight] == (2, 1)
    assert by_parameter[attention.output.weight] == (1, 2)
    assert by_parameter[model.decoder[0].feed_forward.inner.weight] == (1, 1)


def adam(parameters: list[nn.Parameter], rate: float) -> torch.optim.Adam:
    return torch.optim.Adam(parameters, lr=rate, betas=(0.9, 0.98), eps=1e-9)


@pytest.mark.parametrize("dtype", [None, torch.bfloat16])
def test_steps_are_those_of_torch_and_the_rest_is_adam(dtype: torch.dtype | None) -> None:
    """torch's Muon computes in bfloat16, so its steps are ours to two digits."""
    torch.manual_seed(1)
    ours, theirs, bias, other_bias = (nn.Parameter(torch.randn(s)) for s in ((12, 8), (12, 8), (5,), (5,)))
    theirs.data, other_bias.data = ours.data.clone(), bias.data.clone()
    start = ours.detach().clone()
    muon = Muon([Matrix(ours)], adam([bias], 0.01), dtype=dtype)
    for group in muon.param_groups:
        group["lr"] = 0.01
    reference = torch.optim.Muon([theirs], lr=0.01, weight_decay=0.0, momentum=0.95, adjust_lr_fn="match_rms_adamw")
    alone = adam([other_bias], 0.01)
    for _ in range(4):
        ours.grad = torch.randn(12, 8)
        theirs.grad = ours.grad.clone()
        bias.grad = torch.randn(5)
        other_bias.grad = bias.grad.clone()
        muon.step()
        reference.step()
        alone.step()
    assert torch.equal(bias, other_bias)
    moved = (ours - start).norm()
    assert moved > 0.01
    assert (ours - theirs).norm() < 0.03 * moved


def test_state_is_one_for_both_parts() -> None:
    matrix, bias = nn.Parameter(torch.randn(4, 4)), nn.Parameter(torch.randn(3))
    muon = Muon([Matrix(matrix)], adam([bias], 0.1))
    matrix.grad, bias.grad = torch.randn(4, 4), torch.randn(3)
    muon.step()
    assert set(muon.state[matrix]) == {"momentum"}
    assert set(muon.state[bias]) == {"step", "exp_avg", "exp_avg_sq"}
