"""`s2s backtranslate`: learn from text in the target language alone (Sennrich et al. 2016).

A model of the other direction translates the text; its translations, marked as such (Caswell et al. 2019), become
sources for what people have written.
"""

from dataclasses import dataclass
from pathlib import Path

from s2s.config.load import dump_config, load_config
from s2s.config.schema import Config
from s2s.console import say
from s2s.corpus.text import read_lines
from s2s.decoding.sampling import Sampling
from s2s.decoding.translator import Translator
from s2s.errors import CannotCreateError, InputMissingError
from s2s.jobs.compare import Domain, compare_models, config_of, refuse_several_targets, text_of
from s2s.jobs.synthetic import translate_lines_to
from s2s.jobs.tokenize import open_split
from s2s.jobs.train import train
from s2s.run_folder import RunFolder, write_atomic, writing_to

MARK = "<BT>"
"""Stands before a source that was translated: what follows may be clumsy, and what it stands for is not."""


@dataclass(frozen=True)
class Monolingual:
    """Text in the target language.

    Attributes:
        files: Files of lines, plain or compressed.
    """

    files: list[Path]

    def lines(self) -> list[str]:
        """All lines with text, each once."""
        return list(dict.fromkeys(line for path in self.files for line in read_lines(path) if line.strip()))


def backtranslate(
    parent: Path,
    folder: Path,
    text: Monolingual,
    *,
    reverse: Path | None = None,
    sample: bool = False,
    overrides: list[str] | None = None,
    device: str = "auto",
    threads: int | None = None,
) -> Domain:
    """Train a model on its text and on translations of more text in the target language.

    Args:
        parent: Run folder of a trained model.
        folder: The run folder to be; one that was begun goes on.
        text: In the target language.
        reverse: A model of the other direction; none to train one on the parent's text, beside the new run.
        sample: Draw translations at random instead of searching for the best: for much text.
        overrides: Options to change, as `--set` has them.
        device: `auto`, `cpu`, `cuda`, …
        threads: Processor threads; none for all.

    Returns:
        BLEU before and after, on the parent's test text.
    """
    refuse_several_targets(parent)
    was = config_of(parent)
    lines = text.lines()
    if not lines:
        raise InputMissingError("there is no line with text", where=", ".join(map(str, text.files)))
    run = RunFolder(folder)
    source, target = was.data.source, was.data.target
    base = run.path / "data" / "backtranslated"
    spec = f"{base}.{{{source},{target}}}"
    if run.config.exists():
        config = load_config(run.config, overrides or [])
        if spec not in config.data.train:
            raise CannotCreateError("is there already", where=str(run.config), hint="Take another name for --to.")
    else:
        run.create()
        if reverse is None:
            reverse = folder.with_name(f"{folder.name}-reverse")
            say(f"training a model from {target} to {source} in {reverse}")
            turned = config_of(reverse) if RunFolder(reverse).resolved.is_file() else _turned(was, reverse)
            train(turned, device=device, threads=threads, given=dump_config(turned).encode())
        translator = Translator.load(reverse, device)
        if (translator.bundle.source, translator.bundle.target) != (target, source):
            raise InputMissingError(f"is no model from {target} to {source}", where=str(reverse))
        translate_lines_to(
            translator,
            lines,
            Path(f"{base}.{target}"),
            Path(f"{base}.{source}"),
            n_lines=len(lines),
            sampling=Sampling() if sample else None,
            mark=f"{MARK} ",
        )
        draft = run.path / "data" / "config.yaml"
        write_atomic(draft, dump_config(_config(was, run, spec, len(lines))))
        config = load_config(draft, overrides or [])
        write_atomic(run.config, dump_config(config))
        draft.unlink()
    train(config, device=device, threads=threads, given=run.config.read_bytes())
    test_set = text_of(parent)
    return compare_models(test_set.name, test_set, parent, folder, device)


def _turned(was: Config, folder: Path) -> Config:
    """The config of the other direction, with the text written the other way round."""
    source, target = was.data.target, was.data.source
    specs: dict[str, str] = {}
    for name, spec in (("train", was.data.train), ("valid", was.data.valid)):
        base = folder / "data" / name
        base.parent.mkdir(parents=True, exist_ok=True)
        with writing_to(Path(f"{base}.{source}")) as sources, writing_to(Path(f"{base}.{target}")) as targets:
            for pair in open_split(was, spec):
                sources.write(f"{pair.tgt}\n".encode())
                targets.write(f"{pair.src}\n".encode())
        specs[name] = f"{base}.{{{source},{target}}}"
    changes = {"source": source, "target": target, "source_column": None, "target_column": None, "test": None, **specs}
    data = was.data.model_copy(update=changes)
    train_changes = was.train.model_copy(update={"start_from": None})
    return was.model_copy(update={"run": str(folder), "data": data, "train": train_changes})


def _config(was: Config, run: RunFolder, spec: str, n_new: int) -> Config:
    """The parent's config with the new pairs, the mark as a symbol, and more updates as there is more text."""
    originals = [was.data.train] if isinstance(was.data.train, str) else was.data.train
    n_old = sum(1 for _ in open_split(was, was.data.train))
    train_changes: dict[str, object] = {"start_from": None}
    if was.train.max_steps is not None:
        train_changes["max_steps"] = round(was.train.max_steps * ((n_old + n_new) / n_old) ** 0.5)
    symbols = list(dict.fromkeys([*was.vocab.user_symbols, MARK]))
    return was.model_copy(
        update={
            "run": str(run.path),
            "data": was.data.model_copy(update={"train": [*originals, spec]}),
            "vocab": was.vocab.model_copy(update={"user_symbols": symbols}),
            "train": was.train.model_copy(update=train_changes),
        }
    )
