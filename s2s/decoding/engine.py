"""The Transformer as search runs it: flat functions over prepared weights, one position of all hypotheses at a time.

It computes what `s2s.model.Transformer` computes, and a test holds it to that. What is different, and why:

- The weights are prepared once: queries, keys and values of self-attention in one product, those that look at the
  source for all layers in one product, all in the type of computation. A step then is some forty calls, no more.
- The encoder runs once a sentence, on no padding, and so do the keys and values of its output; hypotheses are rows of one query.
- What hypotheses have said is never moved when the beam is reordered. The M hypotheses of a sentence share one pool of
  M keys a step, and each has a table of who of them said its past (its ancestry), which becomes the attention mask.

Shapes: B sentences, M hypotheses of each (the beam), N = B × M, S source positions, P of all sentences without padding,
T steps so far, D d_model, E outputs of several maps side by side, H heads, K head width, L decoder layers, V vocabulary.
"""

import math
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from s2s.decoding.maps import Map, Prepare, preparation
from s2s.decoding.rows import in_cache
from s2s.model import Transformer
from s2s.model.attention import MultiHeadAttention
from s2s.model.layers import DecoderLayer, EncoderLayer, FeedForward
from s2s.symbols import BOS, PAD

_FIRST_CAPACITY = 16  # steps that a new cache has room for; it doubles when full


@dataclass
class State:
    """Where the decoding of a batch stands.

    Attributes:
        mask_B11S: What is added to attention scores at source positions: 0, and -∞ at padding; none without padding.
        memory_L2BHSK: Keys and values of the encoder's output, by layer.
        history_L2BHTMK: Keys and values of what was said, with room for more steps.
        ancestry_BMT: Which of a sentence's M hypotheses wrote step t of hypothesis m; none while M is 1.
        position: Steps done.
    """

    mask_B11S: Tensor | None
    memory_L2BHSK: Tensor
    history_L2BHTMK: Tensor
    ancestry_BMT: Tensor | None
    position: int = 0


class _Padding:
    """Where sentences have pieces. The encoder works on those alone, but for attention, which goes by sentence.

    Args:
        src_BS: Source ids, padded to the right.
        dtype: Of the mask.

    Attributes:
        mask_B11S: What is added to attention scores: 0, and -∞ at padding; none without padding.
    """

    def __init__(self, src_BS: Tensor, dtype: torch.dtype) -> None:
        self._shape = src_BS.shape
        padding_BS = src_BS == PAD
        self.mask_B11S: Tensor | None = None
        self._places_P: Tensor | None = None
        if bool(padding_BS.any()):
            zero = torch.zeros((), dtype=dtype, device=src_BS.device)
            self.mask_B11S = zero.masked_fill(padding_BS, float("-inf"))[:, None, None, :]
            self._places_P = (~padding_BS).flatten().nonzero()[:, 0]

    def leave_out(self, x_BSD: Tensor) -> Tensor:
        """Only the places with pieces, `(P, D)`."""
        x = x_BSD.flatten(0, 1)
        return x if self._places_P is None else x.index_select(0, self._places_P)

    def put_back(self, x_PD: Tensor) -> Tensor:
        """`(B, S, D)`, with 0 at padding."""
        if self._places_P is not None:
            n_sentences, n_positions = self._shape
            x_PD = x_PD.new_zeros(n_sentences * n_positions, x_PD.size(1)).index_copy_(0, self._places_P, x_PD)
        return x_PD.view(*self._shape, -1)


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
            self._memory_map = prepare(*_keys_and_values(model.decoder))
            self._encoder_norm, self._decoder_norm = _norm(model.encoder_norm), _norm(model.decoder_norm)
            # logits are float32 where others are bfloat16, which would tie them
            project = preparation(model.projection.weight.dtype, self.device, int8)
            self._projection = project(model.projection.weight.detach(), None)
            self.vocabulary_size = model.projection.weight.size(0)

    def start(self, src_BS: Tensor, beam: int) -> State:
        """Encode sentences and make room for `beam` hypotheses of each.

        Args:
            src_BS: Source ids, end symbol included, padded to the right.
            beam: M, hypotheses per sentence.
        """
        n_sentences, n_positions = src_BS.shape
        n_layers, width = len(self._decoder), self.config.d_model // self._n_heads
        padding = _Padding(src_BS, self.dtype)
        memory_PE = self._memory_map(self._encode(src_BS, padding).to(self.dtype))
        memory = padding.put_back(memory_PE).view(n_sentences, n_positions, n_layers, 2, self._n_heads, width)
        return State(
            padding.mask_B11S,
            memory.permute(2, 3, 0, 4, 1, 5).contiguous(),
            memory.new_empty(n_layers, 2, n_sentences, self._n_heads, _FIRST_CAPACITY, beam, width),
            None if beam == 1 else torch.empty(n_sentences, beam, 0, dtype=torch.int8, device=self.device),
        )

    def _encode(self, src_BS: Tensor, padding: "_Padding") -> Tensor:
        x_BSD = self._model.src_embedding(src_BS) * self._scale + self._model.positions.encodings(0, src_BS.size(1))
        x_PD = padding.leave_out(x_BSD)
        for layer in self._encoder:
            attend = partial(self._self_attention, layer=layer, padding=padding)
            x_PD = self._around(x_PD, layer.norms[0], attend)
            x_PD = self._around(x_PD, layer.norms[1], layer.feed_forward)
        return self._encoder_norm(x_PD)

    def _self_attention(self, y_PD: Tensor, layer: "_EncoderWeights", padding: "_Padding") -> Tensor:
        qkv_BSE = padding.put_back(layer.queries_keys_values(y_PD))
        q, k, v = qkv_BSE.view(*qkv_BSE.shape[:2], 3, self._n_heads, -1).permute(2, 0, 3, 1, 4)
        out_BHSK = F.scaled_dot_product_attention(q, k, v, padding.mask_B11S, scale=1.0)
        return layer.attention_output(padding.leave_out(out_BHSK.transpose(1, 2).flatten(2)))

    def step(self, state: State, tokens_N: Tensor | None) -> Tensor:
        """Feed the last piece of each hypothesis; hypothesis m of sentence b is row b × M + m.

        Args:
            state: From `start`; moves one position on.
            tokens_N: The pieces chosen last, or none for the first step.

        Returns:
            Hidden states `(N, D)`, for `logits`.
        """
        _, _, n_sentences, n_heads, capacity, beam, _ = state.history_L2BHTMK.shape
        if tokens_N is None:
            tokens_N = torch.full((n_sentences * beam,), BOS, dtype=torch.long, device=self.device)
        if state.position == capacity:
            more = torch.empty_like(state.history_L2BHTMK)
            state.history_L2BHTMK = torch.cat([state.history_L2BHTMK, more], dim=4)
        end = state.position + 1
        x_ND = self._model.tgt_embedding(tokens_N) * self._scale
        x_ND = x_ND + self._model.positions.encodings(state.position, end)
        mask_B1MU = self._mask_of_ancestry(state)
        for number, layer in enumerate(self._decoder):
            history, memory = state.history_L2BHTMK[number], state.memory_L2BHSK[number]

            def look_back(y_ND: Tensor, layer: _DecoderWeights = layer, history: Tensor = history) -> Tensor:
                q, k, v = layer.queries_keys_values(y_ND).view(n_sentences, beam, 3, n_heads, -1).permute(2, 0, 3, 1, 4)
                history[0, :, :, end - 1], history[1, :, :, end - 1] = k, v
                keys, values = history[:, :, :, :end].flatten(3, 4)
                out_BHMK = _attend(q, keys, values, mask_B1MU)
                return layer.attention_output(out_BHMK.transpose(1, 2).reshape(y_ND.shape))

            def look_at_source(y_ND: Tensor, layer: _DecoderWeights = layer, memory: Tensor = memory) -> Tensor:
                q_BHMK = layer.source_queries(y_ND).view(n_sentences, beam, n_heads, -1).transpose(1, 2)
                out_BHMK = _attend(q_BHMK, memory[0], memory[1], state.mask_B11S)
                return layer.source_output(out_BHMK.transpose(1, 2).reshape(y_ND.shape))

            x_ND = self._around(x_ND, layer.norms[0], look_back)
            x_ND = self._around(x_ND, layer.norms[1], look_at_source)
            x_ND = self._around(x_ND, layer.norms[2], layer.feed_forward)
        state.position = end
        return self._decoder_norm(x_ND)

    def _mask_of_ancestry(self, state: State) -> Tensor | None:
        """Mask `(B, 1, M, (T + 1) × M)` by which each hypothesis sees its own past and itself in the common pool."""
        if state.ancestry_BMT is None:
            return None
        n_sentences, beam, _ = state.ancestry_BMT.shape
        places_M = torch.arange(beam, dtype=torch.int8, device=self.device)
        state.ancestry_BMT = torch.cat([state.ancestry_BMT, places_M.expand(n_sentences, beam)[:, :, None]], dim=2)
        foreign_BMTM = state.ancestry_BMT[:, :, :, None] != places_M
        zero = torch.zeros((), dtype=self.dtype, device=self.device)
        return zero.masked_fill(foreign_BMTM, float("-inf")).flatten(2)[:, None]

    def logits(self, hidden_CD: Tensor) -> Tensor:
        """Logits of some rows of hidden states, in float32."""
        return self._projection(hidden_CD)

    def select(self, state: State, parents_BM: Tensor, sentences_B: Tensor | None = None) -> None:
        """Reorder hypotheses, and keep only some sentences.

        Args:
            state: Changed in place.
            parents_BM: For each hypothesis, which of its sentence's M it continues; of the sentences that stay.
            sentences_B: Old place of each sentence that stays; none if all stay where they are.
        """
        if sentences_B is not None:
            end = state.position
            room = state.history_L2BHTMK
            shape = list(room.shape)
            shape[2] = sentences_B.numel()
            state.history_L2BHTMK = room.new_empty(shape)
            state.history_L2BHTMK[:, :, :, :, :end] = room[:, :, :, :, :end].index_select(2, sentences_B)
            state.memory_L2BHSK = state.memory_L2BHSK.index_select(2, sentences_B)
            if state.mask_B11S is not None:
                state.mask_B11S = state.mask_B11S.index_select(0, sentences_B)
            if state.ancestry_BMT is not None:
                state.ancestry_BMT = state.ancestry_BMT.index_select(0, sentences_B)
        if state.ancestry_BMT is not None:
            index_BMT = parents_BM[:, :, None].expand_as(state.ancestry_BMT)
            state.ancestry_BMT = state.ancestry_BMT.gather(1, index_BMT)

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
            prepare(*_queries_keys_values(layer.self_attention)),
            prepare(*_weights(layer.self_attention.output)),
            _feed_forward(layer.feed_forward, prepare),
            [_norm(one.norm) for one in around],
        )


@dataclass(frozen=True)
class _DecoderWeights:
    queries_keys_values: Map
    attention_output: Map
    source_queries: Map
    source_output: Map
    feed_forward: Map
    norms: list[Map]

    @classmethod
    def of(cls, layer: nn.Module, prepare: Prepare) -> "_DecoderWeights":
        assert isinstance(layer, DecoderLayer)
        around = (layer.around_self_attention, layer.around_cross_attention, layer.around_feed_forward)
        return cls(
            prepare(*_queries_keys_values(layer.self_attention)),
            prepare(*_weights(layer.self_attention.output)),
            prepare(*_queries(layer.cross_attention)),
            prepare(*_weights(layer.cross_attention.output)),
            _feed_forward(layer.feed_forward, prepare),
            [_norm(one.norm) for one in around],
        )


def _weights(linear: nn.Linear) -> tuple[Tensor, Tensor]:
    return linear.weight.detach(), linear.bias.detach()


def _queries(attention: MultiHeadAttention) -> tuple[Tensor, Tensor]:
    """The map to queries, with the 1 / √d_k of equation 1 in it."""
    weight, bias = _weights(attention.query)
    scale = math.sqrt(attention.n_heads / weight.size(0))
    return weight * scale, bias * scale


def _queries_keys_values(attention: MultiHeadAttention) -> tuple[Tensor, Tensor]:
    """The three maps as one, their outputs side by side."""
    return _joined([_queries(attention), _weights(attention.key), _weights(attention.value)])


def _keys_and_values(decoder: nn.ModuleList) -> tuple[Tensor, Tensor]:
    """The maps of the encoder's output to keys and values, of all layers as one."""
    parts = []
    for layer in decoder:
        assert isinstance(layer, DecoderLayer)
        parts += [_weights(layer.cross_attention.key), _weights(layer.cross_attention.value)]
    return _joined(parts)


def _joined(parts: list[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    return torch.cat([weight for weight, _ in parts]), torch.cat([bias for _, bias in parts])


def _feed_forward(layer: FeedForward, prepare: Prepare) -> Map:
    first, second = prepare(*_weights(layer.inner), relu=True), prepare(*_weights(layer.outer))
    return in_cache(lambda x_ND: second(first(x_ND)), layer.inner.weight.device)


def _norm(norm: nn.Module) -> Map:
    if not isinstance(norm, nn.LayerNorm):
        return lambda x: x
    shape, weight, bias, epsilon = norm.normalized_shape, norm.weight.detach(), norm.bias.detach(), norm.eps
    return lambda x: F.layer_norm(x, shape, weight, bias, epsilon)


def _attend(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
    """Attention of queries that are scaled already.

    With the few queries of a step, two products and a softmax take less time on a processor than the fused kernel.
    """
    if q.device.type != "cpu":
        return F.scaled_dot_product_attention(q, k, v, mask, scale=1.0)
    scores = q @ k.transpose(-2, -1)
    if mask is not None:
        scores += mask
    return scores.softmax(dim=-1) @ v
