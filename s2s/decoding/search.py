"""Greedy and beam search. They know the model only as `start`, `step`, `logits` and `select`.

Shapes: B sentences, M beam, N = B × M hypotheses, D d_model, V vocabulary,
C candidates per sentence.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import torch
from torch import Tensor

from s2s.decoding.candidates import Candidates, Forbid
from s2s.decoding.constraints import Constraints
from s2s.model.loss import finest_type
from s2s.symbols import BOS, EOS, PAD, UNK

S = TypeVar("S")


class StepModel(Protocol[S]):
    """What search needs of a model; `DecodingEngine` is one."""

    @property
    def device(self) -> torch.device:
        """Where its tensors are."""

    @property
    def vocabulary_size(self) -> int:
        """V."""

    def start(self, src_BS: Tensor, beam: int) -> S:
        """Encode, and make room for `beam` hypotheses a sentence."""

    def step(self, state: S, tokens_N: Tensor | None) -> Tensor:
        """Hidden states `(N, D)` after the pieces `tokens_N` (none: after the begin symbol)."""

    def logits(self, hidden_CD: Tensor) -> Tensor:
        """Logits in float32 of some rows of hidden states."""

    def select(self, state: S, parents_BM: Tensor, sentences_B: Tensor | None = None) -> None:
        """Let each hypothesis go on from one of its sentence's, and keep only some sentences."""


@dataclass(frozen=True)
class SearchOptions:
    """How to search.

    Attributes:
        beam: M, hypotheses kept; 1 is greedy search.
        length_penalty: α in score = log-probability / length^α, length in pieces with the end symbol.
        gnmt_penalty: Divide by ((5 + length) / 6)^α instead (Wu et al. 2016, https://arxiv.org/abs/1609.08144).
        n_best: Hypotheses returned, at most `beam`.
        max_length_ratio: A translation may have so many pieces per source piece, plus 10.
        min_length_ratio: A translation has at least so many pieces per source piece.
        no_repeat_ngram: No n-gram of so many pieces occurs twice in a translation; 0 for no such rule.
    """

    beam: int = 5
    length_penalty: float = 1.0
    gnmt_penalty: bool = False
    n_best: int = 1
    max_length_ratio: float = 2.0
    min_length_ratio: float = 0.0
    no_repeat_ngram: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.n_best <= self.beam:
            raise ValueError(f"n_best {self.n_best} must be between 1 and beam {self.beam}")

    def max_length(self, n_source_pieces: int) -> int:
        """Most pieces of a translation, without the end symbol."""
        return int(self.max_length_ratio * n_source_pieces) + 10

    def min_length(self, n_source_pieces: int) -> int:
        """Fewest pieces of a translation, without the end symbol."""
        return min(int(self.min_length_ratio * n_source_pieces), self.max_length(n_source_pieces))

    def divisor(self, length: int) -> float:
        """By which a log-probability is divided; `length` in pieces with the end symbol."""
        return float(((5 + length) / 6 if self.gnmt_penalty else length) ** self.length_penalty)


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
def search(
    model: StepModel[S],
    src_BS: Tensor,
    options: SearchOptions,
    prefixes: Sequence[Sequence[int]] | None = None,
    check_stop: Callable[[], None] = lambda: None,
) -> list[list[Hypothesis]]:
    """Translate a batch.

    At each step the 2M best continuations of a sentence's hypotheses are its candidates. Those among the best M that
    end are finished; the best M that do not end live on. A sentence is done when it has M finished hypotheses, or when
    no living one can still enter its n best.

    Args:
        model: See `StepModel`.
        src_BS: Source ids, end symbol included, padded to the right.
        options: Beam, length penalty, limits.
        prefixes: What the translation of each sentence begins with, if that is given.
        check_stop: Called before each step; it may raise.

    Returns:
        For each sentence the `n_best` hypotheses, best first.
    """
    return _BeamSearch(model, src_BS, options, prefixes).run(check_stop)


class _BeamSearch(Generic[S]):
    """The state of one batch's search; a row of every tensor is a sentence.

    One that is done stays, with hypotheses of probability 0, until enough are done to be worth moving the others.
    """

    def __init__(
        self,
        model: StepModel[S],
        src_BS: Tensor,
        options: SearchOptions,
        prefixes: Sequence[Sequence[int]] | None,
    ) -> None:
        self.model, self.options, self.beam = model, options, options.beam
        device, n_sentences = model.device, src_BS.size(0)
        src_BS = src_BS.to(device)
        self.state = model.start(src_BS, self.beam)
        self.candidates = Candidates(model, model.vocabulary_size, self.beam)
        lengths = (src_BS != PAD).sum(dim=1).sub(1).tolist()
        limits = [options.max_length(n) for n in lengths]
        self.constraints = None
        if options.min_length_ratio or options.no_repeat_ngram or prefixes is not None:
            limits = [limit + len(prefix) for limit, prefix in zip(limits, prefixes or [[]] * n_sentences, strict=True)]
            min_lengths = [options.min_length(n) for n in lengths]
            self.constraints = Constraints(min_lengths, options.no_repeat_ngram, prefixes, self.beam, device)
        self.limits_B = torch.tensor(limits, device=device)
        # a living hypothesis only loses probability; at best it keeps what it has and is divided by the longest length
        self.longest_B = torch.tensor([options.divisor(limit + 1) for limit in limits], device=device)
        self.sentences = list(range(n_sentences))
        self.done_B = torch.zeros(n_sentences, dtype=torch.bool, device=device)
        # score that a hypothesis must have to be among the n best; what is full takes none
        self.wanted_B = torch.full((n_sentences,), float("-inf"), device=device)
        # one empty hypothesis each; the other places hold none yet
        self.sums_BM = torch.full((n_sentences, self.beam), float("-inf"), device=device)
        self.sums_BM[:, 0] = 0.0
        self.pieces_BMT = torch.empty(n_sentences, self.beam, 0, dtype=torch.long, device=device)
        self.finished: list[list[Hypothesis]] = [[] for _ in range(n_sentences)]

    def run(self, check_stop: Callable[[], None]) -> list[list[Hypothesis]]:
        tokens_N: Tensor | None = None
        while self.sentences:
            check_stop()
            hidden_ND = self.model.step(self.state, tokens_N)
            at_limit_B = self.limits_B <= self.pieces_BMT.size(2)
            sums_BC, places_BC, pieces_BC = self.candidates.best(hidden_ND, self.sums_BM, self._forbid())
            # where nothing may be said, or the model's answer is no number, the end is forced too
            at_limit_B = at_limit_B | ~(sums_BC[:, 0] > float("-inf"))
            self._finish_at_limit(hidden_ND, at_limit_B)
            self._finish_ended(sums_BC, places_BC, pieces_BC, at_limit_B)
            parents_BM = self._advance(sums_BC, places_BC, pieces_BC)
            self._leave_done(parents_BM, at_limit_B)
            tokens_N = self.pieces_BMT[:, :, -1].reshape(-1)
        for hypotheses in self.finished:
            hypotheses.sort(key=lambda hypothesis: -hypothesis.score)
        return [hypotheses[: self.options.n_best] for hypotheses in self.finished]

    def _forbid(self) -> Forbid | None:
        constraints, pieces_BMT = self.constraints, self.pieces_BMT
        if constraints is None:
            return None
        return lambda logits_RV, first: constraints.apply(logits_RV, pieces_BMT, first)

    def _finish_at_limit(self, hidden_ND: Tensor, at_limit_B: Tensor) -> None:
        """End every hypothesis of the sentences whose limit is reached, whatever comes next, and say so."""
        rows = (at_limit_B & ~self.done_B).nonzero()[:, 0]
        if not len(rows):  # or all is done for nothing at each step
            return
        for some in torch.split(rows, self.candidates.n_sentences):
            hidden_RMD = hidden_ND.view(-1, self.beam, hidden_ND.size(1))[some]
            log_p_RV = self.model.logits(hidden_RMD.flatten(0, 1)).log_softmax(dim=1)
            end_RM = self.sums_BM[some] + log_p_RV[:, EOS].view(-1, self.beam)
            log_p_RV[:, [PAD, UNK, BOS]] = float("-inf")
            likely_RM = (log_p_RV.argmax(dim=1) == EOS).view(-1, self.beam)
            for row, ends, likely in zip(some.tolist(), end_RM.tolist(), likely_RM.tolist(), strict=True):
                for place, log_probability in enumerate(ends):
                    if log_probability != float("-inf"):
                        self._finish(row, place, log_probability, cut=not likely[place])

    def _finish_ended(self, sums_BC: Tensor, places_BC: Tensor, pieces_BC: Tensor, at_limit_B: Tensor) -> None:
        """Finish what ends among the best M candidates."""
        ends_BM = (pieces_BC[:, : self.beam] == EOS) & ~at_limit_B[:, None] & (sums_BC[:, : self.beam] > float("-inf"))
        for row, column in ends_BM.nonzero().tolist():
            self._finish(row, int(places_BC[row, column]), float(sums_BC[row, column]))

    def _finish(self, row: int, place: int, log_probability: float, *, cut: bool = False) -> None:
        ids = self.pieces_BMT[row, place].tolist()
        score = log_probability / self.options.divisor(len(ids) + 1)
        found = self.finished[self.sentences[row]]
        found.append(Hypothesis(ids, log_probability, score, cut))
        n_best = self.options.n_best
        if len(found) >= self.beam:
            self.wanted_B[row] = float("inf")
        elif len(found) >= n_best:
            self.wanted_B[row] = sorted((hypothesis.score for hypothesis in found), reverse=True)[n_best - 1]

    def _advance(self, sums_BC: Tensor, places_BC: Tensor, pieces_BC: Tensor) -> Tensor:
        """Let the best M candidates that do not end live on; returns which hypothesis each of them continues."""
        # at most M of the 2M candidates end, so M others are left (unless the vocabulary is tiny: then -inf ones)
        sums_BC = sums_BC.masked_fill(pieces_BC == EOS, float("-inf"))
        if self.beam == 1:
            self.sums_BM, parents_BM, pieces_BM = sums_BC, places_BC, pieces_BC
        else:
            self.sums_BM, order_BM = sums_BC.topk(self.beam, dim=1)
            parents_BM, pieces_BM = places_BC.gather(1, order_BM), pieces_BC.gather(1, order_BM)
            index_BMT = parents_BM[:, :, None].expand(-1, -1, self.pieces_BMT.size(2))
            self.pieces_BMT = self.pieces_BMT.gather(1, index_BMT)
        self.pieces_BMT = torch.cat([self.pieces_BMT, pieces_BM[:, :, None]], dim=2)
        return parents_BM

    def _leave_done(self, parents_BM: Tensor, at_limit_B: Tensor) -> None:
        """Note which sentences are done: at the limit, or nothing that lives can enter their n best."""
        hopeless_B = self.sums_BM[:, 0].to(finest_type(self.sums_BM.device)) / self.longest_B <= self.wanted_B
        self.done_B = self.done_B | at_limit_B | hopeless_B | (self.sums_BM[:, 0] == float("-inf"))
        n_done = int(self.done_B.sum())
        if n_done == len(self.sentences):
            self.sentences = []
        elif n_done * 16 >= len(self.sentences):
            keep_B = (~self.done_B).nonzero()[:, 0]
            self.sentences = [self.sentences[row] for row in keep_B.tolist()]
            self.limits_B, self.longest_B = self.limits_B[keep_B], self.longest_B[keep_B]
            self.done_B, self.wanted_B = self.done_B[keep_B], self.wanted_B[keep_B]
            self.sums_BM, self.pieces_BMT = self.sums_BM[keep_B], self.pieces_BMT[keep_B]
            if self.constraints is not None:
                self.constraints.keep(keep_B)
            self.model.select(self.state, parents_BM[keep_B], keep_B)
        else:
            self.sums_BM[self.done_B] = float("-inf")
            self.model.select(self.state, parents_BM)
