"""The Transformer's decoder one step at a time, with key and value caches.

The encoder runs once, and the keys and values of the encoder-decoder attention are projected once a sentence: its
hypotheses are rows of one query, not copies. What the decoder saw of each hypothesis is kept as keys and values, so
that a step costs one position, whatever the length.

Shapes: B sentences, M hypotheses of each (the beam), N = B × M hypotheses, S source positions, T steps so far,
D d_model, H heads, K head width, V vocabulary.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from s2s.model import Transformer
from s2s.model.layers import DecoderLayer
from s2s.symbols import BOS

_FIRST_CAPACITY = 32  # steps that a new cache has room for; it doubles when full


@dataclass
class LayerCache:
    """What one decoder layer keeps: `memory` per sentence, `history` per hypothesis with room for more steps."""

    memory_keys_BHSK: Tensor
    memory_values_BHSK: Tensor
    history_keys_NHTK: Tensor
    history_values_NHTK: Tensor

    def append(self, position: int, keys_NH1K: Tensor, values_NH1K: Tensor) -> tuple[Tensor, Tensor]:
        """Store the step at `position`; returns the keys and values of all steps up to it."""
        if position == self.history_keys_NHTK.size(2):
            self.history_keys_NHTK = _double(self.history_keys_NHTK)
            self.history_values_NHTK = _double(self.history_values_NHTK)
        self.history_keys_NHTK[:, :, position] = keys_NH1K[:, :, 0]
        self.history_values_NHTK[:, :, position] = values_NH1K[:, :, 0]
        return self.history_keys_NHTK[:, :, : position + 1], self.history_values_NHTK[:, :, : position + 1]


def _double(cache_NHTK: Tensor) -> Tensor:
    return torch.cat([cache_NHTK, torch.empty_like(cache_NHTK)], dim=2)


@dataclass
class State:
    """Where the decoding of a batch stands."""

    src_mask_B11S: Tensor
    layers: list[LayerCache]
    position: int
    beam: int


class IncrementalDecoder:
    """A Transformer as search sees it: `start`, `step`, `select`.

    Args:
        model: In evaluation mode.
        autocast: Type of autocast, or none for float32.
    """

    def __init__(self, model: Transformer, autocast: torch.dtype | None = None) -> None:
        self.model = model
        self.device = next(model.parameters()).device
        self._autocast = torch.autocast(self.device.type, dtype=autocast, enabled=autocast is not None)

    def start(self, src_BS: Tensor, beam: int) -> State:
        """Encode sentences and make room for `beam` hypotheses of each.

        Args:
            src_BS: Source ids, end symbol included, padded to the right.
            beam: M, hypotheses per sentence.
        """
        model, n_rows = self.model, src_BS.size(0) * beam
        with self._autocast:
            memory_BSD = model.encode(src_BS)
            layers = []
            for layer in model.decoder:
                assert isinstance(layer, DecoderLayer)
                keys, values = layer.cross_attention.keys_values(memory_BSD)
                _, n_heads, _, width = keys.shape
                history = keys.new_empty(2, n_rows, n_heads, _FIRST_CAPACITY, width)
                layers.append(LayerCache(keys.contiguous(), values.contiguous(), history[0], history[1]))
        return State(model.mask(src_BS), layers, 0, beam)

    def step(self, state: State, tokens_N: Tensor | None) -> Tensor:
        """Feed the last piece of each hypothesis; hypothesis m of sentence b is row b × M + m.

        Args:
            state: From `start`; moves one position on.
            tokens_N: The pieces chosen last, or none for the first step.

        Returns:
            Logits `(N, V)` of the next piece, in float32.
        """
        model, n_sentences = self.model, state.src_mask_B11S.size(0)
        if tokens_N is None:
            tokens_N = torch.full((n_sentences * state.beam,), BOS, dtype=torch.long, device=self.device)
        with self._autocast:
            x_N1D = model.embed(tokens_N[:, None], model.tgt_embedding, start=state.position)
            for layer, cache in zip(model.decoder, state.layers, strict=True):
                assert isinstance(layer, DecoderLayer)
                x_N1D = _layer_step(layer, cache, x_N1D, state)
            hidden_ND = model.decoder_norm(x_N1D[:, 0])
        state.position += 1
        # in float32: between 8 and 16, bfloat16 has a number every 0.06, and candidates would tie
        logits_NV: Tensor = model.projection(hidden_ND.float())
        return logits_NV

    def select(self, state: State, rows_N: Tensor, sentences_B: Tensor | None = None) -> None:
        """Keep and reorder: hypothesis n continues what was hypothesis `rows_N[n]`.

        Args:
            state: Changed in place.
            rows_N: Old row of each new row.
            sentences_B: Old sentence of each sentence that stays; none if all stay where they are.
        """
        steps = state.position
        for cache in state.layers:
            cache.history_keys_NHTK = _pick(cache.history_keys_NHTK, rows_N, steps)
            cache.history_values_NHTK = _pick(cache.history_values_NHTK, rows_N, steps)
            if sentences_B is not None:
                cache.memory_keys_BHSK = cache.memory_keys_BHSK.index_select(0, sentences_B)
                cache.memory_values_BHSK = cache.memory_values_BHSK.index_select(0, sentences_B)
        if sentences_B is not None:
            state.src_mask_B11S = state.src_mask_B11S.index_select(0, sentences_B)


def _layer_step(layer: DecoderLayer, cache: LayerCache, x_N1D: Tensor, state: State) -> Tensor:
    """`DecoderLayer.forward` for one position; the two are proven equal by a test."""
    n_rows, _, width = x_N1D.shape
    attention = layer.self_attention

    def look_back(y_N1D: Tensor) -> Tensor:
        return attention.attend(y_N1D, *cache.append(state.position, *attention.keys_values(y_N1D)))

    def look_at_source(y_N1D: Tensor) -> Tensor:
        y_BMD = y_N1D.view(n_rows // state.beam, state.beam, width)
        memory = cache.memory_keys_BHSK, cache.memory_values_BHSK
        return layer.cross_attention.attend(y_BMD, *memory, state.src_mask_B11S).view(n_rows, 1, width)

    x_N1D = layer.around_self_attention(x_N1D, look_back)
    x_N1D = layer.around_cross_attention(x_N1D, look_at_source)
    return layer.around_feed_forward(x_N1D, layer.feed_forward)  # type: ignore[no-any-return]


def _pick(cache_NHTK: Tensor, rows_N: Tensor, steps: int) -> Tensor:
    """Rows of a cache, with the same room; only the steps that are filled are copied."""
    picked = cache_NHTK.new_empty(rows_N.size(0), *cache_NHTK.shape[1:])
    picked[:, :, :steps] = cache_NHTK[:, :, :steps].index_select(0, rows_N)
    return picked
