"""From parallel text to a training, a validation and a test set: looked at, cleaned, and with nothing shared."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from s2s.console import say
from s2s.corpus.columns import Wanted
from s2s.corpus.guess import UNKNOWN, in_direction, refuse_other_languages
from s2s.corpus.pairs import PairCorpus, open_specs, split_direction
from s2s.doctor.characters import CHARACTERS_AS_WORDS, UNSPACED_SCRIPTS
from s2s.doctor.examine import Examined, HeldOut
from s2s.doctor.faults import Fault
from s2s.doctor.heldout import BYTES_A_WORD, MAX_PAIRS, group, hold_out
from s2s.doctor.report import Report
from s2s.errors import CannotCreateError, DataError, UsageError
from s2s.jobs.check import as_json, check, languages_of
from s2s.run_folder import RunFolder, write_atomic, writing_to
from s2s.runtime import available_memory
from s2s.scoring.metrics import bleu_tokenizer

FEWEST_PAIRS = 100
"""From fewer nothing can be learnt and held out."""

_AT_ONCE = 2_048
_FEWEST_HELD_OUT = 10
_HELD_OUT = ("valid", "test")


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
        source_column: Column of the source in a table, if given.
        target_column: The same of the target.
    """

    corpus: list[str]
    valid: list[str]
    test: list[str]
    source: str | None = None
    target: str | None = None
    minutes: float | None = None
    clean: bool = True
    source_column: str | None = None
    target_column: str | None = None


@dataclass(frozen=True)
class SplitText:
    """Text that is ready to be trained on.

    Attributes:
        source: Source language.
        target: Target language.
        specs: Where `train`, `valid` and `test` are.
        n_pairs: How many each has.
        n_characters: Different characters of the training text.
    """

    source: str
    target: str
    specs: dict[str, str | list[str]]
    n_pairs: dict[str, int]
    n_characters: int


def split_text(
    run: RunFolder, wishes: Wishes, avoid: Sequence[HeldOut] = (), known: Sequence[HeldOut] = ()
) -> SplitText:
    """Look at the text, leave out what is bad, hold out what is missing, and write it to `data/` in a run folder.

    What was found is said, and kept in `data/report.json`.

    Args:
        run: Where it goes.
        wishes: The text, and what is wanted.
        avoid: Other validation and test text that the training text must not have.
        known: What a model was trained on before: none of it is held out.

    Raises:
        DataError: The text is not parallel, cannot be read, or is too little.
        UsageError: The languages that were given are not those of the text.
    """
    _refuse_directions(wishes)
    source, target = _languages(wishes)
    wished = {"train": wishes.corpus, "valid": wishes.valid, "test": wishes.test}
    refuse_other_languages(
        [*wishes.corpus, *wishes.valid, *wishes.test], (source, target) if wishes.source and wishes.target else None
    )
    given = {name: [in_direction(spec, source, target) for spec in specs] for name, specs in wished.items()}
    to_hold_out = [name for name in _HELD_OUT if not wished[name]]
    _refuse_to_write_over(run, _outputs(run, ["train", *to_hold_out], (source, target)).values())
    wanted = Wanted(source, target, wishes.source_column, wishes.target_column)
    corpora = {name: open_specs(specs, wanted) for name, specs in given.items() if specs}
    say(f"from {source} to {target}")
    if (source, target) == UNKNOWN:
        say("no language is named: --source and --target tell the model its languages, and BLEU how to count")
    reports = {report.name: _as_used(report, wishes) for report in check(corpora, others=avoid)}
    say("\n\n".join(report.text() for report in reports.values()))
    train = reports["train"].examined
    _refuse_unspaced(target, train.usual.sides[1].scripts, is_given=wishes.target is not None)
    for name, report in reports.items():
        may_be = _may_be_parallel(report.examined)
        if not report.examined.is_parallel and (wishes.clean or not may_be):
            hint = " If it is a list of words or names, whose lengths say nothing, take --keep-all." if may_be else ""
            raise DataError(
                "the two sides are not parallel, or not all is there",
                where=corpora[name].description,
                hint=f"See above; mend the text first.{hint}",
            )
    for name, report in reports.items():
        _refuse_turned(name, report.examined, corpora[name], wishes)
    parts = _parts(corpora["train"], train, wishes, to_hold_out, known)
    n_pairs = {name: int(mask.sum()) for name, mask in parts.items()}
    _refuse_few(n_pairs["train"])
    for corpus in corpora.values():
        corpus.refuse_to_lose(_outputs(run, parts, (source, target)).values())
    run.create()
    (run.path / "data").mkdir(exist_ok=True)
    write_atomic(_report_of(run), as_json(list(reports.values())) + "\n")
    specs, n_characters = _write(run, corpora["train"], parts, (source, target))
    for name in _HELD_OUT:
        if name in corpora:
            _tell_known(name, reports[name].examined, known)
            specs[name] = given[name][0] if len(given[name]) == 1 else given[name]
            n_pairs[name] = len(reports[name].examined.flags)
    return SplitText(source, target, specs, n_pairs, n_characters)


def _refuse_turned(name: str, examined: Examined, corpus: PairCorpus, wishes: Wishes) -> None:
    """Raise DataError if so many pairs are the other way round that nobody knows which way is meant."""
    n_swapped, n = examined.count(Fault.SWAPPED), len(examined.flags)
    if n_swapped * 5 > n and (wishes.clean or name != "train"):
        what = "of its pairs are" if name == "train" else "pairs are, beside the training text,"
        raise DataError(
            f"{n_swapped:,} of {n:,} {what} written the other way round: which way is meant is not known",
            where=corpus.description,
            hint="Turn them in the text, or leave them out (s2s check --clean writes what most pairs are); if both"
            " directions are meant, write a config that names them (docs/data.md).",
        )


def _may_be_parallel(examined: Examined) -> bool:
    """Whether all that speaks against it is that a smaller part of a text has lengths that do not go together."""
    return not examined.is_incomplete and all(
        stretch.lag is None and 2 * (stretch.last - stretch.first) < part.last - part.first
        for part in examined.parts
        for stretch in part.stretches
    )


def _as_used(report: Report, wishes: Wishes) -> Report:
    """A report that says what becomes of faulty pairs here."""
    if report.name != "train":
        return replace(report, n_kept=len(report.examined.flags), title="found, and left in:")
    if wishes.clean:
        return replace(report, title="left out:")
    n_kept = int(_readable(report.examined).sum())
    return replace(report, n_kept=n_kept, title="found, and left in where it can be trained on (--keep-all):")


def _report_of(run: RunFolder) -> Path:
    return run.path / "data" / "report.json"


def _refuse_to_write_over(run: RunFolder, paths: Iterable[Path]) -> None:
    """Raise CannotCreateError if there is a file that no call before has written."""
    there = next((path for path in paths if path.exists()), None)
    if there is not None and not _report_of(run).exists():
        raise CannotCreateError(
            "is there, and would be written over",
            where=str(there),
            hint="Take another name for the run, or move the file.",
        )


def _refuse_directions(wishes: Wishes) -> None:
    for spec in [*wishes.corpus, *wishes.valid, *wishes.test]:
        direction = split_direction(spec.strip())[0]
        if direction:
            raise UsageError(
                f"{spec}: directions are for a model of several languages, whose config you write (docs/data.md)",
                hint=f"If this is the only one, take --source {direction[0]} --target {direction[1]} instead.",
            )


def _refuse_unspaced(target: str, scripts: Sequence[str], *, is_given: bool) -> None:
    """Raise UsageError if BLEU would count words where there are none, by a name that nobody has given; else say so."""
    if scripts and scripts[0] in UNSPACED_SCRIPTS and bleu_tokenizer(target) == "13a":
        what = (
            f"the target text is {scripts[0]}, which has no spaces between words, and {target} is no code of a language"
            " written so: BLEU would be of no use"
        )
        if not is_given:
            raise UsageError(what, hint="Give --source and --target, as zh, ja, th, km, lo, my, bo.")
        say(f"warning: {what}; zh, ja, th, km, lo, my, bo are such")


def _languages(wishes: Wishes) -> tuple[str, str]:
    """The two languages: as given, else by the names of files and columns."""
    source, target = wishes.source, wishes.target
    for name in (source, target):
        if name is not None and not re.fullmatch(r"[\w-]{1,32}", name):
            raise UsageError(f"{name!r} is no name of a language", hint="A code such as en is usual.")
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


def _parts(
    corpus: PairCorpus, examined: Examined, wishes: Wishes, to_hold_out: list[str], known: Sequence[HeldOut]
) -> dict[str, npt.NDArray[np.bool_]]:
    """Which pairs go to training, validation and test."""
    kept = examined.is_kept if wishes.clean else _readable(examined)
    parts = {"train": kept}
    if not to_hold_out:
        return parts
    n = int(kept.sum())
    _refuse_few(n)
    n_each = min(2_000 if n >= 200_000 else 1_000, max(n // 20, _FEWEST_HELD_OUT))
    say("looking for pairs that say the same, to keep them on one side …")
    side = _side_with_words(examined)
    need = BYTES_A_WORD * int(examined.n_words_of[side or 0][kept].sum())
    if CHARACTERS_AS_WORDS & {*examined.usual.sides[side or 0].scripts}:
        need *= 2  # a character counts there as half a word
    room = available_memory()
    why_not = f"over {MAX_PAIRS:,} pairs" if n > MAX_PAIRS else ""
    if side is None:
        why_not = "neither side has spaces between words"
    if not why_not and room is not None and need > room:
        why_not = f"it would take {need / 2**30:.1f} GiB of memory, and {room / 2**30:.1f} GiB are available"
    groups = group(_blocks(corpus, kept), side=None if why_not else side)
    counts = {name: n_each if name in to_hold_out else 0 for name in _HELD_OUT}
    never = _is_known(examined, known)[kept] if known else None
    if never is not None and int((~never).sum()) < 2 * n_each:
        raise DataError(
            f"{int(never.sum()):,} of {n:,} pairs are in what the model was trained on before: too few can be held out",
            where=corpus.description,
            hint="Bring new text, or a validation and a test set of your own: --valid, --test.",
        )
    chosen = hold_out(groups, counts["valid"], counts["test"], never=never)
    for name, mask in (("train", chosen.train), ("valid", chosen.valid), ("test", chosen.test)):
        if name == "train" or name in to_hold_out:
            parts[name] = np.zeros(len(kept), dtype=np.bool_)
            parts[name][np.flatnonzero(kept)[mask]] = True
    held = " and ".join(f"{int(parts[name].sum()):,} pairs for {name}" for name in to_hold_out)
    what = "with the same source or target" if why_not else "that say nearly the same"
    say(f"held out {held}, drawn at random; {chosen.n_groups:,} groups of pairs {what} stay together")
    if why_not:
        say(f"{why_not}: pairs that differ by a word are not kept on one side")
    if any(parts[name].sum() < max(_FEWEST_HELD_OUT // 2, counts[name] // 2) for name in to_hold_out):
        raise DataError(
            "there are too few pairs that can be held out: nearly all say nearly the same as others",
            where=corpus.description,
            hint="Give a validation and a test set of your own: --valid, --test.",
        )
    return parts


def _side_with_words(examined: Examined) -> int | None:
    """The side whose words can be told apart, the source if both are such; None if neither is.

    Of Chinese and Japanese a character is taken for a word, which is better than nothing; there may be many names in
    Latin letters among them.
    """
    scripts = [side.scripts for side in examined.usual.sides]
    firsts = [names[:1] for names in scripts]
    for of_side, without in (
        (scripts, UNSPACED_SCRIPTS),
        (firsts, UNSPACED_SCRIPTS),
        (firsts, UNSPACED_SCRIPTS - CHARACTERS_AS_WORDS),
    ):
        for side in (0, 1):
            if not without & {*of_side[side]}:
                return side
    return None


def _refuse_few(n: int) -> None:
    if n < FEWEST_PAIRS:
        raise DataError(f"{n:,} pairs are left to train on; {FEWEST_PAIRS} are the least", hint="Find more text.")


def _readable(examined: Examined) -> npt.NDArray[np.bool_]:
    """Pairs that training would take, and may: not what is in a validation or test set."""
    not_these = Fault.NOT_UTF8 | Fault.EMPTY | Fault.IN_VALID | Fault.IN_TEST
    taken: npt.NDArray[np.bool_] = (examined.flags & np.uint32(not_these)) == 0
    return taken


def _is_known(examined: Examined, known: Sequence[HeldOut]) -> npt.NDArray[np.bool_]:
    result = np.zeros(len(examined.flags), dtype=np.bool_)
    for one in known:
        result |= one.holds(*examined.texts)
    return result


def _tell_known(name: str, examined: Examined, known: Sequence[HeldOut]) -> None:
    n = int(_is_known(examined, known).sum())
    if n:
        say(f"warning: {n:,} of {len(examined.flags):,} pairs for {name} are in what the model was trained on before")


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
) -> tuple[dict[str, str | list[str]], int]:
    """Write the parts to `data/` in the run folder; their specs, and how many characters the first of them has."""
    paths = _outputs(run, parts, languages)
    names = list(parts)
    characters: set[str] = set()
    part_of = np.full(len(parts["train"]), -1)
    for number, mask in enumerate(parts.values()):
        part_of[mask] = number
    with ExitStack() as stack:
        files = [[stack.enter_context(writing_to(paths[name, language])) for language in languages] for name in names]
        for pair, part in zip(corpus.readable(lambda _: None), part_of.tolist(), strict=True):
            if part >= 0:
                files[part][0].write(f"{pair.src}\n".encode())
                files[part][1].write(f"{pair.tgt}\n".encode())
            if part == 0:
                characters.update(pair.src, pair.tgt)
    specs: dict[str, str | list[str]] = {
        name: f"{run.path / 'data' / name}.{{{languages[0]},{languages[1]}}}" for name in names
    }
    return specs, len(characters)


def _outputs(run: RunFolder, names: Iterable[str], languages: tuple[str, str]) -> dict[tuple[str, str], Path]:
    """The files to write, by split and language."""
    return {(name, language): run.path / "data" / f"{name}.{language}" for name in names for language in languages}
