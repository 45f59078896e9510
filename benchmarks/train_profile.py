"""Where an update's time goes, part by part, each part timed alone at the sizes of a real batch.

    python benchmarks/train_profile.py [CORPUS] [--shape tiny base] [--batch-tokens 2048] [--precision auto]
                                       [--seconds 1]

One thread works on one worker's share of a batch, as `s2s train` does it on each core. The parts are run forward and
backward on random numbers of the sizes that they have in the model; their sum is compared with a whole update, so that
what is missing shows.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from train_speed import BUNDLED, name_of, prepared_corpus, product_rate

from s2s.config.schema import Config
from s2s.corpus.batches import collate, plan_epoch
from s2s.corpus.store import EncodedSplit
from s2s.decoding.bundle import build_transformer
from s2s.jobs.tokenize import Prepared
from s2s.model import Transformer, projection_loss
from s2s.runtime import autocast_type, set_threads
from s2s.training.checkpoint import TrainingState
from s2s.training.trainer import Trainer


def seconds_of(action: Callable[[], object], seconds: float) -> float:
    """Median time of an action, over at least three goes and `seconds`; the first is not counted."""
    action()
    times: list[float] = []
    while len(times) < 3 or sum(times) < seconds:
        began = time.perf_counter()
        action()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def both_ways(forward: Callable[[], list[torch.Tensor]]) -> Callable[[], None]:
    """Forward and backward of a part, given a function that computes its outputs."""
    gradients = [torch.randn_like(output) for output in forward()]
    return lambda: torch.autograd.backward(forward(), gradients)


def parts_of(
    model: Transformer, trainer: Trainer, split: EncodedSplit, indices: NDArray[np.int64], dtype: torch.dtype
) -> dict[str, Callable[[], object]]:
    """The parts of an update on one batch; together they are about all of it."""
    batch = collate(split, indices)
    src_BS, tgt_BT = batch.src_BS, batch.tgt_in_BT
    d = model.config.d_model
    x_BSD = torch.randn(*src_BS.shape, d, requires_grad=True)
    y_BTD = torch.randn(*tgt_BT.shape, d, requires_grad=True)
    hidden_ND = torch.randn(batch.n_target_tokens, d, requires_grad=True)
    mask = model.mask(src_BS)

    def inputs() -> tuple[torch.Tensor, torch.Tensor]:
        """As layers give them to their parts: in the type of products."""
        return x_BSD.to(dtype), y_BTD.to(dtype)

    def embedding() -> list[torch.Tensor]:
        return [model.embed(src_BS, model.src_embedding), model.embed(tgt_BT, model.tgt_embedding)]

    def attention() -> list[torch.Tensor]:
        x, y = inputs()
        return [
            *(layer.self_attention(x, x, mask) for layer in model.encoder),
            *(layer.self_attention(y, y, causal=True) for layer in model.decoder),
            *(layer.cross_attention(y, x, mask) for layer in model.decoder),
        ]

    def feed_forward() -> list[torch.Tensor]:
        x, y = inputs()
        return [
            *(layer.feed_forward(x) for layer in model.encoder),
            *(layer.feed_forward(y) for layer in model.decoder),
        ]

    def residual() -> list[torch.Tensor]:
        """Two around each encoder layer, three around each decoder layer."""
        return [
            *(layer.around_feed_forward(x_BSD, lambda z: z) for layer in [*model.encoder] * 2),
            *(layer.around_feed_forward(y_BTD, lambda z: z) for layer in [*model.decoder] * 3),
        ]

    def loss() -> None:
        target_N = batch.tgt_out_BT.flatten()[batch.real_N]
        projection_loss(hidden_ND, model.projection.weight, target_N, 0.1)[0].backward()  # type: ignore[no-untyped-call]

    def optimiser() -> None:
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        trainer.optimizer.step()

    return {
        "embedding": both_ways(embedding),
        "attention": both_ways(attention),
        "feed-forward": both_ways(feed_forward),
        "norm + residual + dropout": both_ways(residual),
        "projection + loss": loss,
        "optimiser": optimiser,
        "data": lambda: collate(split, indices),
    }


def profile(config: Config, prepared: Prepared, precision: str, seconds: float) -> str:
    """Time the parts and a whole update; a table."""
    split = prepared.train
    model = build_transformer(config.model, prepared.vocabularies)
    autocast = autocast_type(precision, torch.device("cpu"), training=True)
    dtype = autocast or torch.float32
    trainer = Trainer(model, split, config.train, TrainingState(prepared.fingerprint), autocast)
    model.train()
    plan = plan_epoch(split.src_lengths, split.tgt_lengths, batch_tokens=config.train.batch_tokens, seed=1, epoch=0)
    indices = plan[len(plan) // 2]
    whole = seconds_of(lambda: trainer.update([indices]), seconds)
    with torch.autocast("cpu", dtype=autocast, enabled=autocast is not None):
        parts = parts_of(model, trainer, split, indices, dtype)
        times = {name: seconds_of(part, seconds) for name, part in parts.items()}
    n_tokens = int(split.tgt_lengths[indices].sum()) + len(indices)
    lines = [
        f"{config.model.preset}: {n_tokens:,} target pieces, one thread, {name_of(dtype)},"
        f" products at {product_rate(dtype) / 1e9:.0f} GFLOP/s"
    ]
    for name, part_seconds in sorted(times.items(), key=lambda item: -item[1]):
        lines.append(f"  {name:28}{part_seconds * 1e3:9.1f} ms  {part_seconds / whole:6.1%}")
    lines.append(f"  {'sum of the parts':28}{sum(times.values()) * 1e3:9.1f} ms  {sum(times.values()) / whole:6.1%}")
    lines.append(f"  {'an update as a whole':28}{whole * 1e3:9.1f} ms  100.0%")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path, nargs="?", default=BUNDLED)
    parser.add_argument("--shape", nargs="+", default=["tiny", "base"])
    parser.add_argument("--batch-tokens", type=int, default=2048, help="of one worker: half a batch, for two cores")
    parser.add_argument("--precision", choices=("auto", "fp32", "bf16"), default="auto")
    parser.add_argument("--seconds", type=float, default=1.0, help="time for each part")
    arguments = parser.parse_args()
    set_threads(1)
    for shape in arguments.shape:
        with tempfile.TemporaryDirectory() as folder:
            config, prepared = prepared_corpus(arguments.corpus, shape, arguments.batch_tokens, Path(folder))
            print(profile(config, prepared, arguments.precision, arguments.seconds), flush=True)


if __name__ == "__main__":
    main()
