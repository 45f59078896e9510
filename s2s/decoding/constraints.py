"""What a hypothesis may not say next: an end too early, an n-gram again, anything but its prefix.

Shapes: B sentences, M beam, N = B × M hypotheses, F of them within their prefix, T pieces so far, P prefix positions, V
vocabulary.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from s2s.symbols import EOS, PAD

_IMPOSSIBLE = float("-inf")


class Constraints:
    """Sets logits of what may not be said to -∞. Probabilities stay those of the model: nothing is normalised anew.

    Args:
        min_lengths: By sentence, the fewest pieces of its translation.
        no_repeat_ngram: No n-gram of so many pieces occurs twice in a translation; 0 for no such rule.
        prefixes: By sentence, what its translation begins with; none for no such rule.
        beam: M.
        device: Where logits are.
    """

    def __init__(
        self,
        min_lengths: Sequence[int],
        no_repeat_ngram: int,
        prefixes: Sequence[Sequence[int]] | None,
        beam: int,
        device: torch.device,
    ) -> None:
        self.no_repeat_ngram, self.beam = no_repeat_ngram, beam
        self.min_lengths_B = torch.tensor(min_lengths, device=device)
        width = max(map(len, prefixes), default=0) if prefixes is not None else 0
        rows = [[*prefix, *[PAD] * (width - len(prefix))] for prefix in prefixes or []]
        self.prefixes_BP = torch.tensor(rows, dtype=torch.long, device=device) if width else None

    def keep(self, sentences_B: Tensor) -> None:
        """Only some sentences are left."""
        self.min_lengths_B = self.min_lengths_B[sentences_B]
        if self.prefixes_BP is not None:
            self.prefixes_BP = self.prefixes_BP[sentences_B]

    def apply(self, logits_NV: Tensor, pieces_BMT: Tensor, first: int) -> None:
        """Change logits in place.

        Args:
            logits_NV: Of the hypotheses of some sentences.
            pieces_BMT: What all hypotheses have said.
            first: The first of these sentences.
        """
        some = slice(first, first + len(logits_NV) // self.beam)
        pieces_NT = pieces_BMT[some].flatten(0, 1)
        step = pieces_NT.size(1)
        rows_F, wanted_F = self._prefixed(some, step)
        kept_F = logits_NV[rows_F, wanted_F]  # a prefix is said whatever the other rules are
        if self.no_repeat_ngram and step >= self.no_repeat_ngram:
            _forbid_repeated(logits_NV, pieces_NT, self.no_repeat_ngram)
        early_N = (self.min_lengths_B[some] > step).repeat_interleave(self.beam)
        logits_NV[early_N, EOS] = _IMPOSSIBLE
        logits_NV[rows_F] = _IMPOSSIBLE
        logits_NV[rows_F, wanted_F] = kept_F

    def _prefixed(self, some: slice, step: int) -> tuple[Tensor, Tensor]:
        """The F rows of hypotheses that are not past their prefix, and what they have to say now."""
        if self.prefixes_BP is None or step >= self.prefixes_BP.size(1):
            nothing = torch.zeros(0, dtype=torch.long, device=self.min_lengths_B.device)
            return nothing, nothing
        wanted_N = self.prefixes_BP[some, step].repeat_interleave(self.beam)
        rows_F = (wanted_N != PAD).nonzero()[:, 0]
        return rows_F, wanted_N[rows_F]


def _forbid_repeated(logits_NV: Tensor, pieces_NT: Tensor, n: int) -> None:
    """Forbid each piece that would complete an n-gram that is there."""
    followed_NW = pieces_NT[:, n - 1 :]
    seen_NW = torch.ones_like(followed_NW, dtype=torch.bool)
    for back in range(1, n):  # the n - 1 pieces before are the last n - 1 pieces
        seen_NW &= pieces_NT[:, n - 1 - back : pieces_NT.size(1) - back] == pieces_NT[:, -back][:, None]
    rows, columns = seen_NW.nonzero(as_tuple=True)
    logits_NV[rows, followed_NW[rows, columns]] = _IMPOSSIBLE
