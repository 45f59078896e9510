"""What `adapt`, `backtranslate` and `distill` share: a run folder made from a model, some text and a few wishes.

What it is made from is noted before anything is made (`data/made_from.json`). The same command again goes on; another
one for the same folder is refused.
"""

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from s2s.config.load import load_config, with_overrides
from s2s.config.schema import Config, TrainConfig
from s2s.console import say
from s2s.corpus.file_sums import FileSums
from s2s.corpus.pairs import PairCorpus
from s2s.doctor.examine import Examined, HeldOut, examine
from s2s.doctor.faults import Fault
from s2s.errors import CannotCreateError, DataError, HubError, InputMissingError, UsageError
from s2s.jobs.tokenize import open_split
from s2s.run_folder import MANIFEST, RunFolder, write_atomic


@contextlib.contextmanager
def deriving(folder: Path, made_from: Mapping[str, Any]) -> Iterator[RunFolder]:
    """Make a run folder, or go on making one, under its lock.

    Args:
        folder: The run folder to be.
        made_from: All that decides what it becomes, for JSON.

    Raises:
        CannotCreateError: There is a run in the folder that was made otherwise; names the differences.
    """
    run = RunFolder(folder)
    note = run.data / "made_from.json"
    refuse_occupied(run)
    run.create()
    with run.lock():
        run.clean_temporaries()
        run.data.mkdir(exist_ok=True)
        content = json.dumps(made_from, indent=1) + "\n"
        now = json.loads(content)
        if note.exists():
            before = _read_note(note)
            keys = [key for key in {**before, **now} if before.get(key) != now.get(key)]
            translations = [*run.data.glob("backtranslated.*"), *run.data.glob("distilled*")]
            translated = any(path.stat().st_size for path in translations)  # hours of work, may be
            anew = set(keys) != {"set"}  # options of the training change nothing about its text
            if keys and not run.config.exists() and "command" not in keys and not (anew and translated):
                say(f"{folder} was begun with another {', '.join(keys)} and {'is begun anew' if anew else 'goes on'}")
                write_atomic(note, content)
            elif keys:
                listing = "\n".join(f"  {key}: {before.get(key)!r} there, {now.get(key)!r} now" for key in keys)
                raise CannotCreateError(
                    f"was made otherwise:\n{listing}",
                    where=str(folder),
                    hint="The same command again goes on. Take another name for --to, or delete what is there.",
                )
        else:
            write_atomic(note, content)
        yield run


def _read_note(note: Path) -> dict[str, Any]:
    try:
        before = json.loads(note.read_bytes())
        if isinstance(before, dict):
            return before
    except (ValueError, RecursionError):
        pass
    raise DataError("is no note of what the run is made from", where=str(note), hint="Take another name for --to.")


def refuse_occupied(run: RunFolder) -> None:
    """Raise CannotCreateError if a folder is another run, or in a model: to be said before work is done for it."""
    is_there = next((path for path in (run.config, run.resolved, run.model) if path.exists()), None)
    if is_there and not (run.data / "made_from.json").exists():
        raise CannotCreateError("is there already", where=str(is_there), hint="Take another name for --to.")
    for path in (run.path.absolute(), *run.path.absolute().parents):
        if (path / MANIFEST).exists():
            raise CannotCreateError("is a model, which stays as it is", where=str(path), hint="Take another --to.")


def file_sums(paths: Sequence[Path]) -> list[str]:
    """The sha256 of files, in their order; where they lie does not matter."""
    return [str(FileSums().identity(path)["sha256"]) for path in paths]


def changed(config: Config, overrides: Sequence[str]) -> Config:
    """A config with what `--set` says.

    Raises:
        ConfigError: It is none.
        UsageError: It sets what the command itself sets.
    """
    if "model.preset" in keys_of(overrides):  # all sizes have their values, so that it would be a name and nothing else
        raise UsageError("model.preset is not to be set here", hint="Set what is to be another: model.d_model, …")
    new = with_overrides(config, overrides)
    if (new.run, new.train.start_from) != (config.run, config.train.start_from):
        raise UsageError("run and train.start_from are not to be set here", hint="The folder is given with --to.")
    if new.data.train != config.data.train:
        raise UsageError(
            "data.train is not to be set here: the command puts the text together",
            hint="More pairs are learnt from with s2s adapt, or by a new training on all.",
        )
    return new


def keys_of(overrides: Sequence[str]) -> set[str]:
    """The options that `--set` names."""
    return {override.partition("=")[0].strip() for override in overrides}


@dataclass(frozen=True)
class Ancestors:
    """The models that a training began with.

    Attributes:
        configs: Theirs, the parent's first.
        missing: The first whose run folder is not there any more, if there is such.
    """

    configs: list[Config]
    missing: str | None

    @classmethod
    def of(cls, config: Config) -> Self:
        """Those of the training with a config."""
        configs: list[Config] = []
        seen: set[str] = set()
        while config.train.start_from is not None and config.train.start_from not in seen:
            seen.add(config.train.start_from)
            path = Path(config.train.start_from)
            resolved = [RunFolder(folder).resolved for folder in (path, path.parent)]  # a run, or the model in one
            found = next((one for one in resolved if one.is_file()), None)
            if found is None:
                return cls(configs, config.train.start_from)
            config = load_config(found)
            configs.append(config)
        return cls(configs, None)

    def text(self) -> list[Examined]:
        """What they were trained on, as far as it is there; what is not is said."""
        if self.missing is not None:
            say(f"note: {self.missing}: no run folder; whether the new text has some of its text cannot be said")
        return [one for config in self.configs for one in _examined(config, [config.data.train])]

    def held_out(self) -> list[HeldOut]:
        """Their validation and test text, as far as it is there; what is not is said."""
        specs = [(config, [config.data.valid, config.data.test]) for config in self.configs]
        return [HeldOut.of(Fault.IN_TEST, one) for config, some in specs for one in _examined(config, some)]


def _examined(config: Config, specs: Sequence[str | list[str] | None]) -> Iterator[Examined]:
    for spec in specs:
        try:
            if spec is not None:
                yield examine(open_split(config, spec))
        except (InputMissingError, HubError) as error:
            say(f"note: {error}\n  whether the new text has some of it cannot be said")


def recipe_of(config: Config, overrides: Sequence[str] = ()) -> TrainConfig:
    """The options of training from scratch: of an adapted model those of the model that it began with.

    Args:
        config: Of the model.
        overrides: What `--set` says.

    Raises:
        InputMissingError: The model that it began with is not there, and nothing says how to train instead.
    """
    ancestors = Ancestors.of(config)
    if ancestors.missing is not None and "train.learning_rate" not in keys_of(overrides):
        raise InputMissingError(
            "no run folder, and the options of training from scratch are there",
            where=ancestors.missing,
            hint=f"{config.run} went on from it with others, which are none to begin with. Put it back, or say how to"
            " train: --set train.learning_rate=… --set train.max_steps=…",
        )
    scratch = ancestors.configs[-1] if ancestors.configs else config
    return scratch.train.model_copy(update={"start_from": None})


def pairs_of_recipe(config: Config) -> int:
    """Pairs of the training from scratch whose options `recipe_of` gives; those of the config, if that is unknown."""
    ancestors = Ancestors.of(config)
    scratch = ancestors.configs[-1] if ancestors.configs and ancestors.missing is None else config
    try:
        return sum(1 for _ in open_split(scratch, scratch.data.train))
    except (InputMissingError, HubError) as error:
        say(f"note: {error}\n  the number of updates is taken as if that training had had the text of {config.run}")
        return sum(1 for _ in open_split(config, config.data.train))


def config_in(run: RunFolder) -> Config:
    """The config in a run folder that a command has made.

    Raises:
        CannotCreateError: It is that of another folder, which would be trained in: this one has been moved or copied.
    """
    config = load_config(run.config)
    if Path(config.run).resolve() != run.path.resolve():
        raise CannotCreateError(
            f"its config says `run: {config.run}`: it has been moved or copied from there",
            where=str(run.path),
            hint=f"Put the new place into {run.config}, for `run:` and in `data:` where text lies in the folder.",
        )
    return config


def say_if_adapted(run: Path, config: Config) -> None:
    """Say what text a model is not trained on that is made anew from an adapted one."""
    if config.train.start_from is not None:
        say(
            f"note: {run} began with the weights of {config.train.start_from}; the new model has only the text of {run}"
            " to learn from"
        )


def held_out_of(config: Config) -> list[HeldOut]:
    """The validation and test text of a run."""
    splits = {Fault.IN_VALID: config.data.valid, Fault.IN_TEST: config.data.test}
    return [HeldOut.of(fault, examine(open_split(config, spec))) for fault, spec in splits.items() if spec is not None]


def specs_of(config: Config) -> list[str]:
    """The specs of the training text."""
    return [config.data.train] if isinstance(config.data.train, str) else list(config.data.train)


def content_of(corpora: Mapping[str, PairCorpus]) -> dict[str, str]:
    """A sum of the content of each corpus."""
    return {name: corpus.fingerprint for name, corpus in corpora.items()}
