"""`s2s export`: a trained model in one file or in the format of another tool, checked before it is kept."""

import contextlib
import importlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from s2s.console import say
from s2s.corpus.pairs import tag_of
from s2s.corpus.text import read_lines
from s2s.decoding.bundle import Bundle, find_bundle, load_bundle, save_as_file, shape_of
from s2s.decoding.one_file import SUFFIX, sum_of_file
from s2s.errors import CannotCreateError, DataError, S2SError, UsageError
from s2s.interop import ct2, hf_marian, onnx_files
from s2s.interop.card import card
from s2s.interop.portable import Portable
from s2s.jobs.parity import Engine, Parity, compare
from s2s.jobs.reloaded import Reloaded
from s2s.jobs.test_sets import split_of_run
from s2s.model.weights import weights_of
from s2s.run_folder import RunFolder, build_file, build_folder, reporting_os_errors, unlisted_files
from s2s.version import __version__

BUNDLE = "bundle"
"""The format of s2s itself, in one file."""


@dataclass(frozen=True)
class Tool:
    """What runs a format.

    Attributes:
        name: What people call it.
        libraries: What is imported to write or check the format.
        extra: With which s2s is installed to have them.
        install: Arguments of `pip install` for whoever uses the exported model.
        for_check: The libraries are needed for the check alone.
    """

    name: str
    libraries: tuple[str, ...]
    extra: str
    install: str
    for_check: bool = False


TOOLS = {
    "ctranslate2": Tool("CTranslate2", ("ctranslate2",), "ctranslate2", "ctranslate2 sentencepiece"),
    "hf-marian": Tool(
        "transformers", ("transformers",), "transformers", "transformers torch sentencepiece", for_check=True
    ),
    "onnx": Tool("ONNX Runtime", ("onnx", "onnxruntime"), "onnx", "onnxruntime numpy sentencepiece"),
}
FORMATS = (BUNDLE, *TOOLS)

MARK = "export.json"
"""What tells an exported folder from others; only such a folder is replaced."""

SENTENCES = (
    "The old woman is reading a book in the garden.",
    "Where were you yesterday evening, and why did nobody answer the telephone?",
    "On 3 October 1990 it rained: 12.5 litres a square metre!",
    "Der kleine Hund schläft unter dem Tisch, weil es draußen kalt ist.",
    "„Wie spät ist es?“, fragte sie; niemand wusste es.",
    "Les élèves ont déjà mangé, n'est-ce pas ?",
    "¿Dónde está la estación de trenes más cercana?",
    "Mtoto anasoma kitabu chini ya mti.",
    "Сегодня вечером мы идём в театр.",
    "今日はとても良い天気ですね。",
    "الكتاب على الطاولة.",
    "a b c d e f g",
)
"""To compare on where the run's validation set is not at hand."""


@dataclass(frozen=True)
class Exported:
    """An exported model.

    Attributes:
        path: Where it is: a folder, or a file.
        parity: How its translations compare with those of s2s, unless that was not wanted.
    """

    path: Path
    parity: Parity | None


@dataclass(frozen=True)
class Lines:
    """What to compare on.

    Attributes:
        sources: Lines.
        references: Their translations by people, if there are any.
        name: What they are, in words.
    """

    sources: Sequence[str]
    references: Sequence[str] | None
    name: str


def export(
    run: str | Path,
    to: str,
    *,
    output: str | Path | None = None,
    check_on: str | Path | None = None,
    n_lines: int = 100,
    check: bool = True,
) -> Exported:
    """Write a model in another format, and compare its translations with those of s2s. What fails is not kept.

    Args:
        run: A run folder, or a model in a folder or a file.
        to: `bundle`, `ctranslate2`, `hf-marian` or `onnx`.
        output: Where to; none for `export/FORMAT` in the run folder, or `export/NAME.s2s`. Only an earlier export is
            replaced.
        check_on: File of lines to compare on; none for the run's validation set.
        n_lines: At most so many of them, evenly spread.
        check: Whether to compare at all.

    Raises:
        UsageError: The format cannot express the model, or its library is missing.
        CannotCreateError: There is something else at `output`.
        S2SError: The exported model translates otherwise; nothing is kept.
    """
    run = Path(run)
    if to not in FORMATS:
        raise UsageError(f"{to} is no format", hint=f"use {', '.join(FORMATS[:-1])} or {FORMATS[-1]}")
    bundle = load_bundle(run)
    if to != BUNDLE and bundle.members:
        raise UsageError(
            f"{to} holds one model, and this is an ensemble of {len(bundle.members)}",
            where=str(run),
            hint="s2s distill makes one model of it; --to bundle keeps all",
        )
    if to == "hf-marian":
        hf_marian.check(shape_of(bundle.model_config, bundle.vocabularies))
    if to != BUNDLE:
        _need_libraries(TOOLS[to], check)
    place = _place_for(run, to, None if output is None else Path(output))
    lines = _lines(run, None if check_on is None else Path(check_on), n_lines, bundle.targets) if check else None
    with RunFolder(run).writing(place) if output is None else contextlib.nullcontext():
        write = _write_file if to == BUNDLE else _write_folder
        return Exported(place, write(bundle, to, place, lines))


def _write_file(bundle: Bundle, to: str, path: Path, lines: Lines | None) -> Parity | None:
    """The model in one file, read again before it gets its name."""
    with build_file(path) as temporary:
        save_as_file(bundle, temporary)
        if lines is None:
            return None
        try:
            engine = Reloaded(temporary)
        except DataError as error:
            raise _not_as_written(error.what) from error
        parity = _compared(bundle, engine, lines, to)
        if name := engine.changed(bundle):
            raise _not_as_written(f"{name} is another")
        return parity


def _not_as_written(what: str) -> S2SError:
    return S2SError(
        f"the exported model is not what was written, so it was not kept: {what}",
        hint="Is the disk sound? If so, please report it",
    )


def _write_folder(bundle: Bundle, to: str, folder: Path, lines: Lines | None) -> Parity | None:
    """The model as another tool has it, with a README and the mark of an export."""
    model = portable(bundle)
    with build_folder(folder) as temporary:
        {"ctranslate2": ct2, "hf-marian": hf_marian, "onnx": onnx_files}[to].write(model, temporary)
        parity = None if lines is None else _compared(bundle, _engine(to, temporary, model), lines, to)
        (temporary / "README.md").write_text(_readme(to, model, parity), "utf-8")
        facts = {"format": to, "s2s": __version__, "model": bundle.facts, "parity": asdict(parity) if parity else None}
        (temporary / MARK).write_text(json.dumps(facts, indent=2, ensure_ascii=False) + "\n", "utf-8")
    return parity


def _compared(bundle: Bundle, engine: Engine, lines: Lines, to: str) -> Parity:
    """How the written model translates.

    Raises:
        S2SError: Otherwise than s2s.
    """
    say(f"translating {len(lines.sources)} lines with both …")
    parity = compare(bundle, engine, lines.sources, tool=to, name=lines.name, references=lines.references)
    if parity.problems:
        raise S2SError(
            f"the exported model does not translate as s2s does, so it was not kept: {'; '.join(parity.problems)}",
            hint=f"{parity.example}\n  please report it, with the versions of s2s and {to}".lstrip(),
        )
    return parity


def portable(bundle: Bundle) -> Portable:
    """A bundle's model as arrays by name."""
    return Portable(
        shape=shape_of(bundle.model_config, bundle.vocabularies),
        weights={name: tensor.float().cpu().numpy() for name, tensor in weights_of(bundle.transformer).items()},
        vocabularies=bundle.vocabularies,
        decode=bundle.decode,
        source=bundle.source,
        target=bundle.target,
        max_source_length=bundle.max_source_length,
        tags=tuple(map(tag_of, bundle.targets)),
    )


def _need_libraries(tool: Tool, check: bool) -> None:
    """Say what is missing before work is done."""
    if tool.for_check and not check:
        return
    for library in tool.libraries:
        try:
            importlib.import_module(library)
        except ImportError as error:
            without = ", or leave out the comparison with --no-check" if tool.for_check else ""
            raise UsageError(
                f"{library} is needed and cannot be imported: {error}", hint=f"pip install '.[{tool.extra}]'{without}"
            ) from error


def _place_for(run: Path, to: str, output: Path | None) -> Path:
    """Where the exported model goes; nothing of the user's is in the way there."""
    found = find_bundle(run)
    if output is None:
        if found.parent != run or found == run:  # the parent of `.` is `.`
            raise UsageError("this is a model alone, which stays as it is", where=str(run), hint="give --output PATH")
        output = run / "export" / (f"{run.resolve().name}{SUFFIX}" if to == BUNDLE else to)
        with reporting_os_errors(output):
            output.parent.mkdir(exist_ok=True)
    if output.name in ("", ".."):
        raise UsageError(f"{output} is no name for what is exported", hint="give --output a name of its own")
    if output.resolve().is_relative_to(found.resolve()):
        raise UsageError("the model stays as it is", where=str(output), hint="give another --output")
    with reporting_os_errors(output):
        is_empty = output.is_dir() and to != BUNDLE and not any(output.iterdir())
        is_ours = _is_bundle(output) if to == BUNDLE else (output / MARK).is_file()
        if output.exists() and not is_empty and not is_ours:
            raise CannotCreateError(
                "is there already and is no exported model", where=str(output), hint="give another --output"
            )
        added = unlisted_files(output) if is_ours and to != BUNDLE else []
        if added:
            more = f" and {len(added) - 3:,} more" if len(added) > 3 else ""
            raise CannotCreateError(
                f"holds files that s2s has not put there, and would be replaced: {', '.join(added[:3])}{more}",
                where=str(output),
                hint="move them away, or give another --output",
            )
    return output


def _is_bundle(path: Path) -> bool:
    """Whether there is a model of s2s in one file, by what its head says."""
    try:
        return bool(sum_of_file(path))
    except S2SError:
        return False


def _lines(run: Path, given: Path | None, n_lines: int, targets: Sequence[str] = ()) -> Lines:
    """What to compare on."""
    if given is not None:
        return Lines(_spread(list(read_lines(given)), n_lines), None, given.name)
    try:
        text = split_of_run(run, "valid")
    except S2SError as error:
        say(f"note: the run's validation set is not at hand ({error.what}): comparing on a few bundled sentences")
        tag = f"{tag_of(targets[0])} " if targets else ""
        return Lines([f"{tag}{line}" for line in SENTENCES], None, "s2s's own sentences")
    return Lines(_spread(text.sources, n_lines), _spread(text.references, n_lines), "the validation set")


def _spread(lines: list[str], n_lines: int) -> list[str]:
    """At most so many lines, evenly spread.

    >>> _spread(["a", "b", "c", "d"], 2)
    ['a', 'c']
    """
    n_lines = min(n_lines, len(lines))
    return [lines[index * len(lines) // n_lines] for index in range(n_lines)]


def _engine(to: str, folder: Path, model: Portable) -> Engine:
    if to == "hf-marian":
        return hf_marian.Engine(folder)
    import torch

    n_threads = torch.get_num_threads()
    return ct2.Engine(folder, model, n_threads) if to == "ctranslate2" else onnx_files.Engine(folder, n_threads)


def _readme(to: str, model: Portable, parity: Parity | None) -> str:
    tool = TOOLS[to]
    code, notes = {
        "ctranslate2": (ct2.example(model), ct2.notes(model)),
        "hf-marian": (hf_marian.EXAMPLE, hf_marian.notes(model)),
        "onnx": (onnx_files.EXAMPLE, onnx_files.notes(model)),
    }[to]
    if model.tags:
        code = code.replace('"Your text."', f'"{model.tags[0]} Your text."')
        tags = ", ".join(f"`{tag}`" for tag in model.tags)
        notes = [f"Each line has to begin with the tag of the language to translate into: {tags}.", *notes]
    return card(
        model,
        tool=tool.name,
        library=tool.libraries[0],
        install=tool.install,
        code=code,
        notes=notes,
        parity=parity.table() if parity else "not compared with s2s",
    )
