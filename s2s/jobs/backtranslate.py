"""`s2s backtranslate`: learn from text in the target language alone (Sennrich et al. 2016).

A model of the other direction translates the text; its translations, marked as such (Caswell et al. 2019), become
sources for what people have written.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

from s2s.config.load import dump_config
from s2s.config.recipes import N_RESERVED
from s2s.config.schema import Config, TrainConfig
from s2s.console import say
from s2s.corpus.pairs import PairCorpus
from s2s.decoding.bundle import Bundle, bundle_sum
from s2s.decoding.sampling import Sampling
from s2s.decoding.translator import Translator
from s2s.errors import HubError, InputMissingError, UsageError
from s2s.jobs.compare import Domain, compare_models, config_of, refuse_several_targets, say_if_unfinished, text_of
from s2s.jobs.derived import (
    Ancestors,
    changed,
    config_in,
    deriving,
    file_sums,
    pairs_of_recipe,
    recipe_of,
    say_if_adapted,
    specs_of,
)
from s2s.jobs.monolingual import Monolingual
from s2s.jobs.synthetic import translate_lines_to
from s2s.jobs.tokenize import open_split
from s2s.jobs.train import train
from s2s.run_folder import RunFolder, write_atomic, writing_to
from s2s.runtime import set_threads

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
    say_if_unfinished(parent)
    source, target = was.data.source, was.data.target
    recipe = recipe_of(was, overrides)
    # what is wrong with it is said first
    draft = changed(_config(was, recipe, RunFolder(folder), 0), overrides)
    held_out = _held_out_of([draft, was, *Ancestors.of(was).configs])
    made_from = {"command": "backtranslate", "parent": bundle_sum(parent), "text": file_sums(files), "sample": sample}
    made_from |= {"reverse": None if reverse is None else bundle_sum(reverse), "set": list(overrides)}
    made_from |= {"held out": sorted({corpus.fingerprint for corpus in held_out})}
    with deriving(folder, made_from) as run:
        if not run.config.exists():
            say_if_adapted(parent, was)
            lines = Monolingual(files, held_out)
            lines.check_language(source, target, open_split(was, was.data.train))
            if reverse is None:
                reverse = _reverse_of(parent, was, folder, overrides, device, threads)
            translator = Translator.load(reverse, device)
            tag = _tag_for(translator.bundle, target, source, reverse)
            given, made = (Path(f"{run.data / 'backtranslated'}.{language}") for language in (target, source))
            how = Sampling() if sample else None
            n_made = translate_lines_to(
                translator, lines, given, made, n_lines=len(lines), sampling=how, mark=f"{MARK} ", to=tag
            )
            if not n_made:
                raise InputMissingError(
                    "no line could be translated",
                    where=str(reverse),
                    hint="The model of the other direction is not trained well enough, or the text is of another kind.",
                )
            draft = changed(_config(was, recipe, run, n_made, lines), overrides)
            write_atomic(run.config, dump_config(draft))
        config = config_in(run)
    train(config, device=device, threads=threads, given=run.config.read_bytes())
    return compare_models("the parent's", test_set, parent, folder, device)[0]


def _held_out_of(configs: Sequence[Config]) -> list[PairCorpus]:
    """The validation and test text of some configs, each once; that of a model before the parent may be missing."""
    specs: dict[str, PairCorpus] = {}
    for number, config in enumerate(configs):
        for spec in (config.data.valid, config.data.test):
            if spec is None:
                continue
            try:
                corpus = open_split(config, spec)
                specs.setdefault(corpus.fingerprint, corpus)
            except (InputMissingError, HubError) as error:
                if number < 2:  # the new model is scored on it
                    raise
                say(f"note: {error}\n  whether the new text has some of it cannot be said")
    return list(specs.values())


def _tag_for(bundle: Bundle, source: str, target: str, where: Path) -> str | None:
    """The language to ask a model for that is to translate from `source` into `target`; none if it has no tags.

    Raises:
        UsageError: It does not translate so.
    """
    if bundle.targets:
        if target in bundle.targets and source in bundle.sources:
            return target
    elif (bundle.source, bundle.target) == (source, target):
        return None
    knows = f"from {', '.join(bundle.sources) or bundle.source} into {', '.join(bundle.targets) or bundle.target}"
    raise UsageError(f"is no model from {source} into {target}, but {knows}", where=str(where))


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
        config = config_in(run)
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


def _config(was: Config, recipe: TrainConfig, run: RunFolder, n_new: int, lines: Iterable[str] = ()) -> Config:
    """The parent's config with the new pairs, the mark as a symbol, and more updates as there is more text.

    New lines bring new characters; if the vocabulary is too small for them, it grows.
    """
    if recipe.max_steps is not None and n_new:
        n_pairs = sum(1 for _ in open_split(was, was.data.train)) + n_new
        n_updates = round(recipe.max_steps * (n_pairs / pairs_of_recipe(was)) ** 0.5)
        recipe = recipe.model_copy(update={"max_steps": n_updates})
    symbols = list(dict.fromkeys([*was.vocab.user_symbols, MARK]))
    size = was.vocab.size
    if n_new:
        known, new = set[str](), set[str]()
        for pair in open_split(was, was.data.train):
            known.update(pair.src, pair.tgt)
        for line in lines:
            new.update(line)
        n_more = len(new - known) + len(symbols) - len(was.vocab.user_symbols)
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
