"""`s2s export`: a trained model in the format of another tool, checked to translate the same before it is kept."""

import contextlib
import importlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from s2s.console import say
from s2s.corpus.text import read_lines
from s2s.decoding.bundle import Bundle, find_bundle, load_bundle
from s2s.errors import CannotCreateError, S2SError, UsageError
from s2s.interop import ct2, hf_marian
from s2s.interop.card import card
from s2s.interop.portable import Portable
from s2s.jobs.parity import Engine, Parity, compare
from s2s.jobs.test_sets import split_of_run
from s2s.model.weights import weights_of
from s2s.run_folder import RunFolder, build_folder, reporting_os_errors
from s2s.version import __version__

Format = Literal["ctranslate2", "hf-marian"]
FORMATS: tuple[Format, ...] = ("ctranslate2", "hf-marian")

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
        folder: Where it is.
        parity: How its translations compare with those of s2s, unless that was not wanted.
    """

    folder: Path
    parity: Parity | None


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
        run: A run folder, or a model folder.
        to: `ctranslate2` or `hf-marian`.
        output: Where to; none for `export/FORMAT` in the run folder. Only an earlier export is replaced.
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
        raise UsageError(f"{to} is no format", hint=f"use {' or '.join(FORMATS)}")
    bundle = load_bundle(run)
    model = portable(bundle)
    if to == "hf-marian":
        hf_marian.check(model.shape)
    _need_libraries(to, check)
    folder = _folder_for(run, to, None if output is None else Path(output))
    lines, name = _lines(run, None if check_on is None else Path(check_on), n_lines) if check else ([], "")
    alone = RunFolder(run).writing(folder) if output is None else contextlib.nullcontext()
    with alone, build_folder(folder) as temporary:
        (ct2 if to == "ctranslate2" else hf_marian).write(model, temporary)
        parity = compare(bundle, _engine(to, temporary, model), lines, tool=to, name=name) if check else None
        if parity and parity.problems:
            raise S2SError(
                f"the exported model does not translate as s2s does, so it was not kept: {'; '.join(parity.problems)}",
                hint=f"{parity.example}\n  please report it, with the versions of s2s and {to}".lstrip(),
            )
        (temporary / "README.md").write_text(_readme(to, model, parity), "utf-8")
        facts = {"format": to, "s2s": __version__, "model": bundle.facts, "parity": asdict(parity) if parity else None}
        (temporary / MARK).write_text(json.dumps(facts, indent=2, ensure_ascii=False) + "\n", "utf-8")
    return Exported(folder, parity)


def portable(bundle: Bundle) -> Portable:
    """A bundle's model as arrays by name."""
    return Portable(
        shape=bundle.transformer.config,
        weights={name: tensor.float().cpu().numpy() for name, tensor in weights_of(bundle.transformer).items()},
        vocabularies=bundle.vocabularies,
        decode=bundle.decode,
        source=bundle.source,
        target=bundle.target,
        max_source_length=bundle.max_source_length,
    )


def _need_libraries(to: str, check: bool) -> None:
    """Say what is missing before work is done. The files of hf-marian need no library, only their check does."""
    library = "ctranslate2" if to == "ctranslate2" else "transformers"
    if to == "hf-marian" and not check:
        return
    try:
        importlib.import_module(library)
    except ImportError as error:
        without = ", or leave out the comparison with --no-check" if to == "hf-marian" else ""
        raise UsageError(
            f"{library} is needed and cannot be imported: {error}", hint=f"pip install 's2s[{library}]'{without}"
        ) from error


def _folder_for(run: Path, to: str, output: Path | None) -> Path:
    """Where the exported model goes; nothing of the user's is in the way there."""
    bundle = find_bundle(run)
    if output is None:
        if bundle.parent != run:
            raise UsageError("this is a model folder, which stays as it is", where=str(run), hint="give --output DIR")
        output = run / "export" / to
        with reporting_os_errors(output):
            output.parent.mkdir(exist_ok=True)
    if output.resolve().is_relative_to(bundle.resolve()):
        raise UsageError("the model folder stays as it is", where=str(output), hint="give another --output")
    with reporting_os_errors(output):
        if output.exists() and not (output / MARK).is_file() and not (output.is_dir() and not any(output.iterdir())):
            raise CannotCreateError(
                "is there already and is no exported model", where=str(output), hint="give another --output"
            )
    return output


def _lines(run: Path, given: Path | None, n_lines: int) -> tuple[list[str], str]:
    """Source lines to compare on, and what they are."""
    if given is not None:
        return _spread(list(read_lines(given)), n_lines), given.name
    try:
        return _spread(split_of_run(run, "valid").sources, n_lines), "the validation set"
    except S2SError as error:
        say(f"note: the run's validation set is not at hand ({error.what}): comparing on a few bundled sentences")
        return list(SENTENCES), "s2s's own sentences"


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

    return ct2.Engine(folder, model, torch.get_num_threads())


def _readme(to: str, model: Portable, parity: Parity | None) -> str:
    common: dict[str, Any] = {"parity": parity.table() if parity else "not compared with s2s"}
    if to == "ctranslate2":
        return card(
            model,
            tool="CTranslate2",
            library="ctranslate2",
            install="ctranslate2 sentencepiece",
            code=ct2.example(model),
            notes=ct2.notes(model),
            **common,
        )
    return card(
        model,
        tool="transformers",
        library="transformers",
        install="transformers torch sentencepiece",
        code=hf_marian.EXAMPLE,
        notes=hf_marian.notes(model),
        **common,
    )
