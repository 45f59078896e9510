"""Several engines that search together; see `s2s.model.Ensemble`.

Each has its own state and its own weights; what they agree on is a piece's mean probability.

Shapes: B sentences, M hypotheses of each (the beam), N = B × M, D hidden states of all engines side by side,
C rows of hidden states.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from s2s.decoding.search import StepModel
from s2s.model.ensemble import mean_log_probability


class EnsembleEngine:
    """Several Transformers as search sees them: `start`, `step`, `logits`, `select`.

    Args:
        engines: Of the same vocabularies, on one device.
        widths: d_model of each.
    """

    def __init__(self, engines: Sequence[StepModel[Any]], widths: Sequence[int]) -> None:
        self.engines = list(engines)
        self.device, self.vocabulary_size = engines[0].device, engines[0].vocabulary_size
        self._widths = list(widths)

    def start(self, src_BS: Tensor, beam: int) -> list[Any]:
        """Encode sentences and make room for `beam` hypotheses of each; the state of each engine."""
        return [engine.start(src_BS, beam) for engine in self.engines]

    def step(self, state: list[Any], tokens_N: Tensor | None) -> Tensor:
        """Hidden states `(N, D)` after the pieces `tokens_N` (none: after the begin symbol)."""
        return torch.cat([one.step(own, tokens_N) for one, own in zip(self.engines, state, strict=True)], dim=1)

    def logits(self, hidden_CD: Tensor) -> Tensor:
        """Log-probabilities in float32 of some rows of hidden states; they are logits too."""
        parts = zip(self.engines, torch.split(hidden_CD, self._widths, dim=1), strict=True)
        return mean_log_probability(engine.logits(own_CD) for engine, own_CD in parts)

    def select(self, state: list[Any], parents_BM: Tensor, sentences_B: Tensor | None = None) -> None:
        """Let each hypothesis go on from one of its sentence's, and keep only some sentences."""
        for engine, own in zip(self.engines, state, strict=True):
            engine.select(own, parents_BM, sentences_B)
