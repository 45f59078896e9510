"""`s2s evaluate`, the whole of it: runs and files of translations on test sets, side by side."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from s2s.config.load import load_config
from s2s.console import Progress, say
from s2s.corpus.pairs import open_pairs
from s2s.decoding.bundle import find_bundle, load_languages, load_targets
from s2s.errors import InputMissingError, S2SError, UsageError
from s2s.jobs.evaluate import Evaluated, evaluate_file, evaluate_run, tell_notes
from s2s.jobs.test_sets import TestSet, split_of_run
from s2s.report.judgement import Judgement, judge
from s2s.run_folder import RunFolder
from s2s.scoring.metrics import words_of

MAX_TRAINING_PAIRS = 1_000_000
"""Of more training pairs so many, evenly spread, say how frequent a word is."""

_AT_ONCE = 10_000


def evaluate_all(
    systems: Sequence[Path],
    splits: Sequence[str],
    test_sets: Sequence[TestSet],
    *,
    target: str | None = None,
    beam: int | None = None,
    length_penalty: float | None = None,
    device: str = "auto",
    int8: bool = False,
) -> list[Evaluated]:
    """Evaluate each run on the splits of its config and on the test sets, and files of translations on the same text.

    Args:
        systems: Run folders, model folders, and files of translations.
        splits: `test`, `valid`.
        test_sets: Other text.
        target: Target language, if there is no run to say it.
        beam: None for each model's default.
        length_penalty: The same.
        device: `auto`, `cpu`, `cuda`, …
        int8: Whether to translate with linear maps in 8 bits.

    Raises:
        S2SError: If a run or a split is not there. Where others are, it is said and left out instead.
        UsageError: If files are given, and it is not clear of which text they are translations.
    """
    missing: list[S2SError] = []
    tasks: list[tuple[Path, TestSet]] = []
    for run in [system for system in systems if not system.is_file()]:
        try:
            find_bundle(run)
        except InputMissingError as error:
            missing.append(error)
            continue
        tasks += [(run, test_set) for test_set in test_sets]
        for split in splits:
            try:
                tasks += [(run, part) for part in split_of_run(run, split).by_target(load_targets(run))]
            except (UsageError, InputMissingError) as error:
                missing.append(error)
    files = [system for system in systems if system.is_file()]
    of_files, language = _text_of_files(files, [test_set for _, test_set in tasks], test_sets, target, systems)
    if missing and not tasks and not of_files:
        raise missing[0]
    for left_out in missing:
        say(f"left out: {left_out}")
    # files first: one that does not fit is told before hours of translating
    found = [evaluate_file(path, test_set, language) for path in files for test_set in of_files]
    for run, test_set in tasks:
        found.append(evaluate_run(run, test_set, beam=beam, length_penalty=length_penalty, device=device, int8=int8))
        tell_notes(found[-1].evaluation)
    order = {str(system): number for number, system in enumerate(systems)}
    return sorted(found, key=lambda one: order[one.evaluation.run])


def judge_all(found: Sequence[Evaluated], *, with_training: bool) -> list[Judgement]:
    """A judgement of all systems that were evaluated on the same text, for each text.

    Args:
        found: Evaluations.
        with_training: Whether to count the words of the training text, where it is still there.
    """
    groups: dict[tuple[str, str, str], list[Evaluated]] = {}
    for one in found:
        text = one.test_set
        key = (text.name, "\n".join(text.sources), "\n".join(text.references))
        groups.setdefault(key, []).append(one)
    judgements = []
    for group in groups.values():
        text = group[0].test_set
        training = _training_words(group) if with_training else None
        systems = [(one.evaluation.run, one.hypotheses, one.measured) for one in group]
        judgements.append(judge(text.name, text.sources, text.references, systems, group[0].target, training))
    return judgements


def as_json(found: Sequence[Evaluated], judgements: Sequence[Judgement]) -> str:
    """All of it as a JSON object."""
    content = {
        "evaluations": [asdict(one.evaluation) for one in found],
        "judgements": [judgement.as_dict() for judgement in judgements],
    }
    return json.dumps(content, indent=2, ensure_ascii=False)


def as_tsv(judgements: Sequence[Judgement]) -> str:
    """All scores, a line each, with a header."""
    header = ["test_set", "system", "metric", "score", "mean", "half_width", "p_against_first", "signature"]
    rows = [header, *(row for judgement in judgements for row in judgement.tsv())]
    return "\n".join("\t".join(" ".join(cell.split()) for cell in row) for row in rows)


def _text_of_files(
    files: Sequence[Path],
    of_runs: Sequence[TestSet],
    given: Sequence[TestSet],
    target: str | None,
    systems: Sequence[Path],
) -> tuple[list[TestSet], str]:
    """Of which text files are translations, and their language."""
    if not files:
        return [], ""
    different = {(text.name, *text.sources): text for text in (*given, *of_runs)}
    if not different:
        raise UsageError("translations need the text that they are of", hint="use --src and --ref, or name a run too")
    if len(different) > 1:
        names = ", ".join(text.name for text in different.values())
        raise UsageError(f"{files[0]} cannot be a translation of several texts: {names}", hint="evaluate one at a time")
    [text] = different.values()
    runs = [system for system in systems if not system.is_file()]
    language = text.target or target or (load_languages(runs[0])[1] if runs else None)
    if language is None:
        raise UsageError("the language of the translations is not known", hint="say it with --to, as --to de")
    return [text], language


def _training_words(group: Sequence[Evaluated]) -> Counter[str] | None:
    """How often each word was in the target side of the first run's training text that is still there."""
    for one in group:
        resolved = RunFolder(Path(one.evaluation.run)).resolved
        if not resolved.is_file():
            continue
        config = load_config(resolved)
        data = config.data
        try:
            pairs = open_pairs(
                data.train,
                source=data.source,
                target=data.target,
                source_column=data.source_column,
                target_column=data.target_column,
            )
            n_pairs = sum(1 for _ in pairs)
            every = -(-n_pairs // MAX_TRAINING_PAIRS)
            if every > 1:
                say(f"rare words: by each {every}. of the {n_pairs:,} training pairs of {one.evaluation.run}")
            counted: Counter[str] = Counter()
            waiting: list[str] = []
            progress = Progress("training words")
            for number, pair in enumerate(pairs):
                if number % every == 0:
                    waiting.append(pair.tgt)
                if len(waiting) == _AT_ONCE:
                    counted.update(word for words in words_of(waiting, one.target) for word in words)
                    waiting.clear()
                    progress.show(number / n_pairs, f"{number:,} of {n_pairs:,} pairs")
            counted.update(word for words in words_of(waiting, one.target) for word in words)
            progress.close()
        except S2SError as error:
            say(f"rare words are not told: the training text of {one.evaluation.run} cannot be read: {error}")
            continue
        return counted
    return None
