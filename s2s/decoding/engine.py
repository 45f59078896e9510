"""The Transformer as search runs it: flat functions over prepared weights, one position of all hypotheses at a time.

It computes what `s2s.model.Transformer` computes, and a test holds it to that. What is different, and why:

- The weights are prepared once: queries, keys and values of self-attention in one product, all in the type of
  computation. A step then is some forty calls, no more.
- The encoder runs once a sentence, on no padding, and so do the keys and values of its output; hypotheses are rows of
  one query.
- What hypotheses have said is never moved when the beam is reordered (see `attention.py`).

Shapes: B sentences, M hypotheses of each (the beam), N = B × M, S source positions, P of all sentences without padding,
D d_model, V vocabulary, C rows of hidden states.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from s2s.decoding.attention import Attention
from s2s.decoding.maps import Map, Prepare, preparation
from s2s.decoding.rows import in_cache
from s2s.model import Transformer
from s2s.model.attention import MultiHeadAttention
from s2s.model.layers import DecoderLayer, EncoderLayer, FeedForward
from s2s.symbols import BOS


class DecodingEngine:
    """A Transformer as search sees it: `start`, `step`, `logits`, `select`.

    Args:
        model: In evaluation mode. Its weights as they are now; later changes are not seen.
        dtype: Type of the products; norms, softmax, sums and logits are in float32.
        int8: Whether linear maps are in 8 bits.

    Raises:
        UsageError: If this machine has no instructions for 8 bits.
    """

    def __init__(self, model: Transformer, dtype: torch.dtype | None = None, int8: bool = False) -> None:
        self.config = model.config
        self.device = next(model.parameters()).device
        self.dtype = dtype or model.projection.weight.dtype
        self._model = model
        self._n_heads = model.config.n_heads
        self._pre = model.config.norm == "pre"
        self._scale = math.sqrt(model.config.d_model)
        with torch.no_grad():
            prepare = preparation(self.dtype, self.device, int8)
            self._encoder = [_EncoderWeights.of(layer, prepare) for layer in model.encoder]
            self._decoder = [_DecoderWeights.of(layer, prepare) for layer in model.decoder]
            self._encoder_norm, self._decoder_norm = _norm(model.encoder_norm), _norm(model.decoder_norm)
            # logits are float32 where others are bfloat16, which would tie them
            project = preparation(model.projection.weight.dtype, self.device, int8)
            self._projection = project(model.projection.weight.detach(), None)
            self.vocabulary_size = model.projection.weight.size(0)

    def start(self, src_BS: Tensor, beam: int) -> Attention:
        """Encode sentences and make room for `beam` hypotheses of each.

        Args:
            src_BS: Source ids, end symbol included, padded to the right.
            beam: M, hypotheses per sentence.

        Returns:
            Where the decoding of the batch stands.
        """
        state = Attention(src_BS, beam, self._n_heads, self.dtype)
        memory_PD = self._encode(src_BS, state).to(self.dtype)
        for layer in self._decoder:
            state.keep_source(layer.source_keys_values(memory_PD))
        return state

    def _encode(self, src_BS: Tensor, state: Attention) -> Tensor:
        x_BSD = self._model.src_embedding(src_BS) * self._scale + self._model.positions.encodings(0, src_BS.size(1))
        x_PD = state.leave_out_padding(x_BSD)
        for layer in self._encoder:

            def look_around(y_PD: Tensor, layer: _EncoderWeights = layer) -> Tensor:
                return layer.attention_output(state.encoder(layer.queries_keys_values(y_PD)))

            x_PD = self._around(x_PD, layer.norms[0], look_around)
            x_PD = self._around(x_PD, layer.norms[1], layer.feed_forward)
        return self._encoder_norm(x_PD)

    def step(self, state: Attention, tokens_N: Tensor | None) -> Tensor:
        """Feed the last piece of each hypothesis; hypothesis m of sentence b is row b × M + m.

        Args:
            state: From `start`; moves one position on.
            tokens_N: The pieces chosen last, or none for the first step.

        Returns:
            Hidden states `(N, D)`, for `logits`.
        """
        if tokens_N is None:
            tokens_N = torch.full((state.n_rows,), BOS, dtype=torch.long, device=self.device)
        state.begin_step()
        x_ND = self._model.tgt_embedding(tokens_N) * self._scale
        x_ND = x_ND + self._model.positions.encodings(state.n_steps - 1, state.n_steps)
        for number, layer in enumerate(self._decoder):

            def look_back(y_ND: Tensor, number: int = number, layer: _DecoderWeights = layer) -> Tensor:
                return layer.attention_output(state.past(number, layer.queries_keys_values(y_ND)))

            def look_at_source(y_ND: Tensor, number: int = number, layer: _DecoderWeights = layer) -> Tensor:
                return layer.source_output(state.source(number, layer.source_queries(y_ND)))

            x_ND = self._around(x_ND, layer.norms[0], look_back)
            x_ND = self._around(x_ND, layer.norms[1], look_at_source)
            x_ND = self._around(x_ND, layer.norms[2], layer.feed_forward)
        return self._decoder_norm(x_ND)

    def logits(self, hidden_CD: Tensor) -> Tensor:
        """Logits of some rows of hidden states, in float32."""
        return self._projection(hidden_CD)

    def select(self, state: Attention, parents_BM: Tensor, sentences_B: Tensor | None = None) -> None:
        """Reorder hypotheses, and keep only some sentences.

        Args:
            state: Changed in place.
            parents_BM: For each hypothesis, which of its sentence's M it continues; of the sentences that stay.
            sentences_B: Old place of each sentence that stays; none if all stay where they are.
        """
        state.select(parents_BM, sentences_B)

    def _around(self, x: Tensor, norm: Map, sublayer: Map) -> Tensor:
        """`model.layers.Residual`, without dropout; sums and norms in float32."""
        if self._pre:
            return x + sublayer(norm(x).to(self.dtype))
        return norm(x + sublayer(x.to(self.dtype)))


@dataclass(frozen=True)
class _EncoderWeights:
    queries_keys_values: Map
    attention_output: Map
    feed_forward: Map
    norms: list[Map]

    @classmethod
    def of(cls, layer: nn.Module, prepare: Prepare) -> "_EncoderWeights":
        assert isinstance(layer, EncoderLayer)
        around = (layer.around_self_attention, layer.around_feed_forward)
        return cls(
            prepare(*queries_keys_values(layer.self_attention)),
            prepare(*weights(layer.self_attention.output)),
            _feed_forward(layer.feed_forward, prepare),
            [_norm(one.norm) for one in around],
        )


@dataclass(frozen=True)
class _DecoderWeights:
    queries_keys_values: Map
    attention_output: Map
    source_queries: Map
    source_keys_values: Map
    source_output: Map
    feed_forward: Map
    norms: list[Map]

    @classmethod
    def of(cls, layer: nn.Module, prepare: Prepare) -> "_DecoderWeights":
        assert isinstance(layer, DecoderLayer)
        around = (layer.around_self_attention, layer.around_cross_attention, layer.around_feed_forward)
        return cls(
            prepare(*queries_keys_values(layer.self_attention)),
            prepare(*weights(layer.self_attention.output)),
            prepare(*scaled_queries(layer.cross_attention)),
            prepare(*joined([weights(layer.cross_attention.key), weights(layer.cross_attention.value)])),
            prepare(*weights(layer.cross_attention.output)),
            _feed_forward(layer.feed_forward, prepare),
            [_norm(one.norm) for one in around],
        )


def weights(linear: nn.Linear) -> tuple[Tensor, Tensor]:
    """W and b of a linear map."""
    return linear.weight.detach(), linear.bias.detach()


def scaled_queries(attention: MultiHeadAttention) -> tuple[Tensor, Tensor]:
    """The map to queries, with the 1 / √d_k of equation 1 in it."""
    weight, bias = weights(attention.query)
    scale = math.sqrt(attention.n_heads / weight.size(0))
    return weight * scale, bias * scale


def queries_keys_values(attention: MultiHeadAttention) -> tuple[Tensor, Tensor]:
    """The three maps as one, their outputs side by side."""
    return joined([scaled_queries(attention), weights(attention.key), weights(attention.value)])


def joined(parts: list[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    """Several linear maps as one, their outputs side by side."""
    return torch.cat([weight for weight, _ in parts]), torch.cat([bias for _, bias in parts])


def _feed_forward(layer: FeedForward, prepare: Prepare) -> Map:
    first, second = prepare(*weights(layer.inner), relu=True), prepare(*weights(layer.outer))
    return in_cache(lambda x_ND: second(first(x_ND)), max(layer.inner.weight.shape), layer.inner.weight.device)


def _norm(norm: nn.Module) -> Map:
    if not isinstance(norm, nn.LayerNorm):
        return lambda x: x
    shape, weight, bias, epsilon = norm.normalized_shape, norm.weight.detach(), norm.bias.detach(), norm.eps
    return lambda x: torch.layer_norm(x, shape, weight, bias, epsilon)
