"""The optimiser of a model, from its config."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from s2s.config.schema import TrainConfig
from s2s.model import Transformer
from s2s.training.muon import Muon, hidden_matrices


def optimizer_of(model: Transformer, config: TrainConfig, autocast: torch.dtype | None) -> torch.optim.Optimizer:
    """Adam for all parameters, or Muon for the matrices inside the layers and Adam for the rest.

    Weight decay is decoupled (Loshchilov and Hutter 2019) and for those matrices alone, with either. The learning rate
    of each group is 0 until it is set. `autocast` is the type of the products, none for float32. With `fixnorm` every
    step leaves the embeddings as long as they are.
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
    optimizer: torch.optim.Optimizer = adam
    if config.optimizer == "muon":
        optimizer = Muon(hidden, adam, weight_decay=config.weight_decay, dtype=autocast)
    if config.fixnorm:
        _keep_lengths(optimizer, [model.src_embedding.weight, model.tgt_embedding.weight, model.projection.weight])
    return optimizer


def _keep_lengths(optimizer: torch.optim.Optimizer, matrices: Sequence[Tensor]) -> None:
    """FixNorm: a step turns the rows of these matrices and does not stretch them.

    Where rows are free, those of frequent pieces grow, and what is said follows length more than direction (Nguyen and
    Chiang 2018, https://arxiv.org/abs/1710.01329; for Transformers Nguyen and Salazar 2019,
    https://arxiv.org/abs/1910.05895). Here they keep the length that they have, about 1 in a new model, so that a
    model which was trained without can be trained further.
    """
    distinct = list({id(matrix): matrix for matrix in matrices}.values())  # tied matrices are one
    lengths: list[Tensor] = []

    def before(*_: object) -> None:
        lengths[:] = [_lengths(matrix) for matrix in distinct]

    def after(*_: object) -> None:
        for matrix, length in zip(distinct, lengths, strict=True):
            matrix.detach().mul_(length / _lengths(matrix).clamp(min=1e-12))

    optimizer.register_step_pre_hook(before)
    optimizer.register_step_post_hook(after)


def _lengths(matrix: Tensor) -> Tensor:
    return matrix.detach().square().sum(dim=1, keepdim=True).sqrt()
