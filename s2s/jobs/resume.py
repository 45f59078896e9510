"""What a training goes on from: which checkpoint, and whether it is one of this training at all."""

from pathlib import Path
from typing import Any

import torch

from s2s.config.load import differences, flat, load_config
from s2s.config.schema import Config
from s2s.console import duration, say
from s2s.corpus.pairs import sum_of_content
from s2s.decoding.bundle import load_bundle, load_facts, load_n_members
from s2s.errors import ConfigError, DataError, S2SError
from s2s.jobs.ranks import check_n_ranks
from s2s.jobs.tokenize import open_split, reports_of, split_specs
from s2s.model import Transformer
from s2s.model.weights import load_weights, weights_of
from s2s.run_folder import RunFolder
from s2s.training.checkpoint import TrainingState, load_checkpoint, prune_checkpoints

# what may change between two starts of the same run: how long and how it is watched, not what is trained; and where the
# text lies, as its content is compared
_FREE_KEYS = (
    *("train.max_", "train.patience", "train.validate_every", "train.checkpoint_every", "train.keep_checkpoints"),
    *("train.average", "train.tensorboard", "decode.", "data.test", "data.train", "data.valid"),
)

_SHAPE = ("n_encoder_layers", "n_decoder_layers", "d_model", "d_ff", "n_heads", "norm", "tied")


def what_is_frozen(config: Config) -> dict[str, Any]:
    """The options that make a training what it is, by their keys: all but those that may change when it goes on."""
    return {key: value for key, value in flat(config).items() if key != "run" and not key.startswith(_FREE_KEYS)}


def refuse_ensemble(run: RunFolder) -> None:
    """Raise ConfigError if the folder holds an ensemble, which is not trained, and would be lost."""
    try:
        n_members = load_n_members(run.path)
    except S2SError:  # no model, or no whole one
        return
    if n_members:
        raise ConfigError(
            f"is an ensemble of {n_members} models, which is not trained",
            where=str(run.path),
            hint="s2s distill makes one model of it; give a training another `run:`",
        )


def refuse_other_config(run: RunFolder, config: Config) -> None:
    """Raise if the folder holds a training with another config; say what changed if it may."""
    if not run.resolved.is_file():
        return
    changes = differences(load_config(run.resolved), config)
    frozen = [change for change in changes if change[0] in what_is_frozen(config)]
    if frozen and run.checkpoints_by_step():
        listing = "\n".join(f"  {key}: {old!r} there, {new!r} now" for key, old, new in frozen)
        raise ConfigError(
            f"the run was started with another config:\n{listing}",
            where=str(run.path),
            hint="give another `run:`, restore the config, or start anew with --overwrite",
        )
    if run.checkpoints_by_step():
        _refuse_other_text(run, config, {key for key, _, _ in changes})
    for key, old, new in changes:
        say(f"note: {key} changed from {old!r} to {new!r}")


def _refuse_other_text(run: RunFolder, config: Config, changed: set[str]) -> None:
    """Raise if what is at the new place of a split is not what was at the old one: before anything is written."""
    specs = split_specs(config)
    names = [name for name in ("train", "valid") if f"data.{name}" in changed]
    before = dict(zip(("train", "valid"), reports_of(run), strict=True)) if names else {}
    for name in names:
        if sum_of_content(before[name].identity) != open_split(config, specs[name]).fingerprint:
            raise ConfigError(
                f"data.{name} is another text than when the run was started",
                where=str(run.path),
                hint="give another `run:`, restore the config, or start anew with --overwrite",
            )


def resume(
    run: RunFolder, config: Config, fresh: TrainingState, model: Transformer, optimizer: torch.optim.Optimizer
) -> TrainingState | None:
    """Put the last checkpoint that is whole into model and optimiser; its state, or none to start anew.

    Args:
        run: Its checkpoints; what a killed process had still to delete of them is deleted.
        config: Of the training.
        fresh: The state with which it would start: of the same data, options and ranks as the checkpoint's.
        model: On its device.
        optimizer: Of the model.

    Raises:
        ConfigError: If data or ranks are not those of the checkpoint, or the run holds a model and no checkpoint.
        DataError: If checkpoints are there and none is whole and of this training.
    """
    folders = run.checkpoints_by_step()
    for step, folder in reversed(folders):
        try:
            state = load_checkpoint(folder, model, optimizer, next(model.parameters()).device)
            _refuse_foreign(folder, state, fresh)
        except DataError as error:
            say(f"warning: {error}\n  trying the checkpoint before it")
            continue
        if state.data != fresh.data:
            raise ConfigError(
                "the training or validation data changed since this run was started",
                where=str(run.path),
                hint="give another `run:`, restore the data, or start anew with --overwrite",
            )
        check_n_ranks(run, state, fresh.n_ranks)
        prune_checkpoints(run, config.train, state)
        state.config = fresh.config
        say(f"resuming after update {step:,} ({duration(state.seconds)} of training)")
        return state
    if folders:
        raise DataError("no checkpoint is whole", where=str(run.checkpoints), hint="start anew with --overwrite")
    _refuse_to_lose_a_model(run, config)
    return None


def check_parent(config: Config, run: RunFolder) -> None:
    """See whether the model that a training is to start from is there and fits; nothing if there is no such.

    Raises:
        ConfigError: It has another shape, or lies in the run folder itself.
        InputMissingError, DataError: It cannot be read.
    """
    if config.train.start_from is None:
        return
    path = Path(config.train.start_from)
    if run.path.resolve() in (path.resolve(), *path.resolve().parents):
        raise ConfigError(
            "a run cannot start from itself", where="train.start_from", hint="Give the new run another `run:`."
        )
    parent = load_bundle(path)
    if parent.members:
        raise ConfigError(
            f"an ensemble of {len(parent.members)} models cannot be trained further",
            where=str(path),
            hint="give one of them, or what s2s distill makes of them",
        )
    ours, theirs = config.model, parent.model_config
    differ = [name for name in _SHAPE if getattr(ours, name) != getattr(theirs, name)]
    if differ:
        listing = "\n".join(f"  {name}: {getattr(theirs, name)} there, {getattr(ours, name)} here" for name in differ)
        raise ConfigError(
            f"the model to start from has another shape:\n{listing}",
            where=str(path),
            hint="give `model:` the values of its resolved.yaml",
        )


def put_parent(model: Transformer, config: Config, run: RunFolder) -> None:
    """Put the weights of the model that a training starts from into a new one, unless there is a checkpoint."""
    if config.train.start_from is not None and not run.checkpoints_by_step():
        load_weights(model, weights_of(load_bundle(Path(config.train.start_from)).transformer))


def _refuse_foreign(folder: Path, state: TrainingState, fresh: TrainingState) -> None:
    """Raise DataError if a checkpoint is of a training with other options: somebody has put it there."""
    foreign = sorted(key for key, value in fresh.config.items() if state.config.get(key, value) != value)
    if foreign:
        raise DataError(f"it is a checkpoint of another training: {', '.join(foreign)} differ", where=str(folder))


def _refuse_to_lose_a_model(run: RunFolder, config: Config) -> None:
    """Raise if the folder holds a model but no checkpoint to go on from.

    Killed between the first validation and the first checkpoint, a training may leave just that; a later model has
    had a checkpoint, which somebody has deleted.
    """
    try:
        step = load_facts(run.path)["step"]
    except (S2SError, KeyError):  # no model, or no whole one
        return
    if isinstance(step, int) and step > config.train.validate_every:
        raise ConfigError(
            f"there is a model of update {step:,}, but no checkpoint to go on from",
            where=str(run.path),
            hint="give another `run:`, or start anew with --overwrite, which deletes the model",
        )
