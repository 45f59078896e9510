"""Which parameters an optimiser treats how."""

import dataclasses
from typing import Any

import pytest
import torch

from s2s.config.presets import PRESETS
from s2s.config.schema import TrainConfig
from s2s.model import Transformer, TransformerConfig
from s2s.training.optimizer import optimizer_of

SHAPE = TransformerConfig(20, 20, n_encoder_layers=1, n_decoder_layers=1, d_model=16, d_ff=24, n_heads=2)
RATE = 0.01


def after_updates(
    n: int, optimizer: str, weight_decay: float = 0.0, fixnorm: bool = False, shape: TransformerConfig = SHAPE
) -> dict[str, torch.Tensor]:
    recipe: dict[str, Any] = {**PRESETS["tiny"]["train"], "optimizer": optimizer}
    recipe |= {"weight_decay": weight_decay, "fixnorm": fixnorm}
    torch.manual_seed(0)
    model = Transformer(shape)
    made = optimizer_of(model, TrainConfig(**recipe), None)
    for group in made.param_groups:
        group["lr"] = RATE
    for _ in range(n):
        for parameter in model.parameters():
            parameter.grad = torch.randn_like(parameter)
        made.step()
    return {name: parameter.detach() for name, parameter in model.named_parameters()}


@pytest.mark.parametrize("optimizer", ["adam", "muon"])
def test_weight_decay_shrinks_the_matrices_of_the_layers_and_nothing_else(optimizer: str) -> None:
    """Both get the same gradients, so that the steps are the same: w ← (1 - rate · decay) w - step, twice."""
    decay = 5.0
    begun, first = (after_updates(n, optimizer, 0.0) for n in (0, 1))
    plain, decayed = after_updates(2, optimizer, 0.0), after_updates(2, optimizer, decay)
    kept = 1 - RATE * decay
    for name, weight in plain.items():
        inside = name.startswith(("encoder.", "decoder.")) and weight.ndim == 2
        if not inside:
            assert torch.equal(decayed[name], weight), name
            continue
        expected = kept * (kept * begun[name] + first[name] - begun[name]) + weight - first[name]
        torch.testing.assert_close(decayed[name], expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("optimizer", ["adam", "muon"])
@pytest.mark.parametrize("tied", ["all", "none"])
def test_fixnorm_turns_embeddings_and_inner_matrices_keeps_their_lengths_and_leaves_all_else(
    optimizer: str, tied: Any
) -> None:
    shape = dataclasses.replace(SHAPE, tied=tied)
    begun = after_updates(0, optimizer, shape=shape)
    free, fixed = after_updates(1, optimizer, shape=shape), after_updates(1, optimizer, fixnorm=True, shape=shape)
    n_kept = 0
    for name, weight in fixed.items():
        is_embedding = "embedding" in name or "projection" in name
        is_muons = optimizer == "muon" and name.startswith(("encoder.", "decoder.")) and weight.ndim == 2
        stepped = begun[name] + (1.5 if is_muons else 1.0) * (free[name] - begun[name])
        if not is_embedding and not name.endswith(("query.weight", "key.weight", "value.weight", "inner.weight")):
            torch.testing.assert_close(weight, stepped)
            continue
        n_kept += 1
        dim = 1 if is_embedding else None
        length_before, length_stepped, length = (
            x.norm(dim=dim, keepdim=True)
            for x in (begun[name], stepped, weight)  # type: ignore[no-untyped-call]
        )
        torch.testing.assert_close(length, length_before)
        assert not torch.allclose(length_stepped, length_before, rtol=5e-5), name
        torch.testing.assert_close(weight / length, stepped / length_stepped, rtol=1e-4, atol=1e-6)
    assert n_kept == 3 * 3 + 2 + {"all": 1, "none": 3}[tied]  # three attentions, two feed-forward networks
