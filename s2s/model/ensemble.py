"""Several Transformers that say together what comes next: each position has the mean of their probabilities.

Models that differ in nothing but the seed make different mistakes; together they make fewer (Sutskever et al. 2014,
https://arxiv.org/abs/1409.3215). It has what search and forced decoding use of a `Transformer`. What the members have
computed lies side by side: hidden states of width D are theirs one after the other.

Shapes: B batch, S source positions, T target positions, D the members' d_model together, V vocabulary.
"""

from collections.abc import Iterable, Sequence
from typing import cast

import torch
from torch import Tensor, nn

from s2s.model.transformer import Transformer


class Ensemble(nn.Module):
    """The mean of some models.

    Args:
        members: Of the same vocabularies; their shapes may differ.
    """

    def __init__(self, members: Sequence[Transformer]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)
        self._widths = [member.config.d_model for member in members]

    @property
    def transformers(self) -> list[Transformer]:
        """The members."""
        return cast("list[Transformer]", list(self.members))

    def encode(self, src_BS: Tensor) -> Tensor:
        """Encode source ids, padded to the right: the memory `(B, S, D)`."""
        return torch.cat([member.encode(src_BS) for member in self.transformers], dim=2)

    def decode(
        self, tgt_in_BT: Tensor, memory_BSD: Tensor, src_BS: Tensor, weights: list[Tensor] | None = None
    ) -> Tensor:
        """Decode all target positions at once, each seeing only those before it.

        Args:
            tgt_in_BT: Target ids shifted right: begin symbol first, padded to the right.
            memory_BSD: From `encode`.
            src_BS: The ids that were encoded (for their padding).
            weights: If given, the encoder-decoder attention weights `(B, 1, T, S)` of each layer that all have, counted
                from the last, are appended: the mean over heads and members.

        Returns:
            Hidden states `(B, T, D)`, ready for `projection`.
        """
        hidden, attention = [], []
        for member, own_BSD in zip(self.transformers, torch.split(memory_BSD, self._widths, dim=2), strict=True):
            of_layers: list[Tensor] = []
            wanted = None if weights is None else of_layers
            hidden.append(member.decode(tgt_in_BT, own_BSD, src_BS, wanted))
            attention.append([weights_BHTS.mean(dim=1, keepdim=True) for weights_BHTS in of_layers])
        if weights is not None:
            for place in range(-min(map(len, attention)), 0):
                weights.append(torch.stack([of_layers[place] for of_layers in attention]).mean(dim=0))
        return torch.cat(hidden, dim=2)

    def projection(self, hidden: Tensor) -> Tensor:
        """Log-probabilities `(…, V)` of the piece that follows each hidden state `(…, D)`; they are logits too."""
        parts = zip(self.transformers, torch.split(hidden, self._widths, dim=-1), strict=True)
        return mean_log_probability(member.projection(own) for member, own in parts)


def mean_log_probability(logits: Iterable[Tensor]) -> Tensor:
    """The logarithm of the mean of the probabilities that some models' logits `(…, V)` stand for.

    They are taken one after the other, which needs no memory for all, and added element by element in this order, so
    that a row has the same result whatever is beside it.
    """
    rest = iter(logits)
    top, n = next(rest).log_softmax(dim=-1), 1
    total = torch.ones_like(top)  # of the probabilities so far, each divided by e^top
    for one in rest:
        log_p = one.log_softmax(dim=-1)
        higher = torch.maximum(top, log_p)
        total = total * (top - higher).exp() + (log_p - higher).exp()
        top, n = higher, n + 1
    return top + (total / n).log()
