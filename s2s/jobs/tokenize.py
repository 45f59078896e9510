"""`s2s tokenize`: learn the vocabulary from the training split, encode every split once."""

import contextlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from s2s.config.schema import Config, VocabConfig
from s2s.console import say
from s2s.corpus.cleaning import CleaningRules
from s2s.corpus.file_sums import FileSums
from s2s.corpus.guess import in_direction
from s2s.corpus.pairs import PairCorpus, open_pairs, split_direction, sum_of_content, tags_in, targets_in
from s2s.corpus.report import SplitReport
from s2s.corpus.store import EncodedSplit, ensure_split, fingerprint_of
from s2s.corpus.text import decode_line
from s2s.corpus.vocabulary import Vocabularies
from s2s.decoding.bundle import load_bundle
from s2s.errors import ConfigError, DataError, InputMissingError
from s2s.run_folder import RunFolder, build_folder, existing_folder, verify_folder, write_atomic
from s2s.training.checkpoint import data_of_checkpoints

_AGAIN = "s2s tokenize CONFIG makes it again."
_MADE_FROM = "made_from.json"  # in the vocabulary's folder: from what text and options it was learnt


@dataclass(frozen=True)
class Prepared:
    """What training starts from.

    Attributes:
        vocabularies: Of both sides.
        train: Encoded training pairs, cleaned.
        valid: Encoded validation pairs.
        valid_corpus: The validation text.
        max_source_length: Pieces of the longest source that it is trained on, or the model that it begins with was.
        fingerprint: Of training and validation data: text, vocabulary and rules.
    """

    vocabularies: Vocabularies
    train: EncodedSplit
    valid: EncodedSplit
    valid_corpus: PairCorpus
    max_source_length: int
    fingerprint: str


def split_specs(config: Config) -> dict[str, str | list[str]]:
    """The splits that a config names, `train` first."""
    data = config.data
    specs = {"train": data.train, "valid": data.valid, "test": data.test}
    return {name: spec for name, spec in specs.items() if spec is not None}


def open_split(config: Config, spec: str | list[str], sums: FileSums | None = None) -> PairCorpus:
    """The sentence pairs of a spec, in the config's languages and columns; `sums` remembers those of large files."""
    data = config.data
    return open_pairs(
        spec,
        source=data.source,
        target=data.target,
        source_column=data.source_column,
        target_column=data.target_column,
        sums=sums,
    )


def open_splits(config: Config, sums: FileSums | None = None) -> dict[str, PairCorpus]:
    """The splits that a config names, `train` first.

    Raises:
        ConfigError: A direction of the validation or test text is none of the training text, so that the model could
            not be told what to do, some text has no direction where other has, or two files are named the other way
            round.
        InputMissingError: A file is not there.
    """
    for name, given in split_specs(config).items():
        _refuse_turned(config, name, [given] if isinstance(given, str) else given)
    corpora = {name: open_split(config, spec, sums) for name, spec in split_specs(config).items()}
    known = targets_in(config.data.train)
    for name, corpus in corpora.items():
        for direction in corpus.directions:
            if direction is None and known:
                raise ConfigError(
                    "has no direction, and the training text has one" if name != "train" else "not all has a direction",
                    where=f"data.{name}",
                    hint=f"Put one before each of its specs, as `{config.data.source}>{known[0]} dev.tsv`.",
                )
            if direction is not None and direction[1] not in known:
                there = f"into {', '.join(known)}" if known else "without a direction"
                raise ConfigError(
                    f"is into {direction[1]}, and the training text is {there}",
                    where=f"data.{name}",
                    hint="The model would get a tag before each source that it has never seen.",
                )
    return corpora


class NothingLeftError(DataError):
    """All pairs of a split were dropped."""


def _refuse_turned(config: Config, name: str, specs: Sequence[str]) -> None:
    """Raise ConfigError where the names of two files say that the target stands first, as in `dev.{de,en}` from en."""
    for spec in specs:
        direction, files = split_direction(spec)
        source, target = direction or (config.data.source, config.data.target)
        turned = in_direction(files, source, target)
        if turned != files:
            raise ConfigError(
                f"{files} has {target} first, by its name, and {source} is what is translated",
                where=f"data.{name}",
                hint=f"Write {spec.removesuffix(files)}{turned}",
            )


def prepare(config: Config, run: RunFolder, *, thorough: bool = True, n_processes: int | None = None) -> Prepared:
    """Learn and encode what is not there yet; the caller holds the run folder's lock.

    Args:
        config: Names the text and the vocabulary.
        run: The vocabulary goes to `vocab/`, encoded splits to `store/`, counts to `data.json`.
        thorough: Whether to read all text and all that is encoded, to see whether it is what it was. If not, large
            files that look untouched count as such, and large encoded splits are checked as they are used.
        n_processes: How many processes encode a large corpus; None for one per core.

    Raises:
        DataError: If text is bad, or nothing is left of a split.
    """
    sums = FileSums(run.store / "sums.json", believe=not thorough)
    corpora = open_splits(config, sums)
    vocabularies, longest_known = _vocabularies(config, run, corpora["train"])
    rules = CleaningRules.from_config(config.data)
    splits: dict[str, EncodedSplit] = {}
    reports: dict[str, SplitReport] = {}
    for name, corpus in corpora.items():
        # only training pairs are chosen; what measures the model is taken as it is
        chosen_by = rules if name == "train" else None
        split, report = ensure_split(
            corpus, vocabularies, run.store / name, chosen_by, thorough=thorough, n_processes=n_processes
        )
        splits[name], reports[name] = split, report
        for note in corpus.notes():
            say(f"note: {note}")
        say(f"{name}: {report.text()}")
        if len(split) == 0:
            raise NothingLeftError(
                f"no pair is left of the {name} split",
                hint="what was dropped, and why, is said above; data.max_length and data.max_ratio say what is",
            )
    sums.save()
    _write_data_json(run, config, reports)
    fingerprint = f"{splits['train'].fingerprint} {splits['valid'].fingerprint}"
    longest = max(longest_known, int(splits["train"].src_lengths.max()))
    return Prepared(vocabularies, splits["train"], splits["valid"], corpora["valid"], longest, fingerprint)


def open_prepared(run: RunFolder, fingerprint: str) -> tuple[Vocabularies, EncodedSplit]:
    """Open what another process has prepared for training; nothing is written, and no text is read.

    Ids are checked when they are first used.

    Args:
        run: Where the other process has put it.
        fingerprint: Of what it has prepared.

    Returns:
        The vocabularies and the encoded training pairs.

    Raises:
        InputMissingError: If this process does not see the same files.
    """
    found = ""
    with contextlib.suppress(InputMissingError):
        train, valid = (
            EncodedSplit.open(existing_folder(run.store / name), verify=True, late=True) for name in ("train", "valid")
        )
        found = f"{train.fingerprint} {valid.fingerprint}"
        vocabularies, _ = _load_vocabularies(run)
    if found != fingerprint:
        raise InputMissingError(
            "the encoded data is not what rank 0 sees there",
            where=str(run.path),
            hint="the run folder has to be on a file system that all hosts share",
        )
    return vocabularies, train


def _vocabularies(config: Config, run: RunFolder, train: PairCorpus) -> tuple[Vocabularies, int]:
    """The run's vocabulary: the parent's, or learnt now, unless it was from this text with these options before.

    With it the pieces of the longest source that the parent knows, 0 without a parent.
    """
    noted: Any = None
    try:
        vocabularies, noted = _load_vocabularies(run)
        if config.train.start_from is not None and "start_from" in noted and run.checkpoints_by_step():
            return vocabularies, noted.get("max_source_length", 0)  # the parent is not needed any more
    except InputMissingError:  # not learnt yet
        pass
    except DataError as error:  # the same text gives the same vocabulary again
        say(f"warning: {error.where}: {error.what}\n  the vocabulary is made again")
    bundle = None if config.train.start_from is None else load_bundle(Path(config.train.start_from))
    parent, longest = (bundle.vocabularies, bundle.max_source_length) if bundle else (None, 0)
    made_from: dict[str, Any] = {"vocab": config.vocab.model_dump(), "train": train.fingerprint}
    if parent is not None:
        _refuse_new_tags(parent, config)
        made_from = {"start_from": parent.fingerprint, "max_source_length": longest}
    if noted == made_from:
        return vocabularies, longest
    if noted is not None and run.checkpoints_by_step():
        raise _changed(run)
    if parent is None:
        say("learning the vocabulary …")
    vocabularies = parent or Vocabularies.learn(train, _with_tags(config))
    known = data_of_checkpoints(run)
    if known and not known.startswith(fingerprint_of(train, vocabularies, CleaningRules.from_config(config.data))):
        raise _changed(run)  # before what is there is written over
    run.create()
    with build_folder(run.vocab) as folder:
        vocabularies.save(folder)
        write_atomic(folder / _MADE_FROM, json.dumps(made_from, indent=2) + "\n")
    sizes = f"{vocabularies.src.size:,}"
    if not vocabularies.shared:
        sizes = f"{sizes} source, {vocabularies.tgt.size:,} target"
    origin = f"those of {config.train.start_from}; vocab.* does not count" if parent else config.vocab.type
    say(f"vocabulary: {sizes} pieces ({origin})")
    for note_text in vocabularies.notes:
        say(f"note: {note_text}")
    return vocabularies, longest


def _refuse_new_tags(vocabularies: Vocabularies, config: Config) -> None:
    """Raise if the model to start from would see the tag of a language as text: parts of it could be lost."""
    src = vocabularies.src
    new = [tag for tag in tags_in(config.data.train) if tag not in src.pieces_of(src.encode(tag))]
    if new:
        raise ConfigError(
            f"the model to start from has no symbol {', '.join(new)}: it does not know the language",
            where=str(config.train.start_from),
            hint="Train anew on the text of all directions.",
        )


def _with_tags(config: Config) -> VocabConfig:
    """The vocabulary's options, with the tags of the target languages as symbols."""
    symbols = list(dict.fromkeys([*config.vocab.user_symbols, *tags_in(config.data.train)]))
    return config.vocab.model_copy(update={"user_symbols": symbols})


def _changed(run: RunFolder) -> ConfigError:
    return ConfigError(
        "the training data or the vocabulary's options changed since this run was started",
        where=str(run.path),
        hint="give another `run:`, restore them, or start anew with `s2s train --overwrite`",
    )


def _load_vocabularies(run: RunFolder) -> tuple[Vocabularies, Any]:
    """The run's vocabulary and what it was made from.

    Raises:
        InputMissingError: If it has not been learnt.
        DataError: If a file of it is damaged.
    """
    folder = existing_folder(run.vocab)
    if not folder.is_dir():
        raise InputMissingError("no vocabulary yet", where=str(run.vocab), hint="run `s2s tokenize CONFIG` first")
    verify_folder(folder, what="vocabulary")
    try:
        return Vocabularies.load(folder), json.loads((folder / _MADE_FROM).read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{_MADE_FROM} is not there or not JSON", where=str(folder)) from error


def reports_of(run: RunFolder) -> tuple[SplitReport, SplitReport]:
    """What became of the pairs of a run's training and validation split.

    Raises:
        DataError: Its `data.json` is not there or damaged.
    """
    try:
        splits = json.loads(run.data_json.read_bytes())["splits"]
        return SplitReport.from_dict(splits["train"]), SplitReport.from_dict(splits["valid"])
    except (OSError, ValueError, RecursionError, KeyError, TypeError) as error:
        raise DataError("is not there or damaged", where=str(run.data_json), hint=_AGAIN) from error


def refuse_other_text(run: RunFolder, config: Config) -> None:
    """Raise if a run's training text is another than when it was trained; nothing if it does not say what that was.

    Raises:
        ConfigError: It is.
        DataError: Its `data.json` is damaged.
    """
    if run.data_json.exists():
        before, _ = reports_of(run)
        if sum_of_content(before.identity) != open_split(config, config.data.train).fingerprint:
            raise ConfigError(
                "the training text has changed since it was trained",
                where=str(run.path),
                hint="Put back what it was, or train anew: s2s train --overwrite",
            )


def _write_data_json(run: RunFolder, config: Config, reports: dict[str, SplitReport]) -> None:
    content: dict[str, Any] = {"source": config.data.source, "target": config.data.target}
    content["splits"] = {name: report.as_dict() for name, report in reports.items()}
    write_atomic(run.data_json, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def tokenize(config: Config) -> Prepared:
    """Do all that comes before training, under the run folder's lock."""
    run = RunFolder(Path(config.run))
    run.create()
    with run.lock():
        run.clean_temporaries()
        return prepare(config, run)


def show_pieces(config: Config, side: str, lines: Iterable[bytes], sink: BinaryIO) -> None:
    """Write the pieces of lines, a space between them, as the run's vocabulary cuts them.

    Args:
        config: Its run folder holds the vocabulary.
        side: `source` or `target`.
        lines: Raw lines.
        sink: Where the pieces go.

    Raises:
        InputMissingError: If the vocabulary has not been learnt.
    """
    run = RunFolder(Path(config.run))
    vocabularies, _ = _load_vocabularies(run)
    vocabulary = vocabularies.src if side == "source" else vocabularies.tgt
    for raw in lines:
        line, _ = decode_line(raw)
        sink.write((" ".join(vocabulary.pieces(line)) + "\n").encode())
    sink.flush()
