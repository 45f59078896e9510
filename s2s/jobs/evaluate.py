"""`s2s evaluate`: translate test sets with trained models and score the result."""

import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from s2s.config.load import load_config
from s2s.console import say
from s2s.corpus.pairs import open_pairs, tag_of
from s2s.corpus.text import read_lines
from s2s.decoding.bundle import Bundle, find_bundle, load_targets
from s2s.decoding.forced import forced_log_probabilities
from s2s.decoding.search import SearchOptions
from s2s.decoding.translator import Translator, count_notes
from s2s.errors import CannotCreateError, DataError, InputMissingError, OutputError, S2SError, UsageError
from s2s.run_folder import RunFolder, write_atomic
from s2s.scoring.metrics import Score, bleu, corpus_scores


@dataclass(frozen=True)
class TestSet:
    """Sentences to translate, with their references."""

    __test__ = False  # not a test, whatever its name says to pytest

    name: str
    sources: list[str]
    references: list[str]
    target: str | None = None  # its language, if it is not the model's

    def by_target(self, targets: Sequence[str]) -> "list[TestSet]":
        """One for each language into which a model of several translates, by the tags of the sources; or itself."""
        parts = []
        for target in targets:
            rows = [row for row, source in enumerate(self.sources) if source.startswith(f"{tag_of(target)} ")]
            if rows:
                sources, references = ([side[row] for row in rows] for side in (self.sources, self.references))
                parts.append(TestSet(f"{self.name}-{target}", sources, references, target))
        return parts or [self]


@dataclass(frozen=True)
class Evaluation:
    """How well a model translates a test set.

    Attributes:
        run: The run folder or model folder.
        test_set: Name of the test set.
        n_sentences: Its sentences.
        scores: BLEU, chrF2 and TER.
        nll: Mean negative log-likelihood of the references, nats per piece, end symbols included.
        ppl: Perplexity, e to the power of `nll`; per piece, so only models with one vocabulary compare by it.
        beam: Beam of the search.
        length_penalty: α of the search.
        precision: In what type the search computed: float32, bfloat16 or int8.
        seconds: Time the search took.
        notes: Lines that were empty, translated in parts, or ended by the length limit.
    """

    run: str
    test_set: str
    n_sentences: int
    scores: list[Score]
    nll: float
    ppl: float
    beam: int
    length_penalty: float
    precision: str
    seconds: float
    notes: dict[str, int]

    def score(self, name: str) -> float:
        """A score's value by its name."""
        return next(score.value for score in self.scores if score.name == name)


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
        to: Their language, for a model that translates into several.

    Raises:
        DataError: If they do not have the same number of lines.
    """
    if source.name in ("test", "valid"):
        raise UsageError(f"a file named {source.name} would be taken for the run's split", hint="rename it")
    sources, references = list(read_lines(source)), list(read_lines(reference))
    if len(sources) != len(references):
        raise DataError(f"{source} has {len(sources):,} lines, {reference} {len(references):,}")
    if to is not None:
        sources = [f"{tag_of(to)} {line}" if line.strip() else line for line in sources]
    return TestSet(source.name, sources, references, to)


def tasks(runs: Sequence[Path], splits: Sequence[str], files: Sequence[TestSet]) -> list[tuple[Path, TestSet]]:
    """What to evaluate: each run on the splits of its config and on the files.

    Raises:
        S2SError: If a run or a split is not there. Where others are, it is said and left out instead.
    """
    found: list[tuple[Path, TestSet]] = []
    missing: list[S2SError] = []
    for run in runs:
        try:
            find_bundle(run)
        except InputMissingError as error:
            missing.append(error)
            continue
        found += [(run, test_set) for test_set in files]
        for split in splits:
            try:
                found += [(run, part) for part in split_of_run(run, split).by_target(load_targets(run))]
            except (UsageError, InputMissingError) as error:
                missing.append(error)
    if missing and not found:
        raise missing[0]
    for left_out in missing:
        say(f"left out: {left_out}")
    return found


def evaluate(
    run: str | Path,
    test_set: TestSet | None = None,
    *,
    split: str = "test",
    beam: int | None = None,
    length_penalty: float | None = None,
    device: str = "auto",
    int8: bool = False,
) -> Evaluation:
    """Translate a test set and score it; translations and scores are kept in the run's `eval` folder.

    Args:
        run: A run folder, or the `model` folder of one (then nothing is kept).
        test_set: What to translate; none for a split of the run's config.
        split: `test` or `valid`.
        beam: None for the model's default.
        length_penalty: None for the model's default.
        device: `auto`, `cpu`, `cuda`, …
        int8: Whether to translate with linear maps in 8 bits; NLL is that of the model as it is.
    """
    run = Path(run)
    test_set = test_set if test_set is not None else split_of_run(run, split)
    translator = Translator.load(run, device, int8=int8)
    evaluation, hypotheses = evaluate_with(
        translator, test_set, translator.options(beam=beam, length_penalty=length_penalty), name=str(run)
    )
    if find_bundle(run).parent == run:
        try:
            keep(evaluation, hypotheses, RunFolder(run))
        except (CannotCreateError, OutputError) as error:  # a run of somebody else's, say: the scores are there
            say(f"warning: translations and scores are not kept: {error}")
    return evaluation


def evaluate_with(
    translator: Translator,
    test_set: TestSet,
    options: SearchOptions,
    *,
    name: str,
    check_stop: Callable[[], None] = lambda: None,
) -> tuple[Evaluation, list[str]]:
    """Evaluate a loaded model; returns the translations too. `check_stop` may raise between batches."""
    began = time.perf_counter()
    translations = translator.translate_lines(test_set.sources, options, check_stop)
    seconds = time.perf_counter() - began
    hypotheses = [translation.text for translation in translations]
    scores = corpus_scores(hypotheses, test_set.references, test_set.target or translator.bundle.target)
    nll = _nll(translator, test_set)
    return (
        Evaluation(
            run=name,
            test_set=test_set.name,
            n_sentences=len(hypotheses),
            scores=scores,
            nll=nll,
            ppl=math.exp(min(nll, 700.0)),
            beam=options.beam,
            length_penalty=options.length_penalty,
            precision=translator.precision,
            seconds=seconds,
            notes=count_notes(translations),
        ),
        hypotheses,
    )


def mean_bleu(hypotheses: Sequence[str], test_set: TestSet, bundle: Bundle) -> Score:
    """BLEU; of a model with several target languages the mean of theirs, each with its own tokenisation."""
    parts = test_set.by_target(bundle.targets)
    if len(parts) == 1:
        return bleu(hypotheses, test_set.references, parts[0].target or bundle.target)
    of_source: dict[str, list[str]] = {part.name: [] for part in parts}
    for source, hypothesis in zip(test_set.sources, hypotheses, strict=True):
        target = next((target for target in bundle.targets if source.startswith(f"{tag_of(target)} ")), None)
        if target is not None:
            of_source[f"{test_set.name}-{target}"].append(hypothesis)
    scores = [bleu(of_source[part.name], part.references, part.target or bundle.target) for part in parts]
    value = sum(score.value for score in scores) / len(scores)
    return Score("BLEU", value, f"mean of {len(scores)} languages: {scores[0].signature}")


def _nll(translator: Translator, test_set: TestSet) -> float:
    """Mean NLL of the references, over the pairs that have both sides."""
    vocabularies = translator.bundle.vocabularies
    sources = vocabularies.src.encode_all(test_set.sources)
    targets = vocabularies.tgt.encode_all(test_set.references)
    pairs = [(source, target) for source, target in zip(sources, targets, strict=True) if source and target]
    n_pieces = sum(len(target) + 1 for _, target in pairs)
    found = forced_log_probabilities(translator.bundle.transformer, pairs, autocast=translator.autocast)
    return -sum(found) / max(1, n_pieces)


def keep(evaluation: Evaluation, hypotheses: Sequence[str], run: RunFolder) -> Path:
    """Store translations and scores in the run's `eval` folder; returns the folder."""
    with run.writing(run.eval / evaluation.test_set) as folder:
        folder.mkdir(exist_ok=True)
        (folder / "scores.json").unlink(missing_ok=True)  # which are not those of the new translations
        write_atomic(folder / "hypotheses.txt", "".join(f"{line}\n" for line in hypotheses))
        write_atomic(folder / "scores.json", json.dumps(asdict(evaluation), indent=2, ensure_ascii=False) + "\n")
    return folder


def table(evaluations: Sequence[Evaluation]) -> str:
    """Evaluations as a table for people, with the signatures below it."""
    header = ["run", "test set", "sentences", "BLEU", "chrF2", "TER", "ppl", "beam", "precision"]
    rows = [
        [
            evaluation.run,
            evaluation.test_set,
            f"{evaluation.n_sentences:,}",
            *(f"{evaluation.score(name):.2f}" for name in ("BLEU", "chrF2", "TER")),
            f"{evaluation.ppl:.3f}",
            str(evaluation.beam),
            evaluation.precision,
        ]
        for evaluation in evaluations
    ]
    widths = [max(len(row[column]) for row in [header, *rows]) for column in range(len(header))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in [header, *rows]
    ]
    signatures = dict.fromkeys(
        f"{score.name}: {score.signature}" for evaluation in evaluations for score in evaluation.scores
    )
    return "\n".join([*lines, "", *signatures])


def as_json(evaluations: Sequence[Evaluation]) -> str:
    """Evaluations as a JSON list."""
    records: list[dict[str, Any]] = [asdict(evaluation) for evaluation in evaluations]
    return json.dumps(records, indent=2, ensure_ascii=False)


def tell_notes(evaluation: Evaluation) -> None:
    """Say on stderr what the scores do not show."""
    texts = {
        "empty": "have no text: their translation is empty",
        "in_parts": "are longer than any in training: translated in parts",
        "cut": "ended by the length limit",
    }
    for note, text in texts.items():
        if evaluation.notes.get(note):
            share = f"{evaluation.notes[note]:,} of {evaluation.n_sentences:,} sentences"
            say(f"note: {evaluation.test_set}: {share} {text}")
