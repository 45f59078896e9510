"""The Transformer as search runs it on a processor: `engine.c` around prepared weights.

It computes what `DecodingEngine` computes, and tests hold it to that. Nothing is padded, and nothing that was computed
is ever moved: each step's keys and values stay where they were written, and a table says for each hypothesis in which
row of each step its past is. Reordering the beam, or leaving sentences out, changes that table alone. Every row is
computed by itself in a fixed order: a sentence's translation is the same, bit by bit, whatever is beside it.

Shapes: B sentences, M hypotheses of each (the beam), N = B × M, P source positions of all sentences, T steps so far,
L layers, D d_model, C rows of hidden states.
"""

import ctypes
import math
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from s2s.decoding.engine import DecodingEngine, joined, queries_keys_values, scaled_queries, weights
from s2s.decoding.ensemble import EnsembleEngine
from s2s.decoding.int8 import check_int8
from s2s.decoding.native import LayerStruct, MapStruct, Native, NormStruct, StackStruct, native
from s2s.decoding.search import StepModel
from s2s.model import Ensemble, Transformer
from s2s.model.layers import DecoderLayer, EncoderLayer
from s2s.symbols import BOS, PAD


def fastest_engine(
    model: Transformer | Ensemble, dtype: torch.dtype | None = None, int8: bool = False
) -> StepModel[Any]:
    """The engine that runs a model fastest on its device.

    Args:
        model: In evaluation mode. Its weights as they are now; later changes are not seen.
        dtype: Type of the products, if not the model's own.
        int8: Whether linear maps are in 8 bits.

    Raises:
        UsageError: If this machine has no instructions for 8 bits.
    """
    if isinstance(model, Ensemble):
        engines = [fastest_engine(member, dtype, int8) for member in model.transformers]
        return EnsembleEngine(engines, [member.config.d_model for member in model.transformers])
    device, own = model.projection.weight.device, model.projection.weight.dtype
    if int8:
        check_int8(device)
    compiled = native() if device.type == "cpu" and own == torch.float32 and dtype in (None, own) else None
    if compiled is None or (int8 and not compiled.has_8_bits):
        return DecodingEngine(model, dtype, int8)
    return CompiledEngine(compiled, model, int8)


def is_compiled(engine: StepModel[Any]) -> bool:
    """Whether an engine, or each of an ensemble's, is the one in C."""
    return all(isinstance(one, CompiledEngine) for one in getattr(engine, "engines", [engine]))


@dataclass
class CompiledState:
    """Where the decoding of a batch stands.

    Attributes:
        source: Of each layer, keys and values of the encoder's output, `(P, 2 × D)`.
        addresses: Of these.
        spans_B4: Of each sentence: its first row of N, the row after its last, the same of P.
        writers_NT: By which row each step of a row's past was written.
        said: Of each step, queries, keys and values of all layers, `(L, N, 3 × D)`.
    """

    source: list[Tensor]
    addresses: "ctypes.Array[ctypes.c_void_p]"
    spans_B4: Tensor
    writers_NT: Tensor
    said: list[Tensor] = field(default_factory=list)


class CompiledEngine:
    """A Transformer as search sees it: `start`, `step`, `logits`, `select`.

    Args:
        compiled: The functions.
        model: In evaluation mode, in float32 on the CPU. Its weights as they are now; later changes are not seen.
        int8: Whether linear maps are in 8 bits; for processors that `compiled` has them on.
    """

    def __init__(self, compiled: Native, model: Transformer, int8: bool = False) -> None:
        assert compiled.has_8_bits or not int8
        self.config, self.device = model.config, torch.device("cpu")
        self._native, self._model, self._int8 = compiled, model, int8
        self._scale = math.sqrt(model.config.d_model)
        self._kept: list[Tensor] = []  # the weights that structures point to
        with torch.no_grad():
            self._encoder = self._stack(model.encoder, model.encoder_norm)
            self._decoder = self._stack(model.decoder, model.decoder_norm)
            self._source_maps = [self._keys_and_values(layer) for layer in model.decoder]
            self._projection = self._map(model.projection.weight, None)
        self.vocabulary_size = model.projection.weight.size(0)

    def _map(self, weight_OI: Tensor, bias_O: Tensor | None) -> MapStruct:
        return self._native.packed(weight_OI, bias_O, self._int8, self._kept)

    def _norm(self, norm: nn.Module) -> NormStruct:
        if not isinstance(norm, nn.LayerNorm):
            return NormStruct(None, None)
        weight, bias = norm.weight.detach().clone(), norm.bias.detach().clone()
        self._kept += [weight, bias]
        return NormStruct(weight.data_ptr(), bias.data_ptr())

    def _keys_and_values(self, layer: nn.Module) -> MapStruct:
        assert isinstance(layer, DecoderLayer)
        return self._map(*joined([weights(layer.cross_attention.key), weights(layer.cross_attention.value)]))

    def _stack(self, layers: nn.ModuleList, last: nn.Module) -> StackStruct:
        structs = (LayerStruct * len(layers))(*[self._layer(layer) for layer in layers])
        sizes = (len(layers), self.config.d_model, self.config.n_heads, self.config.d_ff)
        epsilons = {module.eps for module in layers.modules() if isinstance(module, nn.LayerNorm)}
        assert len(epsilons) == 1
        return StackStruct(structs, self._norm(last), *sizes, epsilons.pop(), self.config.norm == "pre")

    def _layer(self, layer: nn.Module) -> LayerStruct:
        assert isinstance(layer, EncoderLayer | DecoderLayer)
        around = [layer.around_self_attention, layer.around_feed_forward]
        struct = LayerStruct(
            queries_keys_values=self._map(*queries_keys_values(layer.self_attention)),
            attention_output=self._map(*weights(layer.self_attention.output)),
            inner=self._map(*weights(layer.feed_forward.inner)),
            outer=self._map(*weights(layer.feed_forward.outer)),
        )
        if isinstance(layer, DecoderLayer):
            around.insert(1, layer.around_cross_attention)
            struct.source_queries = self._map(*scaled_queries(layer.cross_attention))
            struct.source_output = self._map(*weights(layer.cross_attention.output))
        for number, residual in enumerate(around):
            struct.norms[number] = self._norm(residual.norm)
        return struct

    def start(self, src_BS: Tensor, beam: int) -> CompiledState:
        """Encode sentences and make room for `beam` hypotheses of each.

        Args:
            src_BS: Source ids, end symbol included, padded to the right.
            beam: M, hypotheses per sentence.
        """
        real_BS = src_BS != PAD
        lengths_B = real_BS.sum(dim=1)
        end_B = lengths_B.cumsum(0)
        rows_B2 = torch.stack([end_B - lengths_B, end_B], dim=1)
        x_PD = self._model.src_embedding(src_BS[real_BS]) * self._scale
        x_PD += self._model.positions.encodings(0, src_BS.size(1))[real_BS.nonzero()[:, 1]]
        self._native.encode(self._encoder, x_PD, torch.cat([rows_B2, rows_B2], dim=1))
        source = [self._native.map(one, x_PD) for one in self._source_maps]
        addresses = (ctypes.c_void_p * len(source))(*[one.data_ptr() for one in source])
        writers_NT = lengths_B.new_empty(len(src_BS) * beam, 0, dtype=torch.int32)
        return CompiledState(source, addresses, _spans(rows_B2, beam), writers_NT)

    def step(self, state: CompiledState, tokens_N: Tensor | None) -> Tensor:
        """Feed the last piece of each hypothesis; hypothesis m of sentence b is row b × M + m.

        Args:
            state: From `start`; moves one position on.
            tokens_N: The pieces chosen last, or none for the first step.

        Returns:
            Hidden states `(N, D)`, for `logits`.
        """
        n_rows = len(state.writers_NT)
        if tokens_N is None:  # the hypotheses of a sentence are still the same: one row does for all
            n_sentences = len(state.spans_B4)
            beam = n_rows // n_sentences
            tokens_N = state.spans_B4.new_full((n_sentences,), BOS)
            x_BD = self._run(state, tokens_N, _spans(state.spans_B4[:, 2:], 1))
            state.writers_NT = state.writers_NT.repeat_interleave(beam, dim=0)
            return x_BD.repeat_interleave(beam, dim=0)
        return self._run(state, tokens_N, state.spans_B4)

    def _run(self, state: CompiledState, tokens_N: Tensor, spans_B4: Tensor) -> Tensor:
        """A step of some rows."""
        n_rows, n_steps = len(tokens_N), len(state.said)
        own_N1 = torch.arange(n_rows, dtype=torch.int32, device=self.device)[:, None]
        state.writers_NT = torch.cat([state.writers_NT[:n_rows], own_N1], dim=1)
        x_ND: Tensor = self._model.tgt_embedding(tokens_N) * self._scale
        state.said.append(x_ND.new_empty(self.config.n_decoder_layers, n_rows, 3 * self.config.d_model))
        x_ND += self._model.positions.encodings(n_steps, n_steps + 1)
        self._native.step(self._decoder, x_ND, state.said, state.writers_NT, state.addresses, spans_B4)
        return x_ND

    def logits(self, hidden_CD: Tensor) -> Tensor:
        """Logits of some rows of hidden states."""
        return self._native.map(self._projection, hidden_CD.contiguous())

    def select(self, state: CompiledState, parents_BM: Tensor, sentences_B: Tensor | None = None) -> None:
        """Reorder hypotheses, and keep only some sentences.

        Args:
            state: Changed in place.
            parents_BM: For each hypothesis, which of its sentence's M it continues; of the sentences that stay.
            sentences_B: Old place of each sentence that stays; none if all stay where they are.
        """
        n_sentences, beam = parents_BM.shape
        if sentences_B is not None:
            state.spans_B4 = _spans(state.spans_B4[sentences_B, 2:], beam)
        elif beam == 1:
            return  # each sentence's one hypothesis goes on
        else:
            sentences_B = torch.arange(n_sentences, device=self.device)
        rows_BM = sentences_B[:, None] * beam + parents_BM
        state.writers_NT = state.writers_NT.index_select(0, rows_BM.flatten())


def _spans(rows_B2: Tensor, beam: int) -> Tensor:
    """Add to each sentence's source rows those of its hypotheses."""
    first_B1 = torch.arange(len(rows_B2), device=rows_B2.device)[:, None] * beam
    return torch.cat([first_B1, first_B1 + beam, rows_B2], dim=1)
