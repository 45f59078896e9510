"""The optimiser of a model, from its config."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from s2s.config.schema import TrainConfig
from s2s.model import Transformer
from s2s.model.weights import output_maps
from s2s.training.muon import Muon, hidden_matrices


def optimizer_of(model: Transformer, config: TrainConfig, autocast: torch.dtype | None) -> torch.optim.Optimizer:
    """Adam for all parameters, or Muon for the matrices inside the layers and Adam for the rest.

    Weight decay is decoupled (Loshchilov and Hutter 2019) and for those matrices alone, with either. The learning rate
    of each group is 0 until it is set. `autocast` is the type of the products, none for float32. With `fixnorm` every
    step leaves embeddings and matrices as long as they are (see `_keep_lengths`).
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
        scale = 0.3 if config.fixnorm else 0.2  # matrices that do not grow bear longer steps (benchmarks/quality.md)
        optimizer = Muon(hidden, adam, weight_decay=config.weight_decay, scale=scale, dtype=autocast)
    if config.fixnorm:
        embeddings = dict.fromkeys([model.src_embedding.weight, model.tgt_embedding.weight, model.projection.weight])
        free = set(output_maps(model))
        kept = [(matrix, 1) for matrix in embeddings] + [(matrix, None) for matrix in inside if matrix not in free]
        _keep_lengths(optimizer, kept)
    return optimizer


def _keep_lengths(optimizer: torch.optim.Optimizer, kept: Sequence[tuple[Tensor, int | None]]) -> None:
    """FixNorm: a step turns what is kept and does not stretch it.

    Where embeddings are free, those of frequent pieces grow, and what is said follows length more than direction
    (Nguyen and Chiang 2018, https://arxiv.org/abs/1710.01329; for Transformers Nguyen and Salazar 2019,
    https://arxiv.org/abs/1910.05895). The matrices inside the layers grow too, and the longer they are, the less a step
    turns them (van Laarhoven 2017, https://arxiv.org/abs/1706.05350): kept, the learning rate alone says how far. Those
    that write what a layer adds are free, as they begin as zeros. What is kept has the length that it had, so that a
    model which was trained without can be trained further.

    Args:
        optimizer: Of these parameters.
        kept: Parameters, each with the dimension along which lengths are taken: 1 for each row by itself, none for the
            whole.
    """
    lengths: list[Tensor] = []

    def before(*_: object) -> None:
        lengths[:] = [_length(parameter, dim) for parameter, dim in kept]

    def after(*_: object) -> None:
        for (parameter, dim), length in zip(kept, lengths, strict=True):
            parameter.detach().mul_(length / _length(parameter, dim).clamp(min=1e-12))

    optimizer.register_step_pre_hook(before)
    optimizer.register_step_post_hook(after)


def _length(parameter: Tensor, dim: int | None) -> Tensor:
    length: Tensor = torch.linalg.vector_norm(parameter.detach(), dim=dim, keepdim=True)
    return length
