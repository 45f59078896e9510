"""`s2s check`: what is wrong with parallel text, before anything is trained on it."""

import json
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

from s2s.config.schema import Config
from s2s.console import say
from s2s.corpus.columns import Wanted
from s2s.corpus.guess import UNKNOWN, as_specs, guess_languages, in_direction, specs_of_option
from s2s.corpus.pairs import PairCorpus, files_of, open_specs
from s2s.corpus.text import uncompressed_suffix
from s2s.doctor.examine import Examined, HeldOut, examine, mark_turned
from s2s.doctor.faults import Fault
from s2s.doctor.report import Report
from s2s.errors import UsageError
from s2s.run_folder import writing_to

__all__ = [
    "as_json",
    "as_specs",
    "check",
    "clean_files",
    "languages_of",
    "of_config",
    "open_splits",
    "specs_of_option",
    "write_clean",
]

Specs = Mapping[str, list[str]]


def open_splits(specs: Specs, wanted: Wanted) -> dict[str, PairCorpus]:
    """Open the splits that are to be looked at, all in the direction of `train`.

    Args:
        specs: Specs of `train`, and of `valid` and `test` if they are there.
        wanted: Languages and columns.
    """
    source, target = wanted.source, wanted.target
    turned = {name: [in_direction(spec, source, target) for spec in split] for name, split in specs.items()}
    return {name: open_specs(split, wanted).untagged() for name, split in turned.items()}


def of_config(config: Config) -> tuple[dict[str, PairCorpus], Wanted]:
    """The splits of a config as training opens them, and its languages and columns."""
    from s2s.jobs import tokenize  # which imports torch: text alone is looked at without

    data = config.data
    corpora = {name: corpus.untagged() for name, corpus in tokenize.open_splits(config).items()}
    return corpora, Wanted(data.source, data.target, data.source_column, data.target_column)


def languages_of(specs: list[str]) -> tuple[str, str]:
    """The two languages, by the first spec that names them."""
    for spec in specs:
        languages = guess_languages(spec)
        if languages is not None:
            return languages
    return UNKNOWN


def check(corpora: Mapping[str, PairCorpus], *, n_examples: int = 3, others: Sequence[HeldOut] = ()) -> list[Report]:
    """Look through the splits of a corpus.

    The training text must not overlap the validation and the test set, nor the former the latter. Of several
    directions each is looked at by itself: what is usual in one is not in another, and a source that is translated into
    two languages has one target in each.

    Args:
        corpora: `train`, and `valid` and `test` if they are there.
        n_examples: Pairs to show of each fault.
        others: More that the training text must not overlap.

    Returns:
        A report of each split; of several directions one of each of its directions.

    Raises:
        DataError: A split has no pair, or a file of it is no text at all.
    """
    found: dict[str, list[tuple[tuple[str, str] | None, str, PairCorpus, Examined]]] = {}
    held_out: list[HeldOut] = []
    has_several = len(set().union(*(corpus.directions for corpus in corpora.values()))) > 1
    for split, fault in (("test", Fault.IN_TEST), ("valid", Fault.IN_VALID), ("train", None)):
        if split not in corpora:
            continue
        avoid = [*held_out, *others] if fault is None else [*held_out]
        found[split] = []
        for note in corpora[split].notes():
            say(f"note: {note}")
        for direction, corpus in corpora[split].by_direction().items():
            name = f"{split} {'>'.join(direction)}" if direction and has_several else split
            say(f"looking at {name} …")
            examined = examine(corpus, avoid)
            if fault is not None:
                held_out.append(HeldOut.of(fault, examined))
            found[split].append((direction, name, corpus, examined))
    for direction, _, _, train in found.get("train", []):
        for other, _, corpus, examined in [*found.get("valid", []), *found.get("test", [])]:
            if other == direction or not has_several:
                mark_turned(examined, corpus, train.usual)
    return [
        Report.of(name, corpus, examined, n_examples) for split in corpora for _, name, corpus, examined in found[split]
    ]


def clean_files(spec: str, corpora: Mapping[str, PairCorpus], wanted: Wanted) -> list[Path]:
    """The files of a cleaned copy: two, as `clean.{en,de}`, the source's first, or a `.tsv` or `.jsonl` file.

    Raises:
        UsageError: It cannot be written in this form.
        CannotCreateError: A file is one of those that are read.
    """
    directions = corpora["train"].directions
    if len(directions) > 1:
        raise UsageError(
            "a cleaned copy of several directions cannot be one pair of files", hint="Check and clean each by itself."
        )
    source, target = directions.pop() or (wanted.source, wanted.target)
    paths = files_of(in_direction(spec, source, target))
    ending = uncompressed_suffix(paths[0])
    if any(path.suffix.lower() in (".gz", ".zst", ".csv", ".parquet") for path in paths) or (
        len(paths) == 1 and ending not in (".tsv", ".jsonl")
    ):
        raise UsageError(f"cannot write {spec}", hint="Give two files, as clean.{en,de}, or one .tsv or .jsonl file.")
    for corpus in corpora.values():
        corpus.refuse_to_lose(paths)
    return paths


def write_clean(corpus: PairCorpus, examined: Examined, paths: list[Path]) -> int:
    """Write the pairs that have no fault that matters.

    Args:
        corpus: The text.
        examined: What was found in it.
        paths: From `clean_files`. They get their names when they are whole.

    Returns:
        How many pairs.
    """
    ending = uncompressed_suffix(paths[0])
    n = 0
    with ExitStack() as stack:
        files = [stack.enter_context(writing_to(path)) for path in paths]
        for pair, keep in zip(corpus.readable(lambda _: None), examined.is_kept.tolist(), strict=True):
            if keep:
                n += 1
                _write(files, ending, pair.src, pair.tgt)
    return n


def _write(files: list[BinaryIO], ending: str, src: str, tgt: str) -> None:
    if len(files) == 2:
        files[0].write(f"{src}\n".encode())
        files[1].write(f"{tgt}\n".encode())
    elif ending == ".tsv":  # a cell has no TAB
        files[0].write(f"{src.replace(chr(9), ' ')}\t{tgt.replace(chr(9), ' ')}\n".encode())
    else:
        files[0].write(json.dumps({"source": src, "target": tgt}, ensure_ascii=False).encode() + b"\n")


def as_json(reports: list[Report]) -> str:
    """All reports as one JSON object."""
    return json.dumps({report.name: report.as_dict() for report in reports}, indent=2, ensure_ascii=False)
