"""Weights by name, each shared matrix once: what a file of weights holds."""

import torch
from torch import Tensor, nn

from s2s.model.attention import MultiHeadAttention
from s2s.model.layers import FeedForward


def weights_of(model: nn.Module) -> dict[str, Tensor]:
    """The trained tensors by name; a shared one appears under its first name only. They are views, not copies."""
    return {name: parameter.detach() for name, parameter in model.named_parameters()}


def output_maps(model: nn.Module) -> list[Tensor]:
    """The matrices that write what a sub-layer adds: the last of each attention and each feed-forward network."""
    modules = list(model.modules())
    attentions = [module.output.weight for module in modules if isinstance(module, MultiHeadAttention)]
    return attentions + [module.outer.weight for module in modules if isinstance(module, FeedForward)]


@torch.no_grad()
def zero_output_maps(model: nn.Module) -> None:
    """Let every sub-layer begin by adding nothing, so that a new model is as shallow as its embeddings.

    What it adds then grows with what it learns (for residual networks Goyal et al. 2017, section 5.1 of
    https://arxiv.org/abs/1706.02677). A new model that is only read, and not trained, keeps Glorot's weights.
    """
    for matrix in output_maps(model):
        matrix.zero_()


def first_not_finite(tensors: dict[str, Tensor]) -> str | None:
    """The name of a tensor that holds infinity or NaN; None if all numbers are finite."""
    return next((name for name, tensor in tensors.items() if not bool(torch.isfinite(tensor).all())), None)


@torch.no_grad()
def load_weights(model: nn.Module, tensors: dict[str, Tensor]) -> None:
    """Copy tensors into a model.

    Raises:
        ValueError: If names or shapes are not exactly the model's; the model is then unchanged.
    """
    own = weights_of(model)
    if own.keys() != tensors.keys():
        odd = sorted(own.keys() ^ tensors.keys())
        raise ValueError(f"{len(odd)} tensors do not belong together, first {odd[0]}")
    for name, parameter in own.items():
        if parameter.shape != tensors[name].shape:
            raise ValueError(f"{name} has shape {tuple(tensors[name].shape)}, not {tuple(parameter.shape)}")
    for name, parameter in own.items():
        parameter.copy_(tensors[name])
