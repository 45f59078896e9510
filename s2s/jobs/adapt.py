"""`s2s adapt`: a trained model goes on learning on text of another domain, and keeps what it knew.

The new model has the parent's vocabulary and begins with its weights. Beside the new pairs it sees some of the parent's
own (replay), without which it would forget them. Both models are scored on both domains in the end, with the
significance of the differences.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import numpy as np

from s2s.config.load import dump_config
from s2s.config.schema import Config, TrainConfig
from s2s.console import say
from s2s.corpus.batches import plan_epoch
from s2s.corpus.columns import Wanted
from s2s.corpus.file_sums import FileSums
from s2s.corpus.pairs import PairCorpus, open_pairs, open_specs
from s2s.decoding.bundle import bundle_sum
from s2s.doctor.examine import Examined, HeldOut, examine
from s2s.doctor.faults import Fault
from s2s.errors import HubError, InputMissingError
from s2s.jobs.compare import Domain, compare_models, config_of, refuse_several_targets, say_if_unfinished, text_of
from s2s.jobs.derived import Ancestors, changed, config_in, content_of, deriving, held_out_of, recipe_of
from s2s.jobs.resume import check_parent
from s2s.jobs.split_text import SplitText, Wishes, split_text
from s2s.jobs.tokenize import open_split, prepare
from s2s.jobs.train import train
from s2s.run_folder import RunFolder, write_atomic, writing_to
from s2s.runtime import set_threads

EPOCHS = 12
"""Passes over new and replayed pairs."""

REPLAY = 4.0
"""Pairs of the parent's training for each new one; `benchmarks/quality.md` says what fewer cost."""

RATE = 0.3
"""Share of the parent's peak learning rate."""


def adapt(
    parent: Path,
    folder: Path,
    wishes: Wishes,
    *,
    replay: float = REPLAY,
    overrides: Sequence[str] = (),
    device: str = "auto",
    threads: int | None = None,
) -> list[Domain]:
    """Adapt a model to a domain.

    Args:
        parent: Its run folder.
        folder: The run folder to be; the same command again goes on.
        wishes: Text of the domain; what is not given of validation and test is held out.
        replay: Pairs of the parent's training for each new one; 0 for none.
        overrides: Options to change, as `--set` has them.
        device: `auto`, `cpu`, `cuda`, …
        threads: Processor threads; none for all.

    Returns:
        The new domain and the parent's, each scored before and after, on test text if there is some.

    Raises:
        InputMissingError: The parent has no model, or its training text is not there to be replayed.
        CannotCreateError: There is another run in the folder.
        S2SError: Whatever goes wrong with the text or the training.
    """
    set_threads(threads)
    refuse_several_targets(parent)
    was = config_of(parent)
    say_if_unfinished(parent)
    old = text_of(parent)  # what is missing is said before anything is done
    wishes = replace(wishes, source=was.data.source, target=was.data.target)
    ancestors, recipe = Ancestors.of(was), recipe_of(was, overrides)
    draft = _config(was, recipe, parent, RunFolder(folder), {"train": "x", "valid": "x", "test": None}, wishes)
    check_parent(changed(draft, overrides), RunFolder(folder))
    with deriving(folder, _made_from(parent, wishes, replay, overrides)) as run:
        if not run.config.exists():
            corpus, examined = _training_of(was, replay)
            learnt = [*([] if examined is None else [examined]), *ancestors.text()]
            known = [HeldOut.of(Fault.DUPLICATE, one) for one in learnt]
            text = split_text(run, wishes, [*held_out_of(was), *ancestors.held_out()], known)
            specs: dict[str, str | list[str] | None] = {**text.specs}
            if replay and examined is not None:
                new = specs["train"]
                replayed = _replay(corpus, examined, text, wishes, run, replay)
                specs["train"] = [*(new if isinstance(new, list) else [str(new)]), replayed]
            draft = changed(_config(was, recipe, parent, run, specs, wishes), overrides)
            draft = changed(_with_length(draft, run, threads), overrides)
            write_atomic(run.config, dump_config(draft))
        config = config_in(run)
    train(config, device=device, threads=threads, given=run.config.read_bytes())
    return [
        *compare_models("the new domain", text_of(folder), parent, folder, device),
        *compare_models("the parent's", old, parent, folder, device),
    ]


def _made_from(parent: Path, wishes: Wishes, replay: float, overrides: Sequence[str]) -> dict[str, object]:
    wanted = Wanted(wishes.source or "", wishes.target or "", wishes.source_column, wishes.target_column)
    given = {"train": wishes.corpus, "valid": wishes.valid, "test": wishes.test}
    corpora = {name: open_specs(specs, wanted) for name, specs in given.items() if specs}
    return {
        "command": "adapt",
        "parent": bundle_sum(parent),
        "text": content_of(corpora),
        "replay": replay,
        "minutes": wishes.minutes,
        "keep_all": not wishes.clean,
        "set": list(overrides),
    }


def _training_of(was: Config, replay: float) -> tuple[PairCorpus, Examined | None]:
    """The parent's training text, and what is in it; nothing is known of it if it is not there and not needed."""
    try:
        corpus = open_split(was, was.data.train)
        return corpus, examine(corpus)
    except (InputMissingError, HubError) as error:
        if replay:
            error.hint = "The parent's training text is replayed, so that it is not forgotten; --replay 0 does without."
            raise
        say(f"note: {error}\n  whether the parent was trained on what is held out now cannot be said")
        return PairCorpus([], FileSums()), None


def _replay(
    corpus: PairCorpus, examined: Examined, text: SplitText, wishes: Wishes, run: RunFolder, replay: float
) -> str:
    """Write pairs of the parent's training, evenly drawn, none of them held out of the new text; their spec."""
    possible = examined.is_kept
    for name in ("valid", "test"):
        held = open_pairs(
            text.specs[name],
            source=text.source,
            target=text.target,
            source_column=wishes.source_column,
            target_column=wishes.target_column,
        )
        possible &= ~HeldOut.of(Fault.IN_TEST, examine(held)).holds(*examined.texts)
    indices = np.flatnonzero(possible)
    wanted = min(len(indices), round(replay * text.n_pairs["train"]))
    chosen = set(np.random.Generator(np.random.PCG64(1)).choice(indices, wanted, replace=False).tolist())
    base = run.data / "replay"
    with ExitStack() as stack:
        files = [stack.enter_context(writing_to(Path(f"{base}.{side}"))) for side in (text.source, text.target)]
        for index, pair in enumerate(corpus.readable(lambda _: None)):
            if index in chosen:
                files[0].write(f"{pair.src}\n".encode())
                files[1].write(f"{pair.tgt}\n".encode())
    say(f"replay: {wanted:,} of {len(examined.flags):,} pairs that the parent was trained on")
    return f"{base}.{{{text.source},{text.target}}}"


def _config(
    was: Config,
    recipe: TrainConfig,
    parent: Path,
    run: RunFolder,
    specs: dict[str, str | list[str] | None],
    wishes: Wishes,
) -> Config:
    """The parent's config with what is new."""
    train_changes = {
        "start_from": str(parent),
        "max_steps": None if wishes.minutes else 1_000,  # set by the number of pairs, once they are encoded
        "max_minutes": wishes.minutes,
        "schedule": "cosine",
        "learning_rate": recipe.learning_rate * RATE,
        "dropout_start": None,
        "patience": None,
        "temperature": 1.0,  # how much is replayed has been said
    }
    # (of validation and test text that stay where they are)
    data = {**specs, "source_column": wishes.source_column, "target_column": wishes.target_column}
    return was.model_copy(
        update={
            "run": str(run.path),
            "data": was.data.model_copy(update=data),
            "train": recipe.model_copy(update=train_changes),
        }
    )


def _with_length(config: Config, run: RunFolder, threads: int | None) -> Config:
    """With as many updates as `EPOCHS` take, and twenty validations; with a limit in minutes no fewer validations."""
    split = prepare(config, run, n_processes=threads).train
    plan = plan_epoch(
        split.src_lengths, split.tgt_lengths, batch_tokens=config.train.batch_tokens, seed=config.train.seed, epoch=0
    )
    n_updates = max(100, EPOCHS * -(-len(plan) // config.train.accumulate))
    every = max(20, n_updates // 20)
    lengths = {"validate_every": every, "checkpoint_every": every, "warmup_steps": max(10, n_updates // 20)}
    timed = config.train.max_minutes is not None
    if timed:  # which may be over long before so many
        lengths = {name: min(value, getattr(config.train, name)) for name, value in lengths.items()}
    changes = {**lengths, "max_steps": None if timed else n_updates}
    return config.model_copy(update={"train": config.train.model_copy(update=changes)})
