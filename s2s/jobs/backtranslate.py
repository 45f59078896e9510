"""`s2s backtranslate`: learn from text in the target language alone (Sennrich et al. 2016).

A model of the other direction translates the text; its translations, marked as such (Caswell et al. 2019), become
sources for what people have written.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from s2s.config.load import dump_config, load_config
from s2s.config.recipes import N_RESERVED
from s2s.config.schema import Config, TrainConfig
from s2s.console import say
from s2s.corpus.pairs import PairCorpus
from s2s.corpus.text import read_lines
from s2s.decoding.bundle import bundle_sum
from s2s.decoding.sampling import Sampling
from s2s.decoding.translator import Translator
from s2s.doctor.characters import N_CODES, Sums
from s2s.doctor.examine import examine, usual_of
from s2s.doctor.lines import look_at
from s2s.doctor.usual import OTHER, OWN, UsualSide
from s2s.errors import DataError, InputMissingError
from s2s.jobs.compare import Domain, compare_models, config_of, refuse_several_targets, text_of
from s2s.jobs.derived import changed, deriving, file_sums, recipe_of, say_if_adapted, specs_of
from s2s.jobs.finish import evenly_spread
from s2s.jobs.synthetic import translate_lines_to
from s2s.jobs.tokenize import open_split
from s2s.jobs.train import train
from s2s.run_folder import RunFolder, write_atomic, writing_to
from s2s.runtime import set_threads

_AT_ONCE = 2_048  # lines

MARK = "<BT>"
"""Stands before a source that was translated: what follows may be clumsy, and what it stands for is not."""


def backtranslate(
    parent: Path,
    folder: Path,
    files: Sequence[Path],
    *,
    reverse: Path | None = None,
    sample: bool = False,
    overrides: Sequence[str] = (),
    device: str = "auto",
    threads: int | None = None,
) -> Domain:
    """Train a model on its text and on translations of more text in the target language.

    Args:
        parent: Run folder of a trained model.
        folder: The run folder to be; the same command again goes on.
        files: Text in the target language, plain or compressed.
        reverse: A model of the other direction; none to train one on the parent's text, beside the new run.
        sample: Draw translations at random instead of searching for the best: for much text.
        overrides: Options to change, as `--set` has them.
        device: `auto`, `cpu`, `cuda`, …
        threads: Processor threads; none for all.

    Returns:
        BLEU before and after, on the parent's test text.
    """
    set_threads(threads)
    refuse_several_targets(parent)
    was, test_set = config_of(parent), text_of(parent)
    source, target = was.data.source, was.data.target
    recipe = recipe_of(was, overrides)
    changed(_config(was, recipe, RunFolder(folder), 0), overrides)  # what is wrong with it is said first
    made_from = {"command": "backtranslate", "parent": bundle_sum(parent), "text": file_sums(files), "sample": sample}
    made_from |= {"reverse": None if reverse is None else bundle_sum(reverse), "set": list(overrides)}
    with deriving(folder, made_from) as run:
        if not run.config.exists():
            say_if_adapted(parent, was)
            lines = _lines_of(files, was)
            if reverse is None:
                reverse = _reverse_of(parent, was, folder, overrides, device, threads)
            translator = Translator.load(reverse, device)
            if (translator.bundle.source, translator.bundle.target) != (target, source):
                raise InputMissingError(f"is no model from {target} to {source}", where=str(reverse))
            given, made = (Path(f"{run.data / 'backtranslated'}.{language}") for language in (target, source))
            how = Sampling() if sample else None
            n_made = translate_lines_to(
                translator, lines, given, made, n_lines=len(lines), sampling=how, mark=f"{MARK} "
            )
            if not n_made:
                raise InputMissingError(
                    "no line could be translated",
                    where=str(reverse),
                    hint="The model of the other direction is not trained well enough, or the text is of another kind.",
                )
            draft = changed(_config(was, recipe, run, n_made, lines), overrides)
            write_atomic(run.config, dump_config(draft))
        config = load_config(run.config)
    train(config, device=device, threads=threads, given=run.config.read_bytes())
    return compare_models("the parent's", test_set, parent, folder, device)[0]


def _lines_of(files: Sequence[Path], was: Config) -> list[str]:
    """The lines with text, each once, without those that the parent's validation and test sets have."""
    every = [line for path in files for line in read_lines(path) if line.strip()]
    lines = list(dict.fromkeys(every))
    # all of them, short ones too: to leave out a line costs nothing
    targets = np.concatenate([_targets_of(open_split(was, spec)) for spec in (was.data.valid, was.data.test) if spec])
    sums = _sums_of(lines)
    kept = [line for line, is_held in zip(lines, np.isin(sums, targets).tolist(), strict=True) if not is_held]
    say(
        f"{len(kept):,} lines to learn from; left out {len(every) - len(lines):,} that came before and"
        f" {len(lines) - len(kept):,} that are in the validation or test set"
    )
    where = ", ".join(map(str, files))
    if not kept:
        raise InputMissingError("there is no line to learn from", where=where)
    if not _is_of_target(kept, usual_of(open_split(was, was.data.train)).sides[1]):
        raise DataError(
            f"the text seems to be {was.data.source}, or in another script than {was.data.target}",
            where=where,
            hint=f"Give text in {was.data.target}, which the model is to learn to write.",
        )
    return kept


def _is_of_target(lines: Sequence[str], usual: UsualSide) -> bool:
    """Whether a sample of lines has the script of the target side, and its words more often than the source side's."""
    looked = look_at([lines[row] for row in evenly_spread(len(lines), _AT_ONCE)], usual.own)
    classes = usual.class_of(looked)
    n_own, n_other = (int(((classes & one) != 0).sum()) for one in (OWN, OTHER))
    return n_other <= n_own and int(looked.n_own.sum()) * 2 >= int(looked.n_letters.sum())


def _targets_of(corpus: PairCorpus) -> Sums:
    """Hash sums of the targets that have letters."""
    examined = examine(corpus)
    sums: Sums = examined.texts[1][examined.n_words_of[1] > 0]
    return sums


def _sums_of(lines: Sequence[str]) -> Sums:
    """Hash sums of the letters and digits of lines, some at a time: to look at a character takes memory."""
    nothing = np.zeros(N_CODES, dtype=np.uint8)
    parts = [look_at(lines[first : first + _AT_ONCE], nothing).text for first in range(0, len(lines), _AT_ONCE)]
    return np.concatenate([np.zeros(0, dtype=np.uint64), *parts])


def _reverse_of(
    parent: Path, was: Config, folder: Path, overrides: Sequence[str], device: str, threads: int | None
) -> Path:
    """Train a model of the other direction on the parent's text, beside the new run; its folder.

    What `--set` says of the training holds for it too.
    """
    beside = folder.with_name(f"{folder.name}-reverse")
    of_training = [override for override in overrides if override.strip().startswith("train.")]
    say(f"training a model from {was.data.target} to {was.data.source} in {beside}")
    made_from = {"command": "backtranslate", "reverse of": bundle_sum(parent), "set": of_training}
    with deriving(beside, made_from) as run:
        if not run.config.exists():
            write_atomic(run.config, dump_config(changed(_turned(was, beside, of_training), of_training)))
        config = load_config(run.config)
    train(config, device=device, threads=threads, given=run.config.read_bytes())
    return beside


def _turned(was: Config, folder: Path, overrides: Sequence[str] = ()) -> Config:
    """The config of the other direction, with the text written the other way round."""
    source, target = was.data.target, was.data.source
    specs: dict[str, str] = {}
    for name, spec in (("train", was.data.train), ("valid", was.data.valid)):
        base = folder / "data" / name
        base.parent.mkdir(parents=True, exist_ok=True)
        with writing_to(Path(f"{base}.{source}")) as sources, writing_to(Path(f"{base}.{target}")) as targets:
            for pair in open_split(was, spec):
                if pair.src.startswith(f"{MARK} "):
                    continue  # a machine's words are nothing to learn to say
                sources.write(f"{pair.tgt}\n".encode())
                targets.write(f"{pair.src}\n".encode())
        specs[name] = f"{base}.{{{source},{target}}}"
    changes = {"source": source, "target": target, "source_column": None, "target_column": None, "test": None, **specs}
    data = was.data.model_copy(update=changes)
    symbols = [symbol for symbol in was.vocab.user_symbols if symbol != MARK]
    vocab = was.vocab.model_copy(update={"user_symbols": symbols})
    return was.model_copy(update={"run": str(folder), "data": data, "vocab": vocab, "train": recipe_of(was, overrides)})


def _config(was: Config, recipe: TrainConfig, run: RunFolder, n_new: int, lines: Sequence[str] = ()) -> Config:
    """The parent's config with the new pairs, the mark as a symbol, and more updates as there is more text.

    New lines bring new characters; if the vocabulary is too small for them, it grows.
    """
    if recipe.max_steps is not None and n_new:
        n_old = sum(1 for _ in open_split(was, was.data.train))
        recipe = recipe.model_copy(update={"max_steps": round(recipe.max_steps * ((n_old + n_new) / n_old) ** 0.5)})
    symbols = list(dict.fromkeys([*was.vocab.user_symbols, MARK]))
    size = was.vocab.size
    if lines:
        known: set[str] = set()
        for pair in open_split(was, was.data.train):
            known.update(pair.src, pair.tgt)
        n_more = len(set[str]().union(*lines) - known) + len(symbols) - len(was.vocab.user_symbols)
        if len(known) + n_more + N_RESERVED > size:  # there may be no room for them
            size += n_more
            say(f"vocab.size: {size:,} pieces, {n_more:,} more for characters that only the new lines have")
    spec = f"{run.data / 'backtranslated'}.{{{was.data.source},{was.data.target}}}"
    return was.model_copy(
        update={
            "run": str(run.path),
            "data": was.data.model_copy(update={"train": [*specs_of(was), spec]}),
            "vocab": was.vocab.model_copy(update={"user_symbols": symbols, "size": size}),
            "train": recipe,
        }
    )
