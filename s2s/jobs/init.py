"""`s2s init`: from parallel text to a config that fits it, with text that is clean and split."""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from s2s.config.load import load_config
from s2s.config.recipes import Choice, recipe_for
from s2s.config.schema import TrainConfig
from s2s.console import say
from s2s.errors import CannotCreateError, UsageError, is_out_of_memory
from s2s.jobs.dry_run import Facts, measure
from s2s.jobs.split_text import SplitText, Wishes, split_text
from s2s.jobs.tokenize import NothingLeftError
from s2s.run_folder import RunFolder, write_atomic
from s2s.runtime import choose_device

_LONG_PIECES, _SHARE_OF_LONG = 1_000, 0.01  # the limit of length where more than that share of pairs is long
_NO_NAMES = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}


def init(folder: Path, wishes: Wishes, *, device: str = "auto", threads: int | None = None) -> Path:
    """Look at the text, split it, choose a recipe, measure what it takes, and write the config.

    Args:
        folder: The run folder to be.
        wishes: The text, and what is wanted.
        device: Where it will be trained.
        threads: Processor threads; none for all.

    Returns:
        The config's path.

    Raises:
        CannotCreateError: There is a config in the folder.
        DataError: The text is not parallel, cannot be read, or is too little.
    """
    if not re.fullmatch(r"[^{},\x00-\x1f\ud800-\udfff]+", str(folder)):
        raise UsageError(f"{str(folder)!r} is no name for a run", hint="Take one without braces and commas.")
    run = RunFolder(folder)
    if any(path.exists() for path in (run.config, run.run_json, run.model)) or run.checkpoints_by_step():
        raise CannotCreateError(
            "there is a run already", where=str(folder), hint="Take another name, or delete the folder."
        )
    text = split_text(run, wishes)
    torch_device = choose_device(device)
    choices = recipe_for(
        text.n_pairs["train"],
        on_gpu=torch_device.type == "cuda",
        n_characters=text.n_characters,
        max_minutes=wishes.minutes,
    )
    # of validation and test text that stay where they are
    columns = {"source_column": wishes.source_column, "target_column": wishes.target_column}
    more = [f"{name}: {_yaml(one)}" for name, one in columns.items() if one and (wishes.valid or wishes.test)]
    facts, choices, more = _measured(run, text, choices, more, device, threads)
    say(facts.text())
    if wishes.minutes is not None:
        choices = _validating_often(choices, 60 * wishes.minutes, facts.seconds)
    text.n_pairs["train"] = facts.n_pairs  # without what is too long, which is said
    facts_of = {"train.max_steps": facts.time, "model.preset": facts.size}
    write_atomic(run.config, _head(folder, text, more) + _body(choices, facts_of))
    return run.config


def _measured(
    run: RunFolder, text: SplitText, choices: list[Choice], more: list[str], device: str, threads: int | None
) -> tuple[Facts, list[Choice], list[str]]:
    """What a training takes, with the choices and lines of `data` that fit the length of the text and the memory."""
    temporary = run.path / "data" / "config.yaml"
    limit: list[str] = []
    while True:
        write_atomic(temporary, _head(run.path, text, [*more, *limit]) + _body(choices))
        config = load_config(temporary, [])
        try:
            facts = measure(config, run, device=device, threads=threads)
            if limit or facts.n_long <= _SHARE_OF_LONG * text.n_pairs["train"]:
                temporary.unlink()
                return facts, choices, [*more, *limit]
            many = f"{facts.n_long:,} pairs"
        except NothingLeftError:
            if limit:
                raise
            many = "all pairs"  # unless it is for another reason, which then comes again
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error) or config.train.batch_tokens < 2 * (_LONG_PIECES + 1):
                raise
            choices = _with_smaller_batches(choices, config.train)
            continue
        say(f"note: more than {config.data.max_length} pieces are dropped: once more, with a limit of {_LONG_PIECES:,}")
        limit = [f"{f'max_length: {_LONG_PIECES}':<26}# pieces; {many} have more than {config.data.max_length}"]


def _with_smaller_batches(choices: list[Choice], train: TrainConfig) -> list[Choice]:
    """Half as large, and two in place of one for an update, which is then the same."""
    tokens, n = train.batch_tokens // 2, 2 * train.accumulate
    say(f"note: no memory for {train.batch_tokens:,} pieces a batch: {tokens:,} are tried, {n} batches an update")
    others = [one for one in choices if one.key not in ("train.batch_tokens", "train.accumulate")]
    return [
        *others,
        Choice("train.batch_tokens", tokens, "pieces a batch, for which there is memory"),
        Choice("train.accumulate", n, "batches an update"),
    ]


def _validating_often(choices: list[Choice], seconds: float, of_update: float) -> list[Choice]:
    """With some validations in a training of so many seconds: a minute apart, as they take time too, or a quarter."""
    every = round(max(seconds / 20, min(60, seconds / 4)) / of_update)
    key = "train.validate_every"
    return [replace(one, value=max(1, min(every, int(one.value)))) if one.key == key else one for one in choices]


def _head(folder: Path, text: SplitText, more: list[str]) -> str:
    n = text.n_pairs
    lines = [
        f"# {text.source} to {text.target}: {n['train']:,} pairs to train on, {n['valid']:,} to choose by,"
        f" {n['test']:,} to report on. By `s2s init`: change what you like.",
        f"run: {_yaml(str(folder))}",
        "data:",
        f"  source: {_yaml(text.source)}",
        f"  target: {_yaml(text.target)}",
    ]
    lines += [f"  {name}: {_yaml(text.specs[name])}" for name in ("train", "valid", "test")]
    lines += [f"  {line}" for line in more]
    return "\n".join(lines) + "\n"


def _yaml(value: str | list[str]) -> str:
    """A value as YAML, in quotes unless it is a plain name; `no` and `on` would be true or false."""
    plain = isinstance(value, str) and re.fullmatch(r"[A-Za-z][\w./-]*", value) and value.lower() not in _NO_NAMES
    return str(value) if plain else json.dumps(value, ensure_ascii=False)


def _body(choices: list[Choice], facts: Mapping[str, str] | None = None) -> str:
    """The chosen values with their reasons; `facts` are added to those."""
    lines = []
    section = ""
    for choice in choices:
        outer, name = choice.key.split(".")
        if outer != section:
            lines.append(f"{outer}:")
            section = outer
        fact = (facts or {}).get(choice.key)
        value = f"  {name}: {choice.value}"
        lines.append(f"{value:<28}# {choice.reason}" + (f"; {fact}" if fact else ""))
    return "\n".join(lines) + "\n"
