"""What `adapt`, `backtranslate` and `distill` share: a run folder made from a model, some text and a few wishes.

What it is made from is noted before anything is made (`data/made_from.json`). The same command again goes on; another
one for the same folder is refused.
"""

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from s2s.config.load import load_config, with_overrides
from s2s.config.schema import Config, TrainConfig
from s2s.console import say
from s2s.corpus.file_sums import FileSums
from s2s.corpus.pairs import PairCorpus
from s2s.doctor.examine import HeldOut, examine
from s2s.doctor.faults import Fault
from s2s.errors import CannotCreateError, UsageError
from s2s.jobs.tokenize import open_split
from s2s.run_folder import RunFolder, write_atomic


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
    if run.config.exists() and not note.exists():
        raise CannotCreateError("is there already", where=str(run.config), hint="Take another name for --to.")
    run.create()
    with run.lock():
        run.clean_temporaries()
        run.data.mkdir(exist_ok=True)
        content = json.dumps(made_from, indent=1, ensure_ascii=False) + "\n"
        now = json.loads(content)
        if note.exists():
            before = json.loads(note.read_bytes())
            keys = [key for key in {**before, **now} if before.get(key) != now.get(key)]
            if keys and not run.config.exists():
                say(f"{folder} was begun with another {', '.join(keys)} and is begun anew")
                for path in [*run.data.glob("distilled.*"), *run.data.glob("backtranslated.*")]:
                    path.unlink()  # which were made otherwise
                write_atomic(note, content)
            elif keys:
                listing = "\n".join(f"  {key}: {before.get(key)!r} there, {now.get(key)!r} now" for key in keys)
                raise CannotCreateError(
                    f"was made otherwise:\n{listing}", where=str(folder), hint="Take another name for --to."
                )
        else:
            write_atomic(note, content)
        yield run


def file_sums(paths: Sequence[Path]) -> dict[str, str]:
    """Path and sha256 of files."""
    return {str(path): str(FileSums().identity(path)["sha256"]) for path in paths}


def changed(config: Config, overrides: Sequence[str]) -> Config:
    """A config with what `--set` says.

    Raises:
        ConfigError: It is none.
        UsageError: It sets the run folder.
    """
    if any(override.partition("=")[0].strip() in ("run", "train.start_from") for override in overrides):
        raise UsageError("run and train.start_from are not to be set here", hint="The folder is given with --to.")
    return with_overrides(config, overrides)


def recipe_of(config: Config) -> TrainConfig:
    """The options of training from scratch: of an adapted model those of the model that it began with."""
    seen: set[str] = set()
    while config.train.start_from is not None and config.train.start_from not in seen:
        seen.add(config.train.start_from)
        resolved = RunFolder(Path(config.train.start_from)).resolved
        if not resolved.is_file():
            break
        config = load_config(resolved)
    return config.train.model_copy(update={"start_from": None})


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
