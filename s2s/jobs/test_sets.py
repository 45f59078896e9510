"""Where sentences with references come from: splits of a run, files, sacreBLEU's own test sets."""

import contextlib
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from s2s.config.load import load_config
from s2s.console import say
from s2s.corpus.guess import guess_languages, same_languages
from s2s.corpus.pairs import open_pairs, tag_of
from s2s.corpus.text import read_lines
from s2s.decoding.bundle import find_bundle, load_languages, load_sources, load_targets
from s2s.decoding.one_file import is_one_file
from s2s.errors import DataError, HubError, InputMissingError, UsageError
from s2s.run_folder import RunFolder


@dataclass(frozen=True)
class TestSet:
    """Sentences to translate, with their references.

    Attributes:
        name: What it is called.
        sources: Sentences; those of a split of several languages begin with a tag, as in its text.
        references: One for each.
        target: Their language, if it is known. The sources have no tag then: whoever translates them adds it if the
            model needs one.
        source: Language of the sentences, if it is known.
    """

    __test__ = False  # not a test, whatever its name says to pytest

    name: str
    sources: list[str]
    references: list[str]
    target: str | None = None
    source: str | None = None

    def by_target(self, targets: Sequence[str]) -> "list[TestSet]":
        """One for each language into which a model of several translates, by the tags of the sources; or itself."""
        parts = []
        for target in targets:
            tag = f"{tag_of(target)} "
            rows = [row for row, source in enumerate(self.sources) if source.startswith(tag)]
            if rows:
                sources = [self.sources[row].removeprefix(tag) for row in rows]
                parts.append(TestSet(f"{self.name}-{target}", sources, [self.references[row] for row in rows], target))
        n_left = len(self.sources) - sum(len(part.sources) for part in parts)
        if parts and n_left:
            why = "their source is empty, or has no tag of a language that the model knows"
            say(f"{self.name}: {n_left:,} sentences are not scored: {why}")
        return parts or [self]


def is_model(system: Path) -> bool:
    """Whether what is to be evaluated is a run or a model, and no file of translations."""
    return not system.is_file() or is_one_file(system)


def split_of_run(run: Path, split: str) -> TestSet:
    """The `valid` or `test` split that a run's config names.

    Raises:
        UsageError: If the config has no such split.
    """
    find_bundle(run)  # what is missing altogether is said first
    resolved = RunFolder(run).resolved
    if not resolved.is_file():
        raise InputMissingError("not a run folder: no resolved.yaml", where=str(run), hint="use --src and --ref")
    config = load_config(resolved)
    spec = {"test": config.data.test, "valid": config.data.valid}.get(split)
    if spec is None:
        raise UsageError(f"the run's config has no {split} split", where=str(run), hint="use --src and --ref")
    data = config.data
    pairs = open_pairs(
        spec,
        source=data.source,
        target=data.target,
        source_column=data.source_column,
        target_column=data.target_column,
    )
    both = [(pair.src, pair.tgt) for pair in pairs]
    return TestSet(split, [src for src, _ in both], [tgt for _, tgt in both])


def files_as_test_set(source: Path, reference: Path, to: str | None = None) -> TestSet:
    """A test set from a file of sentences and one of references, a line each.

    Args:
        source: Sentences.
        reference: As many references.
        to: Their language, if it is known.

    Raises:
        DataError: If they do not have the same number of lines.
    """
    if re.fullmatch(r"(test|valid)(-[\w-]+)?", source.name):  # with a language: of a model of several
        raise UsageError(f"a file named {source.name} would be taken for the run's split", hint="rename it")
    sources, references = list(read_lines(source)), list(read_lines(reference))
    if len(sources) != len(references):
        raise DataError(f"{source} has {len(sources):,} lines, {reference} {len(references):,}")
    return TestSet(source.name, sources, references, to)


def sacrebleu_test_set(name: str, source: str, target: str) -> TestSet:
    """A test set that sacreBLEU knows, as `wmt14/full`; it downloads it when it is first used.

    Of several references the first is taken.

    Args:
        name: sacreBLEU's (`sacrebleu --list`).
        source: Source language.
        target: Target language.

    Raises:
        UsageError: There is none of this name, or not of these languages.
        HubError: It cannot be downloaded.
    """
    from sacrebleu.dataset import DATASETS
    from sacrebleu.utils import get_reference_files, get_source_file

    pair = f"{source}-{target}"
    if name not in DATASETS:
        raise UsageError(f"sacreBLEU has no test set {name}", hint="sacrebleu --list shows what there is")
    pairs = sorted(DATASETS[name].langpairs)
    if pair not in pairs:
        raise UsageError(f"sacreBLEU's {name} has no {pair}", hint=f"It has {', '.join(pairs)}.")
    try:
        files = [get_source_file(name, pair), *get_reference_files(name, pair)]
    except (OSError, SystemExit) as error:  # it leaves the program when a checksum is wrong
        folder = os.environ.get("SACREBLEU", "~/.sacrebleu")
        raise HubError(
            f"sacreBLEU's test set {name} cannot be downloaded: {error}",
            hint=f"sacrebleu -t {name} -l {pair} --echo src on a machine with a network puts it into {folder}",
        ) from None
    if len(files) > 2:
        say(f"{name} has {len(files) - 1} references; the first is used")
    sources, references = (list(read_lines(Path(path))) for path in files[:2])
    if len(sources) != len(references):
        raise DataError(f"{files[0]} has {len(sources):,} lines, {files[1]} {len(references):,}")
    return TestSet(name.replace("/", "_"), sources, references, target, source)


def other_text(
    sources: Sequence[Path], references: Sequence[Path], names: Sequence[str], systems: Sequence[Path], to: str | None
) -> list[TestSet]:
    """Test sets that are not splits of a run: from files, and sacreBLEU's.

    Args:
        sources: Files of sentences.
        references: As many files of references.
        names: sacreBLEU's names; the first run among the systems says the languages.
        systems: What is to be evaluated: runs, and files of translations.
        to: Language of the references, if it is not the model's.

    Raises:
        UsageError: There is no run to say the languages; two have the same name.
    """
    runs = [system for system in systems if is_model(system)]
    languages: dict[Path, tuple[str, str]] = {}
    for run in runs:
        with contextlib.suppress(InputMissingError):  # that there is no model is for others to say
            languages[run] = load_languages(run)
    for source, reference in zip(sources, references, strict=True):
        named = guess_languages(f"{source},{reference}")
        for run, known in languages.items():
            if load_targets(run):  # a model of several directions, whose config may name any two
                continue
            other = known[::-1]
            if named is not None and same_languages(named, other) and not same_languages(named, known):
                raise UsageError(
                    f"{source} is {named[0]} by its name, and {run} translates from {named[1]} to {named[0]}",
                    hint="--src is what is translated, --ref its reference: change their places.",
                )
    found = [files_as_test_set(source, reference, to) for source, reference in zip(sources, references, strict=True)]
    if names and not runs:
        raise UsageError("--test-set needs a run, which says the languages", hint="or give --src and --ref")
    for name in names:
        run = next(iter(languages), runs[0])
        targets = load_targets(run)
        if to is None and len(targets) > 1:
            raise UsageError(
                f"translates into {', '.join(targets)}, and nothing says into which",
                where=str(run),
                hint=f"Give --to {targets[0]}.",
            )
        target = to or (targets or load_languages(run)[1:])[0]
        found.append(sacrebleu_test_set(name, _source_of(name, load_sources(run), target), target))
    if len({text.name for text in found}) < len(found):
        raise UsageError("two test sets have the same name", hint="translations are kept by name: rename one")
    return found


def _source_of(name: str, sources: Sequence[str], target: str) -> str:
    """The language of a model's from which a test set of sacreBLEU's has translations; the first if none."""
    from sacrebleu.dataset import DATASETS

    pairs = DATASETS[name].langpairs if name in DATASETS else ()
    return next((source for source in sources if f"{source}-{target}" in pairs), sources[0])


def check_languages(run: Path, text: TestSet) -> None:
    """Refuse to have a model translate text of other languages than it knows, as far as these are known.

    Raises:
        UsageError: The text is of others.
    """
    if text.source is None or text.target is None:
        return
    sources, targets = load_sources(run), load_targets(run) or [load_languages(run)[1]]
    if text.source not in sources or text.target not in targets:
        known = f"translates from {', '.join(sources)} to {', '.join(targets)}"
        raise UsageError(f"{known}; {text.name} is from {text.source} to {text.target}", where=str(run))
