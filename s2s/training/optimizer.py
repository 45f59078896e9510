"""The optimiser of a model, from its config."""

import torch

from s2s.config.schema import TrainConfig
from s2s.model import Transformer
from s2s.training.muon import Muon, hidden_matrices


def optimizer_of(model: Transformer, config: TrainConfig, autocast: torch.dtype | None) -> torch.optim.Optimizer:
    """Adam for all parameters, or Muon for the matrices inside the layers and Adam for the rest.

    The learning rate of each group is 0 until it is set. `autocast` is the type of the products, none for float32.
    """
    layers = [model.encoder, model.decoder] if config.optimizer == "muon" else []
    hidden = [matrix for stack in layers for matrix in hidden_matrices(stack)]
    in_hidden = {matrix.parameter for matrix in hidden}
    adam = torch.optim.Adam(
        [parameter for parameter in model.parameters() if parameter not in in_hidden],
        lr=0.0,
        betas=(config.adam_beta1, config.adam_beta2),
        eps=config.adam_epsilon,
        fused=next(model.parameters()).device.type in ("cpu", "cuda"),
    )
    return Muon(hidden, adam, dtype=autocast) if hidden else adam
