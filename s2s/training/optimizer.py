"""The optimiser of a model, from its config."""

from typing import Any

import torch

from s2s.config.schema import TrainConfig
from s2s.model import Transformer
from s2s.training.muon import Muon, hidden_matrices


def optimizer_of(model: Transformer, config: TrainConfig, autocast: torch.dtype | None) -> torch.optim.Optimizer:
    """Adam for all parameters, or Muon for the matrices inside the layers and Adam for the rest.

    Weight decay is decoupled (Loshchilov and Hutter 2019) and for those matrices alone, with either. The learning rate
    of each group is 0 until it is set. `autocast` is the type of the products, none for float32.
    """
    hidden = [matrix for stack in (model.encoder, model.decoder) for matrix in hidden_matrices(stack)]
    inside = [matrix.parameter for matrix in hidden]
    is_inside = set(inside)
    groups: list[dict[str, Any]] = [{"params": [each for each in model.parameters() if each not in is_inside]}]
    if config.optimizer == "adam":
        groups.append({"params": inside, "weight_decay": config.weight_decay})
    adam = torch.optim.Adam(
        groups,
        lr=0.0,
        betas=(config.adam_beta1, config.adam_beta2),
        eps=config.adam_epsilon,
        decoupled_weight_decay=True,
        fused=next(model.parameters()).device.type in ("cpu", "cuda"),
    )
    return Muon(hidden, adam, weight_decay=config.weight_decay, dtype=autocast) if config.optimizer == "muon" else adam
