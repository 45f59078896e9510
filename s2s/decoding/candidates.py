"""The best continuations of all hypotheses, without a sort of the vocabulary.

A step of beam search asks for the 2M best of a sentence's M × V continuations. The numbers of many rows do not fit into
a processor's cache, and sorting them takes longer than computing them. So rows are taken some at a time, and the
vocabulary in blocks of 64: the 2M best lie in the 2M blocks with the largest maxima; only those are looked into.
The result is exact.

Shapes: B sentences, M beam, N = B × M hypotheses, V vocabulary, W blocks, D d_model, R rows of a chunk, C candidates.
"""

from collections.abc import Callable
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from s2s.decoding.native import native

_BLOCK = 64
_CHUNK_NUMBERS = 2**20  # logits at a time: 4 MB
_NEVER = slice(0, 3)  # padding, unknown and begin: never chosen; in the sum of probabilities they count


class HasLogits(Protocol):
    """What turns hidden states into logits."""

    def logits(self, hidden_CD: Tensor) -> Tensor:
        """Logits in float32 of some rows."""


Forbid = Callable[[Tensor, int], None]
"""Sets logits `(R, V)` of the sentences from a number on to -∞, in place."""


class Candidates:
    """Finds the best continuations.

    Args:
        model: Computes logits.
        vocabulary_size: V.
        beam: M.
    """

    def __init__(self, model: HasLogits, vocabulary_size: int, beam: int) -> None:
        self.model, self.v, self.beam = model, vocabulary_size, beam
        self.n_blocks = -(-vocabulary_size // _BLOCK)
        self.n_sentences = max(1, _CHUNK_NUMBERS // (self.n_blocks * _BLOCK * beam))  # of a chunk

    def best(self, hidden_ND: Tensor, sums_BM: Tensor, forbid: Forbid | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """The 2M best continuations of each sentence (1 if M is 1), best first.

        Args:
            hidden_ND: From the model's step.
            sums_BM: Log-probability of each hypothesis so far; -∞ for none.
            forbid: Forbids continuations, if given.

        Returns:
            Log-probability, place in the beam and piece of each, `(B, C)`.
        """
        chunks = []
        for first in range(0, len(sums_BM), self.n_sentences):
            hidden_RD = hidden_ND[first * self.beam : (first + self.n_sentences) * self.beam]
            chunks.append(self._best(hidden_RD, sums_BM[first : first + self.n_sentences], forbid, first))
        if len(chunks) == 1:
            return chunks[0]
        sums, places, pieces = (torch.cat(parts) for parts in zip(*chunks, strict=True))
        return sums, places, pieces

    def _best(
        self, hidden_RD: Tensor, sums_BM: Tensor, forbid: Forbid | None, first: int
    ) -> tuple[Tensor, Tensor, Tensor]:
        logits_RV = self.model.logits(hidden_RD)
        on_processor = logits_RV.device.type == "cpu" and logits_RV.dtype == torch.float32
        compiled = native() if on_processor and logits_RV.is_contiguous() else None
        # a continuation's log-probability is its logit less the row's log Σ exp, which need not be taken from each
        total_R = logits_RV.logsumexp(dim=1) if compiled is None else compiled.log_sum_exp(logits_RV)
        sums_BM = sums_BM - total_R.view_as(sums_BM)
        logits_RV[:, _NEVER] = float("-inf")
        if forbid is not None:
            forbid(logits_RV, first)
        if self.beam == 1:
            max_R, piece_R = logits_RV.max(dim=1) if compiled is None else compiled.largest(logits_RV)
            return max_R[:, None] + sums_BM, torch.zeros_like(sums_BM, dtype=torch.long), piece_R[:, None]
        if self.v % _BLOCK:
            logits_RV = F.pad(logits_RV, (0, self.n_blocks * _BLOCK - self.v), value=float("-inf"))
        blocks_RWX = logits_RV.view(len(logits_RV), self.n_blocks, _BLOCK)
        max_RW = blocks_RWX.amax(dim=2)
        beam, n_sentences = self.beam, len(sums_BM)
        # blocks of a sentence's hypotheses beside each other: number m × W + w
        value_BW = (max_RW + sums_BM.view(-1, 1)).view(n_sentences, beam * self.n_blocks)
        n_wanted = min(2 * beam, value_BW.size(1))
        block_BC = value_BW.topk(n_wanted, dim=1, sorted=False).indices
        place_BC = block_BC // self.n_blocks
        inside_BCX = blocks_RWX.view(n_sentences, -1, _BLOCK).gather(1, block_BC[:, :, None].expand(-1, -1, _BLOCK))
        inside_BCX = inside_BCX + sums_BM.gather(1, place_BC)[:, :, None]
        sums_BC, order_BC = inside_BCX.flatten(1).topk(min(2 * beam, n_wanted * _BLOCK), dim=1)
        column_BC = order_BC // _BLOCK
        first_BC = (block_BC.gather(1, column_BC) % self.n_blocks) * _BLOCK
        piece_BC = (first_BC + order_BC % _BLOCK).clamp(max=self.v - 1)  # beyond are only -inf
        return sums_BC, place_BC.gather(1, column_BC), piece_BC
