"""Without padding the same comes out, forward and backward."""

import pytest
import torch
from test_transformer import small_model

from s2s.model import Transformer
from s2s.model.rows import Rows

SRC_BS = torch.tensor([[5, 6, 7, 8, 3, 0, 0], [9, 10, 3, 0, 0, 0, 0], [4, 5, 6, 7, 8, 9, 3]])
TGT_BT = torch.tensor([[2, 5, 6, 0], [2, 8, 0, 0], [2, 4, 4, 5]])
REAL = TGT_BT != 0


def hidden(model: Transformer, packed: bool) -> torch.Tensor:
    if packed:
        return model.decode_real(SRC_BS, TGT_BT)
    return model.decode(TGT_BT, model.encode(SRC_BS), SRC_BS)[REAL]


@pytest.mark.parametrize("norm", ["post", "pre"])
def test_hidden_states_and_gradients_are_those_of_the_padded_batch(norm: str) -> None:
    model = small_model(norm)
    weight_ND = torch.randn(int(REAL.sum()), model.config.d_model, generator=torch.Generator().manual_seed(1))
    found = []
    for packed in (False, True):
        model.zero_grad()
        states = hidden(model, packed)
        (states * weight_ND).sum().backward()
        found.append([states, *(parameter.grad for parameter in model.parameters() if parameter.grad is not None)])
    padded, cut = found
    assert len(padded) == len(cut) > 20
    for theirs, ours in zip(padded, cut, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)


def test_nothing_is_computed_for_padding() -> None:
    model = small_model()
    widths: list[int] = []
    model.encoder[0].feed_forward.register_forward_hook(lambda _m, _i, out: widths.append(out.size(0)))
    model.decoder[0].feed_forward.register_forward_hook(lambda _m, _i, out: widths.append(out.size(0)))
    hidden(model, packed=True)
    assert widths == [int((SRC_BS != 0).sum()), int(REAL.sum())]


def test_rows_are_cut_with_the_gradients_of_indexing() -> None:
    x_BTD = torch.randn(3, 4, 2, dtype=torch.float64, requires_grad=True)
    rows = Rows(TGT_BT, 1)
    assert torch.equal(rows.cut(x_BTD), x_BTD[REAL])
    assert torch.autograd.gradcheck(rows.cut, x_BTD)


def test_each_head_of_each_sequence_becomes_a_matrix_and_rows_again() -> None:
    rows = Rows(TGT_BT, 2)
    x_ND = torch.randn(int(REAL.sum()), 6, dtype=torch.float64, requires_grad=True)
    split_BHTK = rows.split(x_ND)
    assert torch.equal(split_BHTK.transpose(1, 2)[REAL].flatten(1), x_ND)
    assert not split_BHTK.transpose(1, 2)[~REAL].any()
    assert torch.equal(rows.join(split_BHTK), x_ND)
    assert torch.autograd.gradcheck(rows.split, x_ND)
    assert torch.autograd.gradcheck(rows.join, split_BHTK.detach().requires_grad_())
