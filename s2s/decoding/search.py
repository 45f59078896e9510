"""Greedy and beam search. They know the model only as `start`, `step` and `select`.

Shapes: B sentences still searched, M beam, N = B × M hypotheses, V vocabulary, C candidates per sentence.
"""

from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import torch
from torch import Tensor

from s2s.symbols import BOS, EOS, PAD, UNK

S = TypeVar("S")


class StepModel(Protocol[S]):
    """What search needs of a model; `IncrementalDecoder` is one."""

    device: torch.device

    def start(self, src_BS: Tensor, beam: int) -> S:
        """Encode, and make room for `beam` hypotheses a sentence."""

    def step(self, state: S, tokens_N: Tensor | None) -> Tensor:
        """Logits `(N, V)` after the pieces `tokens_N` (none: after the begin symbol)."""

    def select(self, state: S, rows_N: Tensor, sentences_B: Tensor | None = None) -> None:
        """Reorder hypotheses, and keep only some sentences."""


@dataclass(frozen=True)
class SearchOptions:
    """How to search.

    Attributes:
        beam: M, hypotheses kept; 1 is greedy search.
        length_penalty: α in score = log-probability / length^α, length in pieces with the end symbol.
        n_best: Hypotheses returned, at most `beam`.
        max_length_ratio: A translation may have so many pieces per source piece, plus 10.
    """

    beam: int = 5
    length_penalty: float = 1.0
    n_best: int = 1
    max_length_ratio: float = 2.0

    def __post_init__(self) -> None:
        if not 1 <= self.n_best <= self.beam:
            raise ValueError(f"n_best {self.n_best} must be between 1 and beam {self.beam}")

    def max_length(self, n_source_pieces: int) -> int:
        """Most pieces of a translation, without the end symbol."""
        return int(self.max_length_ratio * n_source_pieces) + 10


@dataclass(frozen=True)
class Hypothesis:
    """A translation in pieces.

    Attributes:
        ids: Without the end symbol.
        log_probability: Of all pieces and the end symbol, in nats.
        score: log_probability / length^α, by which hypotheses are ranked.
        cut: The end symbol was forced, because the length limit was reached.
    """

    ids: list[int]
    log_probability: float
    score: float
    cut: bool = False


@torch.inference_mode()
def search(model: StepModel[S], src_BS: Tensor, options: SearchOptions) -> list[list[Hypothesis]]:
    """Translate a batch.

    At each step every hypothesis is continued with its 2M best pieces, and of all these the 2M best of a sentence are
    its candidates. Those among the best M that end are finished; the best M that do not end live on. A sentence is
    done when it has M finished hypotheses, or when no living one can still enter its best M.

    Args:
        model: See `StepModel`.
        src_BS: Source ids, end symbol included, padded to the right.
        options: Beam, length penalty, limits.

    Returns:
        For each sentence the `n_best` hypotheses, best first.
    """
    return _BeamSearch(model, src_BS, options).run()


class _BeamSearch(Generic[S]):
    """The state of one batch's search; a row of every tensor is a sentence that is not done."""

    def __init__(self, model: StepModel[S], src_BS: Tensor, options: SearchOptions) -> None:
        self.model, self.options, self.beam = model, options, options.beam
        src_BS = src_BS.to(model.device)
        n_sentences = src_BS.size(0)
        self.state = model.start(src_BS, self.beam)
        lengths_B = (src_BS != PAD).sum(dim=1).sub(1)
        self.limits_B = torch.tensor([options.max_length(n) for n in lengths_B.tolist()], device=model.device)
        self.sentence_B = torch.arange(n_sentences, device=model.device)
        # one empty hypothesis each; the other places hold none yet
        self.sums_BM = torch.full((n_sentences, self.beam), float("-inf"), device=model.device)
        self.sums_BM[:, 0] = 0.0
        self.pieces_BMT = torch.empty(n_sentences, self.beam, 0, dtype=torch.long, device=model.device)
        self.finished: list[list[Hypothesis]] = [[] for _ in range(n_sentences)]

    def run(self) -> list[list[Hypothesis]]:
        tokens_N: Tensor | None = None
        while self.sentence_B.numel():
            logits_NV = self.model.step(self.state, tokens_N)
            candidates = self._candidates(logits_NV)
            self._finish_at_limit(logits_NV)
            tokens_N = self._advance(*candidates)
        for hypotheses in self.finished:
            hypotheses.sort(key=lambda hypothesis: -hypothesis.score)
        return [hypotheses[: self.options.n_best] for hypotheses in self.finished]

    def _candidates(self, logits_NV: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The 2M best continuations of each sentence: log-probability, place in the beam, piece, each `(B, C)`."""
        n_sentences, beam = self.sums_BM.shape
        # log p = logit - log-sum-exp: the sum is over all pieces, also those that are never chosen
        lse_N1 = logits_NV.logsumexp(dim=1, keepdim=True)
        self.end_BM = (logits_NV[:, EOS] - lse_N1[:, 0]).view(n_sentences, beam)
        logits_NV[:, [PAD, UNK, BOS]] = float("-inf")
        n_best = min(2 * beam, logits_NV.size(1))
        best_NC, pieces_NC = logits_NV.topk(n_best, dim=1)
        sums_BC = (self.sums_BM.view(-1, 1) + best_NC - lse_N1).view(n_sentences, -1)
        sums_BC, order_BC = sums_BC.topk(min(2 * beam, sums_BC.size(1)), dim=1)
        pieces_BC = pieces_NC.view(n_sentences, -1).gather(1, order_BC)
        return sums_BC, order_BC // n_best, pieces_BC

    def _finish_at_limit(self, logits_NV: Tensor) -> None:
        """End every hypothesis of the sentences whose limit is reached, whatever comes next, and say so."""
        at_limit_B = self.limits_B <= self.pieces_BMT.size(2)
        for row in at_limit_B.nonzero()[:, 0].tolist():
            likely_end = logits_NV.view(*self.sums_BM.shape, -1)[row].argmax(dim=-1) == EOS
            for place in range(self.beam):
                log_probability = (self.sums_BM[row, place] + self.end_BM[row, place]).item()
                if log_probability != float("-inf"):
                    self._finish(row, self.pieces_BMT[row, place], log_probability, cut=not likely_end[place].item())

    def _finish(self, row: int, pieces_T: Tensor, log_probability: float, *, cut: bool = False) -> None:
        length = pieces_T.numel() + 1
        score = log_probability / length**self.options.length_penalty
        sentence = int(self.sentence_B[row])
        self.finished[sentence].append(Hypothesis(pieces_T.tolist(), log_probability, score, cut))

    def _advance(self, sums_BC: Tensor, places_BC: Tensor, pieces_BC: Tensor) -> Tensor:
        """Finish what ends, let the best M of the rest live on, drop sentences that are done; the next pieces."""
        n_sentences, beam = self.sums_BM.shape
        at_limit_B1 = (self.limits_B <= self.pieces_BMT.size(2))[:, None]
        ends_BC = (pieces_BC == EOS) & (sums_BC > float("-inf"))
        for row, column in (ends_BC[:, :beam] & ~at_limit_B1).nonzero().tolist():
            pieces_T = self.pieces_BMT[row, int(places_BC[row, column])]
            self._finish(row, pieces_T, sums_BC[row, column].item())
        # at most M of the 2M candidates end, so M others are left (unless the vocabulary is tiny: then -inf ones)
        self.sums_BM, order_BM = sums_BC.masked_fill(pieces_BC == EOS, float("-inf")).topk(beam, dim=1)
        places_BM, pieces_BM = places_BC.gather(1, order_BM), pieces_BC.gather(1, order_BM)
        history_BMT = self.pieces_BMT.gather(1, places_BM[:, :, None].expand(-1, -1, self.pieces_BMT.size(2)))
        self.pieces_BMT = torch.cat([history_BMT, pieces_BM[:, :, None]], dim=2)
        rows_BM = places_BM + torch.arange(n_sentences, device=places_BM.device)[:, None] * beam
        self._drop_done(at_limit_B1[:, 0], rows_BM)
        return self.pieces_BMT[:, :, -1].reshape(-1)

    def _drop_done(self, done_B: Tensor, rows_BM: Tensor) -> None:
        best_sums = self.sums_BM[:, 0].tolist()
        done = [
            at_limit or self._is_done(self.finished[sentence], best_sum, limit)
            for at_limit, sentence, best_sum, limit in zip(
                done_B.tolist(), self.sentence_B.tolist(), best_sums, self.limits_B.tolist(), strict=True
            )
        ]
        if not any(done):
            if not self._in_order(rows_BM):
                self.model.select(self.state, rows_BM.reshape(-1))
            return
        keep_B = torch.tensor([row for row, is_done in enumerate(done) if not is_done], device=rows_BM.device).long()
        self.sentence_B, self.limits_B = self.sentence_B[keep_B], self.limits_B[keep_B]
        self.sums_BM, self.pieces_BMT = self.sums_BM[keep_B], self.pieces_BMT[keep_B]
        if keep_B.numel():
            self.model.select(self.state, rows_BM[keep_B].reshape(-1), keep_B)

    def _is_done(self, finished: list[Hypothesis], best_sum: float, limit: int) -> bool:
        """Whether a sentence has M finished hypotheses, or nothing that lives can enter its best M.

        A living hypothesis only loses probability; at best it keeps what it has and is divided by the longest length.
        """
        if len(finished) >= self.beam or best_sum == float("-inf"):
            return True
        if len(finished) < self.options.n_best:
            return False
        wanted = sorted((hypothesis.score for hypothesis in finished), reverse=True)[self.options.n_best - 1]
        return bool(best_sum / (limit + 1) ** self.options.length_penalty <= wanted)

    @staticmethod
    def _in_order(rows_BM: Tensor) -> bool:
        flat = rows_BM.reshape(-1)
        return torch.equal(flat, torch.arange(flat.numel(), device=flat.device))
