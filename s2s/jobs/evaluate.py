"""`s2s evaluate`: translate test sets with trained models and score the result."""

import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from s2s.console import say
from s2s.corpus.pairs import tag_of
from s2s.corpus.text import read_lines
from s2s.decoding.bundle import Bundle, find_bundle, load_targets
from s2s.decoding.forced import forced_log_probabilities
from s2s.decoding.search import SearchOptions
from s2s.decoding.translation import count_notes
from s2s.decoding.translator import Translator
from s2s.errors import CannotCreateError, DataError, OutputError, UsageError
from s2s.jobs.known_text import known_notes
from s2s.jobs.test_sets import TestSet, split_of_run
from s2s.run_folder import RunFolder, write_atomic
from s2s.scoring.measured import N_SAMPLES, SEED, Measured, measure
from s2s.scoring.metrics import Score, bleu


@dataclass(frozen=True)
class Evaluation:
    """How well a model translates a test set.

    Attributes:
        run: The run folder or model, or a file of translations.
        test_set: Name of the test set.
        n_sentences: Its sentences.
        scores: BLEU, chrF2 and TER, with their intervals.
        nll: Mean negative log-likelihood of the references, nats per piece, end symbols included. This and what follows
            is none of translations that were given in a file.
        ppl: Perplexity, e to the power of `nll`; per piece, so only models with one vocabulary compare by it.
        beam: Beam of the search.
        length_penalty: α of the search.
        precision: In what type the search computed: float32, bfloat16 or int8.
        seconds: Time the search took.
        update: After which update of its training the model is; none if it does not say.
        notes: Lines that were empty, translated in parts, or ended by the length limit; of a run those whose source, or
            source and reference, are in its training text.
    """

    run: str
    test_set: str
    n_sentences: int
    scores: list[Score]
    nll: float | None = None
    ppl: float | None = None
    beam: int | None = None
    length_penalty: float | None = None
    precision: str | None = None
    seconds: float | None = None
    update: int | None = None
    notes: dict[str, int] = field(default_factory=dict)

    def score(self, name: str) -> float:
        """A score's value by its name."""
        return next(score.value for score in self.scores if score.name == name)


@dataclass(frozen=True)
class Evaluated:
    """An evaluation with what it comes from.

    Attributes:
        path: The run folder, model folder or file.
        evaluation: The scores.
        test_set: What was translated.
        target: Target language.
        hypotheses: The translations.
        measured: The scores with what they are made of.
    """

    path: Path
    evaluation: Evaluation
    test_set: TestSet
    target: str
    hypotheses: list[str]
    measured: list[Measured]


def evaluate(
    run: str | Path,
    test_set: TestSet | None = None,
    *,
    split: str = "test",
    to: str | None = None,
    beam: int | None = None,
    length_penalty: float | None = None,
    device: str = "auto",
    int8: bool = False,
) -> Evaluation:
    """Translate a test set and score it; translations and scores are kept in the run's `eval` folder.

    Args:
        run: A run folder, or a model in a folder or a file (then nothing is kept).
        test_set: What to translate; none for a split of the run's config.
        split: `test` or `valid`.
        to: Language into which the text is, or of text into several that which is scored: each has its tokenisation.
        beam: None for the model's default.
        length_penalty: None for the model's default.
        device: `auto`, `cpu`, `cuda`, …
        int8: Whether to translate with linear maps in 8 bits; NLL is that of the model as it is.

    Raises:
        UsageError: The text is into several languages, or into others than `to`.
    """
    run = Path(run)
    test_set = test_set if test_set is not None else split_of_run(run, split)
    tagged = {part.target: part for part in test_set.by_target(load_targets(run)) if part is not test_set}
    if to not in tagged and (len(tagged) > 1 or (tagged and to is not None)):
        there = ", ".join(map(str, tagged))
        raise UsageError(f"{test_set.name} is into {there}", where=str(run), hint="Say which is scored: to=…")
    if tagged:
        test_set = tagged[to] if to in tagged else next(iter(tagged.values()))
    elif to is not None:
        test_set = replace(test_set, target=to)
    return evaluate_run(run, test_set, beam=beam, length_penalty=length_penalty, device=device, int8=int8).evaluation


def evaluate_run(
    run: Path,
    test_set: TestSet,
    *,
    beam: int | None = None,
    length_penalty: float | None = None,
    device: str = "auto",
    int8: bool = False,
) -> Evaluated:
    """As `evaluate`, with the translations and what the scores are made of."""
    translator = Translator.load(run, device, int8=int8)
    options = translator.options(beam=beam, length_penalty=length_penalty)
    evaluated = evaluate_with(translator, test_set, options, run=run)
    found = find_bundle(run)
    if found.parent == run and found != run:  # the parent of `.` is `.`
        try:
            keep(evaluated.evaluation, evaluated.hypotheses, RunFolder(run))
        except (CannotCreateError, OutputError) as error:  # a run of somebody else's, say: the scores are there
            say(f"warning: translations and scores are not kept: {error}")
    return evaluated


def evaluate_file(path: Path, test_set: TestSet, target: str) -> Evaluated:
    """Score translations that a file has, a line each.

    Args:
        path: The file.
        test_set: What was translated.
        target: Target language.

    Raises:
        DataError: If there are not as many lines as sentences.
    """
    hypotheses = list(read_lines(path))
    if len(hypotheses) != len(test_set.references):
        raise DataError(
            f"has {len(hypotheses):,} lines, the test set {test_set.name} {len(test_set.references):,} sentences",
            where=str(path),
        )
    measured = measure(hypotheses, test_set.references, target)
    scores = [one.score for one in measured]
    evaluation = Evaluation(_printable(path), test_set.name, len(hypotheses), scores)
    return Evaluated(path, evaluation, test_set, target, hypotheses, measured)


def evaluate_with(
    translator: Translator,
    test_set: TestSet,
    options: SearchOptions,
    *,
    run: Path,
    check_stop: Callable[[], None] = lambda: None,
) -> Evaluated:
    """Evaluate a loaded model. `check_stop` may raise between batches."""
    bundle = translator.bundle
    sources = translator.tagged(test_set.sources, test_set.target)
    began = time.perf_counter()
    translations = translator.translate_lines(sources, options, check_stop)
    seconds = time.perf_counter() - began
    hypotheses = [translation.text for translation in translations]
    language = test_set.target or bundle.target
    measured = measure(hypotheses, test_set.references, language)
    nll = _nll(translator, sources, test_set.references)
    evaluation = Evaluation(
        run=_printable(run),
        test_set=test_set.name,
        n_sentences=len(hypotheses),
        scores=[one.score for one in measured],
        nll=nll,
        ppl=math.exp(min(nll, 700.0)),
        beam=options.beam,
        length_penalty=options.length_penalty,
        precision=translator.precision,
        seconds=seconds,
        update=bundle.facts.get("step"),
        notes={**count_notes(translations), **known_notes(run, translator.bundle, sources, test_set.references)},
    )
    return Evaluated(run, evaluation, test_set, language, hypotheses, measured)


def mean_bleu(hypotheses: Sequence[str], test_set: TestSet, bundle: Bundle, length: float = 1.0) -> Score:
    """BLEU; of a model with several target languages the mean of theirs, each with its own tokenisation.

    `length` is that of `bleu`.
    """
    parts = test_set.by_target(bundle.targets)
    if parts[0] is test_set:
        return bleu(hypotheses, test_set.references, test_set.target or bundle.target, length)
    of_source: dict[str, list[str]] = {part.name: [] for part in parts}
    for source, hypothesis in zip(test_set.sources, hypotheses, strict=True):
        target = next((target for target in bundle.targets if source.startswith(f"{tag_of(target)} ")), None)
        if target is not None:
            of_source[f"{test_set.name}-{target}"].append(hypothesis)
    scores = [bleu(of_source[part.name], part.references, part.target or bundle.target, length) for part in parts]
    if len(scores) == 1:
        return scores[0]
    value = sum(score.value for score in scores) / len(scores)
    signatures = " + ".join(dict.fromkeys(score.signature for score in scores))
    return Score("BLEU", value, f"mean of {len(scores)} languages: {signatures}")


def _nll(translator: Translator, lines: Sequence[str], references: Sequence[str]) -> float:
    """Mean NLL of the references, over the pairs that have both sides."""
    vocabularies = translator.bundle.vocabularies
    sources = vocabularies.src.encode_all(lines)
    targets = vocabularies.tgt.encode_all(references)
    pairs = [(source, target) for source, target in zip(sources, targets, strict=True) if source and target]
    n_pieces = sum(len(target) + 1 for _, target in pairs)
    found = forced_log_probabilities(translator.bundle.transformer, pairs, autocast=translator.autocast)
    return -sum(found) / max(1, n_pieces)


def _printable(path: Path) -> str:
    """A path as text; what is not UTF-8 in it becomes `?`."""
    return str(path).encode("utf-8", "replace").decode()


def keep(evaluation: Evaluation, hypotheses: Sequence[str], run: RunFolder) -> Path:
    """Store translations and scores in the run's `eval` folder; returns the folder."""
    with run.writing(run.eval / evaluation.test_set) as folder:
        folder.mkdir(exist_ok=True)
        (folder / "scores.json").unlink(missing_ok=True)  # which are not those of the new translations
        write_atomic(folder / "hypotheses.txt", "".join(f"{line}\n" for line in hypotheses))
        write_atomic(folder / "scores.json", json.dumps(asdict(evaluation), indent=2, ensure_ascii=False) + "\n")
    return folder


def cells(evaluations: Sequence[Evaluation]) -> list[list[str]]:
    """Evaluations as rows for people, after a header."""
    return [
        ["system", "test set", "sentences", "BLEU", "chrF2", "TER", "ppl", "beam", "precision"],
        *(_cells(evaluation) for evaluation in evaluations),
    ]


def _cells(evaluation: Evaluation) -> list[str]:
    return [
        evaluation.run,
        evaluation.test_set,
        f"{evaluation.n_sentences:,}",
        *(f"{score.value:.2f} ±{score.half_width or 0:.2f}" for score in evaluation.scores),
        "" if evaluation.ppl is None else f"{evaluation.ppl:.3f}",
        str(evaluation.beam or ""),
        evaluation.precision or "",
    ]


def signatures(evaluations: Sequence[Evaluation]) -> list[str]:
    """What the figures of a table mean: intervals, and each score's signature."""
    half = f"±: half the 95 % interval of {N_SAMPLES:,} bootstrap samples (seed {SEED}), as by sacrebleu --confidence"
    found = (f"{score.name}: {score.signature}" for evaluation in evaluations for score in evaluation.scores)
    return [half, *dict.fromkeys(found)]


def table(evaluations: Sequence[Evaluation]) -> str:
    """Evaluations as a table for people, with the signatures below it."""
    rows = cells(evaluations)
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([*lines, "", *signatures(evaluations)])


def tell_notes(evaluation: Evaluation) -> None:
    """Say on stderr what the scores do not show."""
    texts = {
        "empty": "have no text: their translation is empty",
        "in_parts": "are longer than any in training: translated in parts",
        "cut": "ended by the length limit",
        "known_source": "have their source in the training text: scores are too good by them",
        "known_pair": "are in the training text, source and reference",
    }
    for note, text in texts.items():
        if evaluation.notes.get(note):
            share = f"{evaluation.notes[note]:,} of {evaluation.n_sentences:,} sentences"
            say(f"note: {evaluation.test_set}: {share} {text}")
