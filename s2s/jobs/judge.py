"""`s2s evaluate`, the whole of it: runs and files of translations on test sets, side by side."""

import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from s2s.config.load import load_config
from s2s.console import Progress, say
from s2s.corpus.pairs import tag_of, tags_in
from s2s.decoding.bundle import find_bundle, load_languages, load_targets
from s2s.decoding.hub import PREFIX
from s2s.errors import CannotCreateError, InputMissingError, S2SError, UsageError
from s2s.jobs.evaluate import Evaluated, cells, evaluate_file, evaluate_run, signatures, tell_notes
from s2s.jobs.test_sets import TestSet, check_languages, is_model, split_of_run
from s2s.jobs.tokenize import open_split
from s2s.report.judgement import Judgement, judge
from s2s.report.judgement_page import judgement_page
from s2s.run_folder import RunFolder, existing_folder, write_atomic
from s2s.scoring.metrics import bleu_tokenizer, words_of

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
        systems: Run folders, models in a folder or a file, and files of translations.
        splits: `test`, `valid`.
        test_sets: Other text.
        target: Target language, if there is no run to say it.
        beam: None for each model's default.
        length_penalty: The same.
        device: `auto`, `cpu`, `cuda`, …
        int8: Whether to translate with linear maps in 8 bits.

    Raises:
        InputMissingError: A path is not there, or nothing can be evaluated.
        S2SError: A run has no model or no such split. Where others have, it is said and left out instead.
        UsageError: If files are given, and it is not clear of which text they are translations; if a model is to
            translate text of other languages than it knows.
    """
    systems, splits = list(dict.fromkeys(systems)), list(dict.fromkeys(splits))
    for system in systems:
        if not existing_folder(system).exists() and not str(system).startswith(PREFIX):
            raise InputMissingError("is neither a run nor a file of translations", where=str(system))
    missing: list[S2SError] = []
    tasks: list[tuple[Path, TestSet]] = []
    usable: list[Path] = []
    for run in [system for system in systems if is_model(system)]:
        try:
            find_bundle(run)
        except InputMissingError as error:
            missing.append(error)
            continue
        usable.append(run)
        for text in test_sets:
            check_languages(run, text)
            parts = _parts_for(run, text)
            _refuse_untold(run, parts[0])
            tasks += [(run, part) for part in parts]
        for split in splits:
            try:
                parts = split_of_run(run, split).by_target(load_targets(run))
                if target is not None and any(part.target for part in parts):
                    parts = [part for part in parts if part.target == target]
                    if not parts:
                        raise UsageError(f"the {split} split has nothing that is to be {target}", where=str(run))
                tasks += [(run, part) for part in parts]
            except (UsageError, InputMissingError) as error:
                missing.append(error)
    if missing and not tasks and not test_sets:
        raise missing[0]
    files = [system for system in systems if not is_model(system)]
    of_files, language = _text_of_files(files, [test_set for _, test_set in tasks], test_sets, target, usable)
    if missing and not tasks and not of_files:
        raise missing[0]
    _refuse_two_languages(tasks, [(path, text) for path in files for text in of_files], target, language)
    for left_out in missing:
        say(f"left out: {left_out}")
    # files first: one that does not fit is told before hours of translating
    found = [evaluate_file(path, test_set, language) for path in files for test_set in of_files]
    for run, test_set in tasks:
        found.append(evaluate_run(run, test_set, beam=beam, length_penalty=length_penalty, device=device, int8=int8))
        tell_notes(found[-1].evaluation)
    return sorted(found, key=lambda one: systems.index(one.path))


def _parts_for(run: Path, text: TestSet) -> list[TestSet]:
    """A text as a model translates it: by language, if it knows several; of those only the one that is asked for."""
    targets = load_targets(run)
    if text.target is None or not targets:
        return text.by_target(targets)
    tags = tuple(f"{tag_of(target)} " for target in targets)
    if not any(source.startswith(tags) for source in text.sources):
        return [replace(text, name=f"{text.name}-{text.target}")]
    parts = [part for part in replace(text, target=None).by_target(targets) if part.target == text.target]
    if not parts:
        raise UsageError(f"{text.name} has nothing that is to be {text.target}, by its tags", where=str(run))
    return parts


def _refuse_untold(run: Path, text: TestSet) -> None:
    """Raise UsageError if a model of several languages would not know into which to translate a text."""
    targets = load_targets(run)
    if targets and text.target is None:
        raise UsageError(
            f"translates into {', '.join(targets)}, and nothing says into which",
            where=str(run),
            hint=f"Give --to {targets[0]}, or begin each line of {text.name} with {tag_of(targets[0])}.",
        )


def _refuse_two_languages(
    of_runs: Sequence[tuple[Path, TestSet]], of_files: Sequence[tuple[Path, TestSet]], target: str | None, language: str
) -> None:
    """Raise UsageError if one text would be scored with two tokenisations, or a run does not know the language."""
    tokenizers: dict[tuple[str, ...], dict[str, Path]] = {}
    for run, text in of_runs:
        known = load_targets(run) or [load_languages(run)[1]]
        if target is not None and target not in known:
            raise UsageError(f"--to {target}: the model translates into {', '.join(known)}", where=str(run))
        of_text = tokenizers.setdefault((*text.sources, *text.references), {})
        of_text.setdefault(bleu_tokenizer(text.target or known[0]), run)
    for path, text in of_files:
        tokenizers.setdefault((*text.sources, *text.references), {}).setdefault(bleu_tokenizer(language), path)
    for found in tokenizers.values():
        if len(found) > 1:
            listing = ", ".join(f"{path} by {name}" for name, path in found.items())
            raise UsageError(
                f"BLEU would be counted in two ways, which cannot be compared: {listing}",
                hint="The name of the target language decides: evaluate them apart.",
            )


def judge_all(found: Sequence[Evaluated], *, with_training: bool) -> list[Judgement]:
    """A judgement of all systems that were evaluated on the same text, for each text.

    Args:
        found: Evaluations.
        with_training: Whether to count the words of the training text, where it is still there.
    """
    groups: dict[tuple[str, str], list[Evaluated]] = {}
    for one in found:
        text = one.test_set
        groups.setdefault(("\n".join(text.sources), "\n".join(text.references)), []).append(one)
    for name in dict.fromkeys(one.test_set.name for one in found):
        others = [key for key in groups if any(one.test_set.name == name for one in groups[key])]
        if len(others) > 1:
            runs = "; ".join(", ".join(one.evaluation.run for one in groups[key]) for key in others)
            note = f"note: {name} is not the same text in {runs}: do not compare their scores."
            say(f"{note} --src and --ref give one to all")
    judgements = []
    counted: dict[tuple[Path, str], Counter[str] | None] = {}
    for group in groups.values():
        text = group[0].test_set
        training = _training_words(group, counted) if with_training else None
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


def as_markdown(found: Sequence[Evaluated], judgements: Sequence[Judgement]) -> str:
    """The table of scores, what is significant and what is flagged, and signatures, in Markdown."""
    header, *rows = cells([one.evaluation for one in found])
    lines = [_row(header), _row(["---"] * 3 + ["---:"] * (len(header) - 3))]
    lines += [_row(row) for row in rows]
    texts = [f"{judgement.name}: {line}" for judgement in judgements for line in judgement.text().split("\n") if line]
    notes = signatures([one.evaluation for one in found])
    return "\n".join([*lines, "", *(f"- {_escaped(text)}" for text in texts), "", *(f"- `{note}`" for note in notes)])


def write(path: Path, found: Sequence[Evaluated], judgements: Sequence[Judgement]) -> None:
    """Write all of it to a file, in the form that its ending says: .html, .md, .tsv or .json.

    Raises:
        UsageError: It has another ending.
        CannotCreateError, OutputError: It cannot be written.
    """
    forms: dict[str, Callable[[], str]] = {
        ".html": lambda: judgement_page(judgements),
        ".md": lambda: as_markdown(found, judgements) + "\n",
        ".tsv": lambda: as_tsv(judgements) + "\n",
        ".json": lambda: as_json(found, judgements) + "\n",
    }
    write_atomic(path, forms[form_of(path)]())


def form_of(path: Path) -> str:
    """The ending of a file to write.

    Raises:
        UsageError: It is none of those that are known.
        CannotCreateError: Its folder is not there.
    """
    if path.suffix not in (".html", ".md", ".tsv", ".json"):
        raise UsageError(f"{path}: an evaluation is written as .html, .md, .tsv or .json")
    if not path.absolute().parent.is_dir():
        raise CannotCreateError("there is no such folder", where=str(path.parent))
    return path.suffix


def _row(row: Sequence[str]) -> str:
    return f"| {' | '.join(map(_escaped, row))} |"


def _escaped(text: str) -> str:
    return " ".join(re.sub(r"([\\|*_<>`\[\]])", r"\\\1", text).split())


def _text_of_files(
    files: Sequence[Path],
    of_runs: Sequence[TestSet],
    given: Sequence[TestSet],
    target: str | None,
    runs: Sequence[Path],
) -> tuple[list[TestSet], str]:
    """Of which text files are translations, and their language, which the first of the runs says if nothing else."""
    if not files:
        return [], ""
    different = {(*text.sources, *text.references): text for text in of_runs or given}
    if not different:
        raise UsageError("translations need the text that they are of", hint="use --src and --ref, or name a run too")
    if len(different) > 1:
        names = ", ".join(text.name for text in different.values())
        raise UsageError(f"{files[0]} cannot be a translation of several texts: {names}", hint="evaluate one at a time")
    [text] = different.values()
    language = text.target or target or (load_languages(runs[0])[1] if runs else None)
    if language is None:
        raise UsageError("the language of the translations is not known", hint="say it with --to, as --to de")
    return [text], language


def _training_words(
    group: Sequence[Evaluated], counted: dict[tuple[Path, str], Counter[str] | None]
) -> Counter[str] | None:
    """How often each word was in the target side of the first run's training text that is still there.

    Args:
        group: What was evaluated.
        counted: What is known by run and language, and will be.
    """
    for one in group:
        key = (one.path, one.target)
        if key not in counted:
            counted[key] = _words_of_run(*key)
        if counted[key] is not None:
            return counted[key]
    return None


def _words_of_run(run: Path, target: str) -> Counter[str] | None:
    resolved = RunFolder(run).resolved
    if not resolved.is_file():
        return None
    try:
        config = load_config(resolved)
        pairs = open_split(config, config.data.train)
        mark = f"{tag_of(target)} " if tags_in(config.data.train) else ""  # of several targets, only this one's text
        n_pairs = sum(1 for _ in pairs)
        counted: Counter[str] = Counter()
        waiting: list[str] = []
        progress = Progress("training words")
        for number, pair in enumerate(pairs):
            if pair.src.startswith(mark):
                waiting.append(pair.tgt)
            if len(waiting) == _AT_ONCE:
                counted.update(word for words in words_of(waiting, target) for word in words)
                waiting.clear()
                progress.show(number / n_pairs, f"{number:,} of {n_pairs:,} pairs")
        counted.update(word for words in words_of(waiting, target) for word in words)
        progress.close()
    except S2SError as error:
        say(f"rare words are not told: the training text of {run} cannot be read: {error}")
        return None
    return counted
