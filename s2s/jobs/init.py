"""`s2s init`: from parallel text to a config that fits it, with text that is clean and split."""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from s2s.config.load import load_config
from s2s.config.recipes import Choice, recipe_for
from s2s.console import say
from s2s.corpus.columns import Wanted
from s2s.corpus.guess import as_specs, guess_languages
from s2s.corpus.pairs import PairCorpus, open_specs
from s2s.doctor.examine import Examined
from s2s.doctor.faults import Fault
from s2s.doctor.heldout import MAX_PAIRS, group, hold_out
from s2s.errors import CannotCreateError, DataError, UsageError
from s2s.jobs.check import as_json, check, languages_of
from s2s.jobs.dry_run import measure
from s2s.run_folder import RunFolder, write_atomic, writing_to
from s2s.runtime import choose_device

__all__ = ["Wishes", "as_specs", "init"]

FEWEST_PAIRS = 100
"""From fewer nothing can be learnt and held out."""

_AT_ONCE = 2_048
_NO_NAMES = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}
_HELD_OUT = {"valid": 1, "test": 2}


@dataclass(frozen=True)
class Wishes:
    """What the user has said.

    Attributes:
        corpus: Specs of the pairs.
        valid: Specs of the validation set; none to hold one out.
        test: The same of the test set.
        source: Source language, if given.
        target: Target language, if given.
        minutes: Limit of the training, if given.
        clean: Whether to leave bad pairs out.
    """

    corpus: list[str]
    valid: list[str]
    test: list[str]
    source: str | None = None
    target: str | None = None
    minutes: float | None = None
    clean: bool = True


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
    run = RunFolder(folder)
    if run.config.exists():
        raise CannotCreateError("is there already", where=str(run.config), hint="Take another name, or delete it.")
    source, target = _languages(wishes)
    given = {"train": wishes.corpus, "valid": wishes.valid, "test": wishes.test}
    wanted = Wanted(source, target)
    corpora = {
        name: open_specs([_in_direction(spec, source, target) for spec in specs], wanted)
        for name, specs in given.items()
        if specs
    }
    say(f"from {source} to {target}")
    reports = {report.name: report for report in check(corpora)}
    say("\n\n".join(report.text() for report in reports.values()))
    train = reports["train"].examined
    if not train.is_parallel:
        raise DataError(
            "the two sides are not parallel", where=corpora["train"].description, hint="See above; mend the text first."
        )
    parts = _parts(corpora["train"], train, wishes, [name for name in _HELD_OUT if name not in corpora])
    n_pairs = {name: int(mask.sum()) for name, mask in parts.items()}
    if n_pairs["train"] < FEWEST_PAIRS:
        raise DataError(
            f"{n_pairs['train']:,} pairs are left to train on; {FEWEST_PAIRS} are the least", hint="Find more text."
        )
    run.create()
    specs = _write(run, corpora["train"], parts, (source, target))
    write_atomic(run.path / "data" / "report.json", as_json(list(reports.values())) + "\n")
    for name in _HELD_OUT:
        if name in corpora:
            specs[name] = given[name][0] if len(given[name]) == 1 else given[name]
            n_pairs[name] = len(reports[name].examined.flags)
    torch_device = choose_device(device)
    choices = recipe_for(n_pairs["train"], on_gpu=torch_device.type == "cuda")
    if wishes.minutes is not None:
        choices = [one for one in choices if one.key != "train.max_steps"]
        choices.append(Choice("train.max_minutes", wishes.minutes, "as asked for"))
    head = _head(folder, source, target, n_pairs, specs)
    temporary = run.path / "data" / "config.yaml"
    write_atomic(temporary, head + _body(choices))
    facts = measure(load_config(temporary, []), run, device=device, threads=threads)
    say(facts.text())
    write_atomic(run.config, head + _body(choices, {"train.max_steps": facts.time, "model.preset": facts.size}))
    temporary.unlink()
    return run.config


def _languages(wishes: Wishes) -> tuple[str, str]:
    """The two languages: as given, else by the names of files and columns."""
    source, target = wishes.source, wishes.target
    if source and target:
        if source == target:
            raise UsageError("--source and --target are the same language")
        return source, target
    found = languages_of(wishes.corpus)
    if source or target:
        if (source or target) not in found:
            raise UsageError(
                f"{source or target} is not among the languages of the text: {found[0]} and {found[1]}",
                hint="Give both --source and --target.",
            )
        other = found[1] if (source or target) == found[0] else found[0]
        return (source, other) if source else (other, target or "")
    return found


def _in_direction(spec: str, source: str, target: str) -> str:
    """A pair of files with the source's first, where their names say which is which."""
    if guess_languages(spec) != (target, source):
        return spec
    if "{" in spec:
        first, second = spec.split("{", 1)[1].split("}", 1)[0].split(",")
        return spec.replace(f"{{{first},{second}}}", f"{{{second},{first}}}")
    if spec.count(",") == 1:
        return ",".join(reversed(spec.split(",")))
    return spec  # a table: its columns are found by name


def _parts(
    corpus: PairCorpus, examined: Examined, wishes: Wishes, to_hold_out: list[str]
) -> dict[str, npt.NDArray[np.bool_]]:
    """Which pairs go to training, validation and test."""
    kept = examined.is_kept if wishes.clean else _readable(examined)
    parts = {"train": kept}
    if not to_hold_out:
        return parts
    n = int(kept.sum())
    n_each = min(2_000 if n >= 200_000 else 1_000, max(n // 20, 1))
    say("looking for pairs that say the same, to keep them on one side …")
    groups = group(_blocks(corpus, kept), alike=n <= MAX_PAIRS)
    counts = {name: n_each if name in to_hold_out else 0 for name in _HELD_OUT}
    chosen = hold_out(groups, counts["valid"], counts["test"])
    for name, mask in (("train", chosen.train), ("valid", chosen.valid), ("test", chosen.test)):
        if name == "train" or name in to_hold_out:
            parts[name] = np.zeros(len(kept), dtype=np.bool_)
            parts[name][np.flatnonzero(kept)[mask]] = True
    held = " and ".join(f"{int(parts[name].sum()):,} pairs for {name}" for name in to_hold_out)
    say(f"held out {held}, drawn at random; {chosen.n_groups:,} groups of pairs that say nearly the same stay together")
    if any(parts[name].sum() < max(10, counts[name] // 2) for name in to_hold_out):
        raise DataError(
            "there are too few pairs that can be held out: nearly all say nearly the same as others",
            where=corpus.description,
            hint="Give a validation and a test set of your own: --valid, --test.",
        )
    return parts


def _readable(examined: Examined) -> npt.NDArray[np.bool_]:
    """Pairs that training would take."""
    taken: npt.NDArray[np.bool_] = (examined.flags & np.uint32(Fault.NOT_UTF8 | Fault.EMPTY)) == 0
    return taken


def _blocks(corpus: PairCorpus, kept: npt.NDArray[np.bool_]) -> Iterator[tuple[list[str], list[str]]]:
    sources: list[str] = []
    targets: list[str] = []
    for pair, keep in zip(corpus.readable(lambda _: None), kept.tolist(), strict=True):
        if keep:
            sources.append(pair.src)
            targets.append(pair.tgt)
            if len(sources) == _AT_ONCE:
                yield sources, targets
                sources, targets = [], []
    if sources:
        yield sources, targets


def _write(
    run: RunFolder, corpus: PairCorpus, parts: Mapping[str, npt.NDArray[np.bool_]], languages: tuple[str, str]
) -> dict[str, str | list[str]]:
    """Write the parts to `data/` in the run folder; their specs."""
    folder = run.path / "data"
    folder.mkdir(exist_ok=True)
    names = list(parts)
    part_of = np.full(len(parts["train"]), -1)
    for number, mask in enumerate(parts.values()):
        part_of[mask] = number
    with ExitStack() as stack:
        files = [
            [stack.enter_context(writing_to(folder / f"{name}.{language}")) for language in languages] for name in names
        ]
        for pair, part in zip(corpus.readable(lambda _: None), part_of.tolist(), strict=True):
            if part >= 0:
                files[part][0].write(f"{pair.src}\n".encode())
                files[part][1].write(f"{pair.tgt}\n".encode())
    return {name: f"{folder / name}.{{{languages[0]},{languages[1]}}}" for name in names}


def _head(
    folder: Path, source: str, target: str, n_pairs: Mapping[str, int], specs: Mapping[str, str | list[str]]
) -> str:
    lines = [
        f"# {source} to {target}: {n_pairs['train']:,} pairs to train on, {n_pairs['valid']:,} to choose by,"
        f" {n_pairs['test']:,} to report on. By `s2s init`: change what you like.",
        f"run: {_yaml(str(folder))}",
        "data:",
        f"  source: {_yaml(source)}",
        f"  target: {_yaml(target)}",
    ]
    lines += [f"  {name}: {_yaml(specs[name])}" for name in ("train", "valid", "test")]
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
