"""Where a token stands: sinusoidal positional encoding, section 3.5 of Vaswani et al. 2017."""

import math

import torch
from torch import Tensor, nn


def sinusoids(n_positions: int, d_model: int) -> Tensor:
    """The encoding of positions 0 to `n_positions` - 1.

    Returns:
        `(T, D)` in float32; column 2i holds sin(pos / 10000^(2i / D)), column 2i + 1 the cosine.
    """
    # in float64: at position 5,000 the float32 product is off in the fourth digit
    position_T1 = torch.arange(n_positions, dtype=torch.float64)[:, None]
    rate_I = torch.exp(torch.arange(0, d_model, 2, dtype=torch.float64) * (-math.log(10_000.0) / d_model))
    encoding_TD = torch.empty(n_positions, d_model, dtype=torch.float64)
    encoding_TD[:, 0::2] = torch.sin(position_T1 * rate_I)
    encoding_TD[:, 1::2] = torch.cos(position_T1 * rate_I)
    return encoding_TD.float()


class PositionalEncoding(nn.Module):
    """Adds the encoding of its position to each embedding. The table grows as long as it is needed."""

    def __init__(self, d_model: int) -> None:
        super().__init__()
        self.table_TD: Tensor
        self.register_buffer("table_TD", sinusoids(256, d_model), persistent=False)

    def encodings(self, start: int, end: int) -> Tensor:
        """Encodings `(end - start, D)` of the positions from `start` up to, not including, `end`."""
        table_TD = self.table_TD  # another thread may put its own in place
        if end > table_TD.size(0):
            n_positions = max(end, 2 * table_TD.size(0))
            self.table_TD = table_TD = sinusoids(n_positions, table_TD.size(1)).to(table_TD)
        return table_TD[start:end]

    def forward(self, x_BTD: Tensor, start: int = 0) -> Tensor:
        """Add the encodings; the first column of `x_BTD` stands at position `start`."""
        return x_BTD + self.encodings(start, start + x_BTD.size(1))
