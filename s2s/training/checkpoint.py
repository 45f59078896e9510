"""Checkpoints: all that training needs to go on as if it had never stopped.

A checkpoint is a folder with weights, optimiser state and counters; its manifest, written last, holds the checksum of
each. Order of the data and dropout are functions of seed, epoch and update (`corpus/batches.py`, `runtime.py`), so
that no state of a random generator is kept.
"""

import contextlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from s2s.config.schema import TrainConfig
from s2s.errors import DataError, DivergedError, is_out_of_memory
from s2s.model.weights import first_not_finite, load_weights, weights_of
from s2s.run_folder import RunFolder, build_folder, discard_folder, verify_folder

LOWER_THE_RATE = (
    "start a new run (another `run:`, or --overwrite) with a lower train.learning_rate"
    " (for noam: train.noam_factor) or a longer train.warmup_steps"
)


@dataclass
class TrainingState:
    """Counters of a training run.

    Attributes:
        data: Fingerprint of the encoded training data.
        step: Updates done.
        epoch: Passes over the data that are complete.
        batch: Batches of the current epoch that are used up.
        seconds: Time in the training loop, validation included.
        n_target_tokens: Target pieces trained on.
        best_score: Best validation score (higher is better), or none.
        best_step: Update of the best score.
        n_stale: Validations since then.
        validated_step: Update of the last validation.
        window_loss: Sum of the loss since the last record in metrics.jsonl; so `window_nll`, `window_tokens`.
        n_ranks: Processes that train together, on which what an update is depends.
        config: Options that make the training what it is, by their keys.
    """

    data: str
    step: int = 0
    epoch: int = 0
    batch: int = 0
    seconds: float = 0.0
    n_target_tokens: int = 0
    best_score: float | None = None
    best_step: int = 0
    n_stale: int = 0
    validated_step: int = 0
    window_loss: float = 0.0
    window_nll: float = 0.0
    window_tokens: int = 0
    n_ranks: int = 1
    config: dict[str, Any] = field(default_factory=dict)


def save_checkpoint(run: RunFolder, model: nn.Module, optimizer: torch.optim.Optimizer, state: TrainingState) -> None:
    """Write the checkpoint of `state.step`; it is there completely or not at all.

    Raises:
        DivergedError: If a number in it is not finite.
        CannotCreateError, OutputError: If it cannot be written; the checkpoints before are intact.
    """
    weights = {name: tensor.cpu().contiguous() for name, tensor in weights_of(model).items()}
    moments = _optimizer_tensors(model, optimizer)
    if broken := first_not_finite(weights) or first_not_finite(moments):
        raise DivergedError(
            f"training diverged: at update {state.step} {broken} holds numbers that are not finite",
            hint="this is not saved; the checkpoints before are sound. " + LOWER_THE_RATE,
        )
    run.sync_metrics()
    with build_folder(run.checkpoint_folder(state.step)) as folder:
        save_file(weights, folder / "model.safetensors")
        save_file(moments, folder / "optimizer.safetensors")
        (folder / "state.json").write_text(json.dumps(asdict(state), indent=2) + "\n", encoding="utf-8")


def load_checkpoint(
    folder: Path, model: nn.Module, optimizer: torch.optim.Optimizer, device: torch.device
) -> TrainingState:
    """Put a checkpoint into model and optimiser.

    Raises:
        DataError: If a file is damaged or belongs to another model.
    """
    verify_folder(folder, what="checkpoint")
    try:
        load_weights(model, load_file(folder / "model.safetensors"))
        _restore_optimizer(model, optimizer, load_file(folder / "optimizer.safetensors", device=str(device)))
        state = TrainingState(**json.loads((folder / "state.json").read_bytes()))
        if folder.name != RunFolder(folder.parent).checkpoint_folder(state.step).name:
            raise ValueError(f"it is of update {state.step}")
        return state
    except (KeyError, TypeError, ValueError, OSError, RuntimeError, SafetensorError) as error:
        if is_out_of_memory(error):  # which is no fault of the checkpoint
            raise
        raise DataError(
            f"the checkpoint does not fit this model: {error}",
            where=str(folder),
            hint="delete this folder to resume from the checkpoint before it",
        ) from error


def data_of_checkpoints(run: RunFolder) -> str | None:
    """Fingerprint of the data that a run was trained on, by its last checkpoint that tells; none without one."""
    for _, folder in reversed(run.checkpoints_by_step()):
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError, RecursionError):
            return str(json.loads((folder / "state.json").read_bytes())["data"])
    return None


def regular_checkpoints(run: RunFolder, every: int, last_step: int) -> list[tuple[int, Path]]:
    """The checkpoints of every `every` updates and the last one: not those that a signal or a new best brought about.

    Which they are does not depend on how often a training was stopped.
    """
    return [
        (step, folder)
        for step, folder in run.checkpoints_by_step()
        if step == last_step or (0 < step < last_step and step % every == 0)
    ]


def prune_checkpoints(run: RunFolder, config: TrainConfig, state: TrainingState) -> None:
    """Delete all but the last regular checkpoints, the best, and the present one; later ones, if any, are not ours."""
    regular = regular_checkpoints(run, config.checkpoint_every, state.step)[-config.keep_checkpoints :]
    keep = {state.step, state.best_step, *(step for step, _ in regular)}
    for step, folder in run.checkpoints_by_step():
        if step < state.step and step not in keep:
            with contextlib.suppress(OSError):
                discard_folder(folder)


def _optimizer_tensors(model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The optimiser's tensors under names such as `exp_avg/encoder.0.….weight`."""
    tensors = {}
    for name, parameter in model.named_parameters():
        for key, value in optimizer.state[parameter].items():
            tensors[f"{key}/{name}"] = torch.as_tensor(value).cpu().contiguous()
    return tensors


def _restore_optimizer(model: nn.Module, optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    parameters = dict(model.named_parameters())
    for full_name, tensor in tensors.items():
        key, name = full_name.split("/", 1)
        if key != "step" and tensor.shape != parameters[name].shape:
            raise ValueError(f"{full_name} has shape {tuple(tensor.shape)}")
        optimizer.state[parameters[name]][key] = tensor.clone()  # what was loaded is the file, mapped into memory
