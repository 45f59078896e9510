"""`s2s adapt`: a trained model goes on learning on text of another domain, and keeps what it knew.

The new model has the parent's vocabulary and begins with its weights. Beside the new pairs it sees as many of the
parent's own (replay), without which it would forget them. Both models are scored on both domains in the end, with the
significance of the differences.
"""

from contextlib import ExitStack
from pathlib import Path

import numpy as np

from s2s.config.load import dump_config, load_config
from s2s.config.schema import Config
from s2s.console import say
from s2s.corpus.batches import plan_epoch
from s2s.corpus.pairs import open_pairs
from s2s.doctor.examine import HeldOut, examine
from s2s.doctor.faults import Fault
from s2s.errors import CannotCreateError, InputMissingError
from s2s.jobs.compare import Domain, compare_models, config_of, refuse_several_targets, text_of
from s2s.jobs.split_text import SplitText, Wishes, split_text
from s2s.jobs.tokenize import open_split, tokenize
from s2s.jobs.train import train
from s2s.run_folder import RunFolder, write_atomic, writing_to

EPOCHS = 12
"""Passes over new and replayed pairs."""

RATE = 0.3
"""Share of the parent's peak learning rate."""

_NOT_YET = 10**9  # the number of updates is known when the pairs are encoded


def adapt(
    parent: Path,
    folder: Path,
    wishes: Wishes,
    *,
    replay: float = 1.0,
    overrides: list[str] | None = None,
    device: str = "auto",
    threads: int | None = None,
) -> list[Domain]:
    """Adapt a model to a domain.

    Args:
        parent: Its run folder.
        folder: The run folder to be; one that was begun goes on.
        wishes: Text of the domain; what is not given of validation and test is held out.
        replay: Pairs of the parent's training for each new one; 0 for none.
        overrides: Options to change, as `--set` has them.
        device: `auto`, `cpu`, `cuda`, …
        threads: Processor threads; none for all.

    Returns:
        The new domain and the parent's, each scored before and after, on test text if there is some.

    Raises:
        InputMissingError: The parent has no model, or its training text is not there to be replayed.
        S2SError: Whatever goes wrong with the text or the training.
    """
    refuse_several_targets(parent)
    was = config_of(parent)
    run = RunFolder(folder)
    if run.config.exists():
        config = load_config(run.config, overrides or [])
        if config.train.start_from != str(parent):
            raise CannotCreateError("is there already", where=str(run.config), hint="Take another name for --to.")
    else:
        wishes = Wishes(
            wishes.corpus, wishes.valid, wishes.test, was.data.source, was.data.target, wishes.minutes, wishes.clean
        )
        text = split_text(run, wishes)
        replayed = _replay(was, text, run, replay) if replay else None
        draft = run.path / "data" / "config.yaml"
        write_atomic(draft, dump_config(_config(was, parent, run, text, replayed, wishes.minutes)))
        config = load_config(draft, overrides or [])
        if config.train.max_steps == _NOT_YET:
            config = _with_length(config)
        write_atomic(run.config, dump_config(config))
        draft.unlink()
    train(config, device=device, threads=threads, given=run.config.read_bytes())
    return [
        compare_models("the new domain", text_of(folder), parent, folder, device),
        compare_models("the parent's", text_of(parent), parent, folder, device),
    ]


def _replay(was: Config, text: SplitText, run: RunFolder, replay: float) -> str:
    """Write pairs of the parent's training, evenly drawn, none of them held out of the new text; their spec."""
    held_out = []
    for name, fault in (("valid", Fault.IN_VALID), ("test", Fault.IN_TEST)):
        corpus = open_pairs(text.specs[name], source=text.source, target=text.target)
        held_out.append(HeldOut.of(fault, examine(corpus)))
    try:
        corpus = open_split(was, was.data.train)
    except InputMissingError as error:
        error.hint = "The parent's training text is replayed, so that it is not forgotten; --replay 0 does without."
        raise
    examined = examine(corpus, held_out)
    possible = np.flatnonzero(examined.is_kept)
    wanted = min(len(possible), round(replay * text.n_pairs["train"]))
    chosen = set(np.random.Generator(np.random.PCG64(1)).choice(possible, wanted, replace=False).tolist())
    base = run.path / "data" / "replay"
    with ExitStack() as stack:
        files = [stack.enter_context(writing_to(Path(f"{base}.{side}"))) for side in (text.source, text.target)]
        for index, pair in enumerate(corpus.readable(lambda _: None)):
            if index in chosen:
                files[0].write(f"{pair.src}\n".encode())
                files[1].write(f"{pair.tgt}\n".encode())
    say(f"replay: {wanted:,} of {len(examined.flags):,} pairs that the parent was trained on")
    return f"{base}.{{{text.source},{text.target}}}"


def _config(
    was: Config, parent: Path, run: RunFolder, text: SplitText, replayed: str | None, minutes: float | None
) -> Config:
    """The parent's config with what is new."""
    new = text.specs["train"]
    specs = [*([new] if isinstance(new, str) else new), *([replayed] if replayed else [])]
    data = {**text.specs, "train": specs, "source_column": None, "target_column": None}
    train_changes = {
        "start_from": str(parent),
        "max_steps": None if minutes else _NOT_YET,
        "max_minutes": minutes,
        "schedule": "cosine",
        "learning_rate": was.train.learning_rate * RATE,
        "accumulate": was.train.accumulate,
        "patience": None,
    }
    return was.model_copy(
        update={
            "run": str(run.path),
            "data": was.data.model_copy(update=data),
            "train": was.train.model_copy(update=train_changes),
        }
    )


def _with_length(config: Config) -> Config:
    """With as many updates as `EPOCHS` take, and twenty validations."""
    prepared = tokenize(config)
    split = prepared.train
    plan = plan_epoch(
        split.src_lengths, split.tgt_lengths, batch_tokens=config.train.batch_tokens, seed=config.train.seed, epoch=0
    )
    n_updates = max(100, EPOCHS * -(-len(plan) // config.train.accumulate))
    every = max(20, n_updates // 20)
    changes = {"max_steps": n_updates, "warmup_steps": max(10, n_updates // 20)}
    changes |= {"validate_every": every, "checkpoint_every": every}
    return config.model_copy(update={"train": config.train.model_copy(update=changes)})
