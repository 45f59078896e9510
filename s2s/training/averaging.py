"""Checkpoint averaging: the mean of the last weights is often better than any of them (Vaswani et al. 2017, 6.1)."""

from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from s2s.run_folder import verify_folder


def average_weights(folders: Sequence[Path]) -> dict[str, Tensor]:
    """Mean of the weights of some checkpoints, summed in float64.

    Args:
        folders: Checkpoint folders, at least one.

    Raises:
        DataError: If one is damaged.
    """
    sums: dict[str, Tensor] = {}
    for folder in folders:
        verify_folder(folder, what="checkpoint")
        for name, tensor in load_file(folder / "model.safetensors").items():
            sums[name] = sums.get(name, torch.zeros((), dtype=torch.float64)) + tensor.double()
    return {name: (total / len(folders)).float() for name, total in sums.items()}
