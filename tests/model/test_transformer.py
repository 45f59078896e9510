"""The Transformer against NumPy, against torch's own, and the invariants that every such model must keep."""

import math
import warnings

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy_transformer import NumpyTransformer
from torch import nn

from s2s.model import Transformer, TransformerConfig, attention
from s2s.model.attention import MultiHeadAttention, causal_mask, scaled_dot_product_attention
from s2s.model.positions import PositionalEncoding, sinusoids
from s2s.model.weights import load_weights, weights_of, zero_output_maps

SHAPES = [("post", "all"), ("pre", "all"), ("post", "target"), ("pre", "none")]


def small_model(norm: str = "post", tied: str = "all", dropout: float = 0.0, seed: int = 0) -> Transformer:
    torch.manual_seed(seed)
    model = Transformer(TransformerConfig(23, 23, 2, 3, 16, 24, 4, dropout, 0.0, norm, tied))  # type: ignore[arg-type]
    with torch.no_grad():
        for parameter in model.parameters():  # biases and norms too, so that a forgotten one shows
            parameter.add_(0.1 * torch.randn_like(parameter))
    return model.eval()


def test_base_model_maps_32_by_50_ids_to_logits_over_10000_pieces() -> None:
    model = Transformer(TransformerConfig(10_000, 10_000)).eval()
    with torch.inference_mode():
        logits = model(torch.randint(4, 10_000, (32, 50)), torch.randint(4, 10_000, (32, 50)))
    assert logits.shape == (32, 50, 10_000)


@pytest.mark.parametrize(("norm", "tied"), SHAPES)
def test_padded_batch_equals_numpy_sentence_by_sentence(norm: str, tied: str) -> None:
    model = small_model(norm, tied)
    weights = {name: tensor.double().numpy() for name, tensor in weights_of(model).items()}
    reference = NumpyTransformer(weights, 2, 3, 4, norm)
    pairs = [([5, 6, 7, 3], [2, 9, 8]), ([4, 3], [2, 11, 12, 13, 14]), ([22, 21, 20, 19, 18, 3], [2])]
    src = torch.zeros(3, 6, dtype=torch.long)
    tgt = torch.zeros(3, 5, dtype=torch.long)
    for row, (source, target) in enumerate(pairs):
        src[row, : len(source)] = torch.tensor(source)
        tgt[row, : len(target)] = torch.tensor(target)
    logits = model(src, tgt).detach().numpy()
    for row, (source, target) in enumerate(pairs):
        expected = reference.logits(source, target)
        np.testing.assert_allclose(logits[row, : len(target)], expected, atol=1e-5, rtol=1e-5)


def test_where_output_maps_are_zero_a_pre_norm_model_is_its_embeddings() -> None:
    model = Transformer(TransformerConfig(23, 23, 2, 3, 16, 24, 4, 0.0, 0.0, "pre")).eval()
    src, tgt = torch.tensor([[5, 6, 7, 3]]), torch.tensor([[2, 9, 8]])
    embedded = [model.embed(src, model.src_embedding), model.embed(tgt, model.tgt_embedding)]
    assert not torch.allclose(model.encode(src), model.encoder_norm(embedded[0]), atol=1e-2)
    zero_output_maps(model)
    memory = model.encode(src)
    torch.testing.assert_close(memory, model.encoder_norm(embedded[0]), rtol=0, atol=0)
    torch.testing.assert_close(model.decode(tgt, memory, src), model.decoder_norm(embedded[1]), rtol=0, atol=0)


def copy_attention(ours: MultiHeadAttention, theirs: nn.MultiheadAttention) -> None:
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat([ours.query.weight, ours.key.weight, ours.value.weight]))
        theirs.in_proj_bias.copy_(torch.cat([ours.query.bias, ours.key.bias, ours.value.bias]))
        theirs.out_proj.weight.copy_(ours.output.weight)
        theirs.out_proj.bias.copy_(ours.output.bias)


def test_attention_equals_torch_multihead_attention() -> None:
    torch.manual_seed(1)
    ours, theirs = MultiHeadAttention(32, 4).eval(), nn.MultiheadAttention(32, 4, batch_first=True).eval()
    copy_attention(ours, theirs)
    x, memory = torch.randn(3, 5, 32), torch.randn(3, 7, 32)
    padding = torch.tensor([[False] * 7, [False] * 4 + [True] * 3, [False] + [True] * 6])
    expected, expected_weights = theirs(x, memory, memory, key_padding_mask=padding, average_attn_weights=False)
    weights: list[torch.Tensor] = []
    torch.testing.assert_close(ours(x, memory, ~padding[:, None, None, :]), expected, atol=1e-5, rtol=0)
    torch.testing.assert_close(
        ours(x, memory, ~padding[:, None, None, :], weights=weights), expected, atol=1e-5, rtol=0
    )
    torch.testing.assert_close(weights[0], expected_weights, atol=1e-5, rtol=0)


def copy_layer(ours: nn.Module, theirs: nn.Module, cross: bool) -> None:
    copy_attention(ours.self_attention, theirs.self_attn)  # type: ignore[arg-type]
    names = [
        ("feed_forward.inner", "linear1"),
        ("feed_forward.outer", "linear2"),
        ("around_self_attention.norm", "norm1"),
    ]
    if cross:
        copy_attention(ours.cross_attention, theirs.multihead_attn)  # type: ignore[arg-type]
        names += [("around_cross_attention.norm", "norm2"), ("around_feed_forward.norm", "norm3")]
    else:
        names += [("around_feed_forward.norm", "norm2")]
    for our_name, their_name in names:
        theirs.get_submodule(their_name).load_state_dict(ours.get_submodule(our_name).state_dict())


@pytest.mark.parametrize("norm", ["post", "pre"])
def test_stacks_equal_torch_transformer(norm: str) -> None:
    model = small_model(norm)
    with warnings.catch_warnings():  # torch warns that pre-norm has no fast path of its own
        warnings.simplefilter("ignore")
        theirs = nn.Transformer(16, 4, 2, 3, 24, 0.0, batch_first=True, norm_first=norm == "pre").eval()
    if norm == "pre":
        theirs.encoder.norm.load_state_dict(model.encoder_norm.state_dict())  # type: ignore[union-attr]
        theirs.decoder.norm.load_state_dict(model.decoder_norm.state_dict())  # type: ignore[union-attr]
    else:  # torch adds a last norm that the paper does not have
        theirs.encoder.norm = theirs.decoder.norm = None
    for ours_layer, their_layer in zip(model.encoder, theirs.encoder.layers, strict=True):
        copy_layer(ours_layer, their_layer, cross=False)
    for ours_layer, their_layer in zip(model.decoder, theirs.decoder.layers, strict=True):
        copy_layer(ours_layer, their_layer, cross=True)
    src = torch.tensor([[5, 6, 7, 8, 3], [9, 10, 3, 0, 0]])
    tgt = torch.tensor([[2, 5, 6, 7], [2, 8, 0, 0]])
    embedded = model.embed(src, model.src_embedding), model.embed(tgt, model.tgt_embedding)
    expected = theirs(
        *embedded,
        tgt_mask=~causal_mask(4),
        src_key_padding_mask=src == 0,
        memory_key_padding_mask=src == 0,
        tgt_is_causal=False,
    )
    hidden = model.decode(tgt, model.encode(src), src)
    torch.testing.assert_close(hidden[tgt != 0], expected[tgt != 0], atol=1e-5, rtol=0)


def test_scaled_dot_product_attention_by_hand() -> None:
    q = torch.tensor([[[[1.0, 0.0]]]])
    k = torch.tensor([[[[math.sqrt(2) * math.log(3), 0.0], [0.0, 5.0]]]])
    v = torch.tensor([[[[4.0, 0.0], [0.0, 8.0]]]])
    out, weights = scaled_dot_product_attention(q, k, v)  # scores log 3 and 0
    torch.testing.assert_close(weights, torch.tensor([[[[0.75, 0.25]]]]))
    torch.testing.assert_close(out, torch.tensor([[[[3.0, 2.0]]]]))


@pytest.mark.parametrize(
    ("t", "s", "causal"), [(5, 7, False), (6, 6, True), (attention._SHORT, attention._SHORT, True)]
)
def test_short_attention_is_that_of_the_fused_kernel_forward_and_backward(t: int, s: int, causal: bool) -> None:
    q, k, v = (torch.randn(3, 4, n, 8, dtype=torch.float64, requires_grad=True) for n in (t, s, s))
    mask = None if causal else (torch.arange(s) < torch.tensor([s, 3, 1])[:, None])[:, None, None]
    fused = F.scaled_dot_product_attention(q, k, v, mask, is_causal=causal)
    short = attention._short_attention(q, k, v, attention.causal_mask(t)[None, None] if causal else mask)
    torch.testing.assert_close(short, fused)
    direction = torch.randn_like(fused)
    for expected, found in zip(*(torch.autograd.grad(x, (q, k, v), direction) for x in (fused, short)), strict=True):
        torch.testing.assert_close(found, expected)


@pytest.mark.parametrize(
    ("dtype", "limit", "tolerance"),
    [(torch.float32, attention._SHORT, 1e-5), (torch.bfloat16, attention._SHORT_BF16, 0.01)],
)
def test_long_sequences_keep_the_fused_kernel(
    dtype: torch.dtype, limit: int, tolerance: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    lengths: list[int] = []
    short = attention._short_attention
    monkeypatch.setattr(attention, "_short_attention", lambda q, *rest: lengths.append(q.size(2)) or short(q, *rest))
    ours = MultiHeadAttention(8, 2)
    for length in (limit, limit + 1):
        x = torch.randn(1, length, 8)
        expected = ours(x, x, causal=True, weights=[])
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=dtype == torch.bfloat16):
            found = ours(x, x, causal=True)
        assert found.dtype == dtype
        torch.testing.assert_close(found.float(), expected, atol=tolerance, rtol=0)
    assert lengths == [limit]


def test_attention_weights_sum_to_one_and_change_nothing() -> None:
    model = small_model()
    src, tgt = torch.tensor([[5, 6, 3, 0], [5, 6, 7, 3]]), torch.tensor([[2, 5, 6], [2, 7, 8]])
    encoder_weights: list[torch.Tensor] = []
    decoder_weights: list[torch.Tensor] = []
    memory = model.encode(src, encoder_weights)
    hidden = model.decode(tgt, memory, src, decoder_weights)
    torch.testing.assert_close(hidden, model.decode(tgt, model.encode(src), src))
    assert [tuple(w.shape) for w in encoder_weights] == [(2, 4, 4, 4)] * 2
    assert [tuple(w.shape) for w in decoder_weights] == [(2, 4, 3, 4)] * 3
    for weights in encoder_weights + decoder_weights:
        torch.testing.assert_close(weights.sum(-1), torch.ones(weights.shape[:-1]))
        assert (weights[0, :, :, 3] == 0).all(), "padding is attended to"


@pytest.mark.parametrize("norm", ["post", "pre"])
def test_no_gradient_from_later_tokens_or_padding(norm: str) -> None:
    model = small_model(norm)
    src, tgt = torch.tensor([[5, 6, 3, 0, 0]]), torch.tensor([[2, 5, 6, 7]])
    src_x = model.embed(src, model.src_embedding).detach().requires_grad_()
    tgt_x = model.embed(tgt, model.tgt_embedding).detach().requires_grad_()
    mask = model.mask(src)
    memory = src_x
    for layer in model.encoder:
        memory = layer(memory, mask)
    hidden = tgt_x
    for layer in model.decoder:
        hidden = layer(hidden, memory, mask)
    hidden[0, 1].square().sum().backward()
    assert (tgt_x.grad[0, 2:] == 0).all()
    assert (tgt_x.grad[0, :2] != 0).any()
    assert (src_x.grad[0, 3:] == 0).all()
    assert (src_x.grad[0, :3] != 0).any()


@settings(max_examples=25)
@given(st.lists(st.lists(st.integers(4, 22), min_size=1, max_size=9), min_size=1, max_size=5), st.integers(0, 4))
def test_neighbours_and_padding_do_not_matter(sentences: list[list[int]], extra: int) -> None:
    model = small_model()
    width = max(map(len, sentences)) + extra
    src = torch.tensor([s + [0] * (width - len(s)) for s in sentences])
    tgt = torch.tensor([[2, *s] + [0] * (width - len(s)) for s in sentences])
    together = model(src, tgt)
    for row, sentence in enumerate(sentences):
        alone = model(torch.tensor([sentence]), torch.tensor([[2, *sentence]]))[0]
        torch.testing.assert_close(together[row, : len(sentence) + 1], alone, atol=2e-5, rtol=1e-4)


def test_tied_matrices_are_one_and_counted_once() -> None:
    tied, apart = small_model(tied="all"), small_model(tied="none")
    assert tied.src_embedding.weight is tied.tgt_embedding.weight is tied.projection.weight
    assert apart.n_parameters - tied.n_parameters == 2 * 23 * 16


def test_parameter_count_of_the_papers_base_model() -> None:
    # Table 3 says 65 million with a vocabulary of about 37,000: embeddings once, 6 layers of each kind
    model = Transformer(TransformerConfig(37_000, 37_000))
    d, ff = 512, 2048
    attention, feed_forward, norm = 4 * (d * d + d), 2 * d * ff + ff + d, 2 * d
    expected = 37_000 * d + 6 * (attention + feed_forward + 2 * norm) + 6 * (2 * attention + feed_forward + 3 * norm)
    assert model.n_parameters == expected
    assert 60e6 < expected < 66e6


def test_positions_by_formula_and_grown_table() -> None:
    table = sinusoids(700, 8)
    assert table[0].tolist() == [0, 1, 0, 1, 0, 1, 0, 1]
    assert table[600, 5].item() == pytest.approx(math.cos(600 / 10_000 ** (4 / 8)), abs=1e-6)
    grown = PositionalEncoding(8)
    torch.testing.assert_close(grown(torch.zeros(1, 3, 8), start=600)[0], table[600:603])


def test_dropout_only_while_training_and_unbiased_in_every_byte() -> None:
    from s2s.model.dropout import Dropout

    torch.manual_seed(3)
    dropout = Dropout(0.3)
    x = torch.ones(40_000, 8)
    assert dropout.eval()(x) is x
    y = dropout.train()(x)
    kept = (y != 0).float()
    # eight elements share a draw: each place must be dropped as often as the others
    torch.testing.assert_close(kept.mean(dim=0), torch.full((8,), 0.7), atol=0.012, rtol=0)
    assert y.mean().item() == pytest.approx(1.0, abs=0.01)
    # and independently of its neighbour in the draw
    both = (kept[:, 3] * kept[:, 7]).mean().item()
    assert both == pytest.approx(0.49, abs=0.015)


def test_dropout_gradient_uses_the_same_mask() -> None:
    from s2s.model.dropout import Dropout

    x = torch.ones(1000, requires_grad=True)
    y = Dropout(0.5)(x)
    y.sum().backward()
    torch.testing.assert_close(x.grad, y.detach())


def test_weights_round_trip_and_refusal() -> None:
    a, b = small_model(seed=1), small_model(seed=2)
    load_weights(b, {name: tensor.clone() for name, tensor in weights_of(a).items()})
    src, tgt = torch.tensor([[5, 6, 3]]), torch.tensor([[2, 5]])
    torch.testing.assert_close(a(src, tgt), b(src, tgt))
    wrong = dict(weights_of(a))
    wrong["tgt_embedding.weight"] = torch.zeros(5, 16)
    before = b(src, tgt)
    with pytest.raises(ValueError, match="shape"):
        load_weights(b, wrong)
    with pytest.raises(ValueError, match="do not belong"):
        load_weights(b, {})
    torch.testing.assert_close(b(src, tgt), before)


@pytest.mark.parametrize("bad", [{"d_model": 30, "n_heads": 4}, {"d_model": 7, "n_heads": 7}])
def test_impossible_shapes_are_refused(bad: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="multiple of n_heads"):
        TransformerConfig(10, 10, **bad)  # type: ignore[arg-type]
