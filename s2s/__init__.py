"""Train and run your own translation model.

The commands of the shell are functions here:

    from s2s import Translator
    Translator.load("runs/demo").translate(["The dog sleeps."])

    import s2s
    result = s2s.train("configs/demo.yaml")
    s2s.evaluate(result.run, split="test").score("BLEU")
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from s2s.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from s2s.config.schema import Config
    from s2s.decoding.translator import Translator
    from s2s.jobs.evaluate import Evaluation
    from s2s.jobs.export import Exported
    from s2s.jobs.train import TrainResult

__all__ = ["Translator", "__version__", "evaluate", "export", "load_config", "train"]


def load_config(path: str | Path, overrides: "Sequence[str]" = ()) -> "Config":
    """Read a config file; `overrides` are strings such as `train.max_steps=100`.

    Raises:
        ConfigError: With every mistake in it.
    """
    from s2s.config.load import load_config as load

    return load(Path(path), overrides)


def train(
    config: "Config | str | Path",
    *,
    device: str = "auto",
    overwrite: bool = False,
    on_record: "Callable[[dict[str, Any]], None] | None" = None,
) -> "TrainResult":
    """Train a model from a config or its file; see `jobs.train.train`.

    `on_record` is called with each record of `metrics.jsonl` as it is written: a hook for other loggers.

    Under torchrun, all its processes train the model, and only rank 0 returns: the others end when it is trained.
    """
    from s2s.config.schema import Config
    from s2s.jobs.train import train as run
    from s2s.training.ranks import together

    with together() as ranks:
        loaded = config if isinstance(config, Config) else load_config(config)
        return run(loaded, device=device, overwrite=overwrite, ranks=ranks, on_record=on_record)


def evaluate(
    run: str | Path,
    *,
    split: str = "test",
    src: str | Path | None = None,
    ref: str | Path | None = None,
    to: str | None = None,
    beam: int | None = None,
    device: str = "auto",
) -> "Evaluation":
    """Score a trained model on a split of its config, or on a file of sentences `src` and one of references `ref`.

    `to` says which language of a model of several is scored.
    """
    from s2s.errors import UsageError
    from s2s.jobs import evaluate as job
    from s2s.jobs.test_sets import files_as_test_set

    if (src is None) != (ref is None):
        raise UsageError("src and ref belong together")
    test_set = files_as_test_set(Path(src), Path(ref)) if src is not None and ref is not None else None
    return job.evaluate(run, test_set, split=split, to=to, beam=beam, device=device)


def export(run: str | Path, to: str, *, output: str | Path | None = None, check: bool = True) -> "Exported":
    """Write a trained model as `bundle`, `ctranslate2`, `hf-marian` or `onnx`; see `jobs.export.export`."""
    from s2s.jobs.export import export as job

    return job(run, to, output=output, check=check)


def __getattr__(name: str) -> Any:
    """Import `Translator`, and with it torch, only when it is asked for."""
    if name == "Translator":
        from s2s.decoding.translator import Translator

        return Translator
    raise AttributeError(f"module 's2s' has no attribute {name!r}")
