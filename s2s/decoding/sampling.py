"""Drawing translations at random, instead of searching for the most probable.

Each hypothesis has uniform numbers of its own, a function of seed, sentence and place: what is drawn does not depend on
which sentences are translated together.

Shapes: B sentences, M samples of each, N = B × M hypotheses, V vocabulary, T pieces so far.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor

from s2s.decoding.search import Hypothesis, SearchOptions, StepModel
from s2s.model.loss import finest_type
from s2s.symbols import BOS, EOS, PAD, UNK

S = TypeVar("S")


@dataclass(frozen=True)
class Sampling:
    """How to draw.

    Attributes:
        temperature: Logits are divided by it: below 1 is more careful, above 1 more daring.
        top_k: Only among so many most probable pieces; 0 for all.
        top_p: Only among the fewest pieces that together have this probability (Holtzman et al. 2020,
            https://arxiv.org/abs/1904.09751); 1 for all.
        seed: Of the random numbers.
    """

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    seed: int = 1

    def __post_init__(self) -> None:
        if not (0 < self.temperature < math.inf and self.top_k >= 0 and 0 < self.top_p <= 1):
            raise ValueError("a finite temperature > 0, top_k ≥ 0 and 0 < top_p ≤ 1 are needed")


@torch.inference_mode()
def sample(
    model: StepModel[S],
    src_BS: Tensor,
    options: SearchOptions,
    sampling: Sampling,
    seeds: Sequence[int],
    check_stop: Callable[[], None] = lambda: None,
) -> list[list[Hypothesis]]:
    """Draw translations of a batch.

    Args:
        model: See `StepModel`.
        src_BS: Source ids, end symbol included, padded to the right.
        options: How many (`beam`), length limit and length penalty of the reported score.
        sampling: How to draw.
        seeds: Of each sentence.
        check_stop: Called before each step; what it raises ends the search.

    Returns:
        For each sentence `n_best` hypotheses of `beam`, in the order of drawing. Log-probabilities are the model's own.
    """
    n_sentences, beam = src_BS.size(0), options.beam
    src_BS = src_BS.to(model.device)
    limits = [options.max_length(n) for n in (src_BS != PAD).sum(dim=1).sub(1).tolist()]
    limits_N = torch.tensor(limits, device=model.device).repeat_interleave(beam)
    uniform_NT = torch.cat([_uniform(seed, beam, max(limits) + 1) for seed in seeds]).to(model.device)
    state = model.start(src_BS, beam)
    stay_BM = torch.arange(beam, device=model.device).expand(n_sentences, beam)
    log_p_N = torch.zeros(n_sentences * beam, dtype=finest_type(model.device), device=model.device)
    over_N = torch.zeros(n_sentences * beam, dtype=torch.bool, device=model.device)
    cut_N = torch.zeros_like(over_N)
    pieces: list[Tensor] = []
    while not over_N.all():
        check_stop()
        hidden_ND = model.step(state, pieces[-1] if pieces else None)
        log_p_NV = model.logits(hidden_ND).log_softmax(dim=1)
        chosen_N = _draw(log_p_NV.clone(), sampling, uniform_NT[:, len(pieces)])
        at_limit_N = (limits_N <= len(pieces)) & ~over_N
        cut_N |= at_limit_N & (chosen_N != EOS)
        chosen_N = chosen_N.masked_fill(at_limit_N, EOS)
        log_p_N += log_p_NV.gather(1, chosen_N[:, None])[:, 0].masked_fill(over_N, 0.0)
        over_N |= chosen_N == EOS
        pieces.append(chosen_N.masked_fill(over_N, EOS))
        model.select(state, stay_BM)
    rows = torch.stack(pieces, dim=1).tolist()
    hypotheses = []
    for row, log_p, cut in zip(rows, log_p_N.tolist(), cut_N.tolist(), strict=True):
        ids = row[: row.index(EOS)]
        hypotheses.append(Hypothesis(ids, log_p, log_p / options.divisor(len(ids) + 1), cut))
    return [hypotheses[row * beam : (row + 1) * beam][: options.n_best] for row in range(n_sentences)]


def _uniform(seed: int, n_rows: int, n_columns: int) -> Tensor:
    """Numbers from 0 to below 1; a row does not depend on how many columns there are."""
    generators = [torch.Generator().manual_seed((seed * 1_000_003 + row) % 2**63) for row in range(n_rows)]
    return torch.stack([torch.rand(n_columns, generator=generator) for generator in generators])


def _draw(log_p_NV: Tensor, sampling: Sampling, uniform_N: Tensor) -> Tensor:
    """One piece of each row, by inverting the cumulative distribution of its pieces (K of them, or all)."""
    log_p_NV = log_p_NV / sampling.temperature
    log_p_NV[:, [PAD, UNK, BOS]] = float("-inf")
    p_NK, piece_NK = log_p_NV.softmax(dim=1), None
    if sampling.top_k:
        p_NK, piece_NK = p_NK.topk(min(sampling.top_k, p_NK.size(1)), dim=1)
    elif sampling.top_p < 1.0:  # sorting takes longer than all else: not where nothing is left out
        p_NK, piece_NK = p_NK.sort(dim=1, descending=True, stable=True)
    if sampling.top_p < 1.0:
        before_NK = p_NK.cumsum(dim=1) - p_NK
        p_NK = p_NK.masked_fill(before_NK >= sampling.top_p * p_NK.sum(dim=1, keepdim=True), 0.0)
    cumulative_NK = p_NK.cumsum(dim=1, dtype=finest_type(p_NK.device))
    all_N1 = cumulative_NK[:, -1:].contiguous()
    place_N1 = torch.searchsorted(cumulative_NK, uniform_N.to(all_N1.dtype)[:, None] * all_N1, right=True)
    # where rounding leads one too far, the last piece; where nothing is a number, the end symbol
    last_N1 = torch.searchsorted(cumulative_NK, all_N1).clamp(max=p_NK.size(1) - 1)
    chosen_N1 = torch.minimum(place_N1, last_N1)
    chosen_N1 = chosen_N1 if piece_NK is None else piece_NK.gather(1, chosen_N1)
    return chosen_N1[:, 0].where(all_N1[:, 0] > 0, EOS)
