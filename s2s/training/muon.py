"""Muon (Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/): steps whose singular values are all alike.

A gradient is dominated by a few directions. Muon steps along the nearest matrix with orthonormal rows or columns
instead, so that rare directions are learnt as fast as frequent ones. It is for the matrices inside the layers;
embeddings, biases and norms stay with Adam.

Shapes: N blocks of R rows and C columns.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from s2s.model.attention import MultiHeadAttention

_STEPS = 5
_A, _B, _C = 3.4445, -4.7750, 2.0315  # of the quintic; they let small singular values grow fastest


def orthogonalised(x_NRC: Tensor) -> Tensor:
    """For each of N matrices, about the nearest matrix whose singular values are all 1.

    Five steps of a Newton-Schulz iteration, x ← a x + b (x xᵀ) x + c (x xᵀ)² x. They need no more than products, and
    bring singular values to between 0.7 and 1.2 (the smallest lag behind), which serves as well as 1.
    """
    if x_NRC.size(1) > x_NRC.size(2):
        return orthogonalised(x_NRC.mT).mT
    x_NRC = x_NRC / x_NRC.norm(dim=(1, 2), keepdim=True).clamp(min=1e-12)
    for _ in range(_STEPS):
        gram_NRR = x_NRC @ x_NRC.mT
        x_NRC = torch.baddbmm(x_NRC, torch.baddbmm(gram_NRR, gram_NRR, gram_NRR, beta=_B, alpha=_C), x_NRC, beta=_A)
    return x_NRC


@dataclass(frozen=True)
class Matrix:
    """A parameter, and the blocks of which it consists: each head's share of an attention map is a matrix of its own.

    Attributes:
        parameter: The whole.
        n_down: Blocks one below the other.
        n_across: Blocks side by side.
    """

    parameter: Tensor
    n_down: int = 1
    n_across: int = 1

    @property
    def block_shape(self) -> tuple[int, int]:
        """Rows and columns of a block."""
        n_rows, n_columns = self.parameter.shape
        return n_rows // self.n_down, n_columns // self.n_across

    def cut(self, whole: Tensor) -> Tensor:
        """Blocks `(N, R, C)` of a tensor of the parameter's shape."""
        r, c = self.block_shape
        return whole.view(self.n_down, r, self.n_across, c).transpose(1, 2).reshape(-1, r, c)

    def join(self, blocks_NRC: Tensor) -> Tensor:
        """The inverse of `cut`."""
        r, c = self.block_shape
        return blocks_NRC.view(self.n_down, self.n_across, r, c).transpose(1, 2).reshape(self.parameter.shape)


def hidden_matrices(layers: nn.Module) -> list[Matrix]:
    """The matrices of Transformer layers: those of attention cut by head, and all others whole."""
    matrices, seen = [], set()
    for module in layers.modules():
        if isinstance(module, MultiHeadAttention):
            into = [Matrix(linear.weight, n_down=module.n_heads) for linear in (module.query, module.key, module.value)]
            matrices += [*into, Matrix(module.output.weight, n_across=module.n_heads)]
            seen.update({module.query, module.key, module.value, module.output})
        elif isinstance(module, nn.Linear) and module not in seen:
            matrices.append(Matrix(module.weight))
    return matrices


class Muon(torch.optim.Optimizer):
    """Muon for the matrices inside the layers, Adam for everything else, at one learning rate.

    An orthogonalised step is scaled by `scale` √max(R, C), by default to the size of the steps that Adam makes (Liu et
    al. 2025, https://arxiv.org/abs/2502.16982), so that a rate for Adam fits.

    Args:
        hidden: Matrices inside the layers.
        adam: Optimiser of the other parameters; becomes a part of this one.
        momentum: Decay of the mean gradient.
        weight_decay: A step also shrinks the hidden matrices, by this times the learning rate.
        scale: Root mean square of a step's entries at learning rate 1.
        dtype: Type in which steps are orthogonalised, to which bfloat16 is enough; none for that of the parameters.
    """

    def __init__(
        self,
        hidden: Sequence[Matrix],
        adam: torch.optim.Adam,
        momentum: float = 0.95,
        weight_decay: float = 0.0,
        scale: float = 0.2,
        dtype: torch.dtype | None = None,
    ) -> None:
        parameters = [matrix.parameter for matrix in hidden]
        group = {"params": parameters, "lr": 0.0, "momentum": momentum, "weight_decay": weight_decay}
        super().__init__([group, *adam.param_groups], {})
        self._hidden, self._adam, self._scale, self._dtype = hidden, adam, scale, dtype
        adam.state = self.state  # one state for all, so that it is saved and restored as a whole

    @torch.no_grad()
    def step(self) -> None:  # type: ignore[override]
        """Update all parameters from their gradients."""
        self._adam.step()
        rate, momentum, decay = (self.param_groups[0][name] for name in ("lr", "momentum", "weight_decay"))
        by_shape: dict[tuple[int, int], list[tuple[Matrix, Tensor]]] = defaultdict(list)
        for matrix in self._hidden:
            gradient, state = matrix.parameter.grad, self.state[matrix.parameter]
            if gradient is None:
                continue
            if not state:
                state["momentum"] = torch.zeros_like(matrix.parameter)
            mean = state["momentum"].lerp_(gradient, 1 - momentum)
            ahead = gradient.lerp(mean, momentum)  # Nesterov's: the mean as it would be after this gradient once more
            by_shape[matrix.block_shape].append((matrix, matrix.cut(ahead)))
        for shape, members in by_shape.items():
            blocks_NRC = torch.cat([blocks_NRC for _, blocks_NRC in members])
            steps_NRC = orthogonalised(blocks_NRC.to(self._dtype or blocks_NRC.dtype)).to(blocks_NRC.dtype)
            sizes = [len(blocks_NRC) for _, blocks_NRC in members]
            for (matrix, _), step_NRC in zip(members, torch.split(steps_NRC, sizes), strict=True):
                matrix.parameter.mul_(1 - rate * decay).add_(
                    matrix.join(step_NRC), alpha=-rate * self._scale * max(shape) ** 0.5
                )
