"""Training speed on real text: target pieces a second, and what the machine could do in the same minutes.

    python benchmarks/train_speed.py [CORPUS] [--shape tiny base] [--batch-tokens 4096] [--ways workers threads]
                                     [--precision auto fp32 bf16] [--seconds 20] [--threads N]

CORPUS is a folder with train.en and train.de; without it, the bundled one. Two ways to use the cores are timed in
turns, update by update on the same batches (A B A B …), so that a machine that slows down slows both: `workers`, a
batch cut into a part per core (what `s2s train` does), and `threads`, one batch with all cores in each operation; and
each with every precision asked for. The first half of each is compared with its second half: their ratio is the
noise floor.
"""

import argparse
import resource
import statistics
import sys
import tempfile
import time
from itertools import product
from pathlib import Path

import torch

from s2s.config.schema import Config
from s2s.corpus.batches import plan_epoch
from s2s.decoding.bundle import build_transformer
from s2s.jobs.tokenize import Prepared, prepare
from s2s.model import TransformerConfig
from s2s.run_folder import RunFolder
from s2s.runtime import autocast_type, set_threads
from s2s.training.checkpoint import TrainingState
from s2s.training.trainer import Trainer

BUNDLED = Path(__file__).parent.parent / "data"


def prepared_corpus(corpus: Path, shape: str, batch_tokens: int, folder: Path) -> tuple[Config, Prepared]:
    """Learn 8,000 pieces (fewer if the text supports fewer) and encode."""
    spec = str(corpus / "train.{en,de}")
    data = {"source": "en", "target": "de", "train": spec, "valid": spec}
    train = {"batch_tokens": batch_tokens}
    config = Config.model_validate({"run": str(folder), "data": data, "model": {"preset": shape}, "train": train})
    run = RunFolder(folder)
    run.create()
    return config, prepare(config, run)


def flops_per_update(shape: TransformerConfig, n_src: int, n_tgt: int) -> float:
    """Floating-point operations of the matrix products of an update: forward, and twice that backward.

    Attention's own products are left out: under 3 % at these lengths.
    """
    d, ff = shape.d_model, shape.d_ff
    encoder = shape.n_encoder_layers * (4 * d * d + 2 * d * ff) * n_src
    decoder = shape.n_decoder_layers * ((6 * d * d + 2 * d * ff) * n_tgt + 2 * d * d * n_src)
    return 3 * 2 * (encoder + decoder + d * shape.tgt_vocab_size * n_tgt)


def product_rate(dtype: torch.dtype, seconds: float = 2.0) -> float:
    """Floating-point operations a second in a product of two 2048 × 2048 matrices, with all threads."""
    a, b = torch.randn(2048, 2048).to(dtype), torch.randn(2048, 2048).to(dtype)
    a @ b
    n, began = 0, time.perf_counter()
    while time.perf_counter() - began < seconds:
        a @ b
        n += 1
    return n * 2 * 2048**3 / (time.perf_counter() - began)


def measure(
    config: Config, prepared: Prepared, ways: list[str], precisions: list[str], seconds: float, n_threads: int
) -> str:
    """Time each way in each precision, all in turns; a line of the table each."""
    split = prepared.train
    trainers, types = {}, {}
    for way, precision in product(ways, precisions):
        model = build_transformer(config.model, prepared.vocabularies)
        set_threads(n_threads if way == "workers" else 1)  # a trainer makes as many workers as there are threads
        autocast = autocast_type(precision, torch.device("cpu"), training=True)
        types[way, precision] = autocast or torch.float32
        state = TrainingState(prepared.fingerprint)
        trainers[way, precision] = Trainer(model, split, config.train, state, autocast)
    set_threads(n_threads)
    plan = plan_epoch(split.src_lengths, split.tgt_lengths, batch_tokens=config.train.batch_tokens, seed=1, epoch=0)
    rates: dict[tuple[str, str], list[float]] = {way: [] for way in trainers}
    flops = []
    began, number = time.perf_counter(), 0
    while time.perf_counter() - began < seconds or number < 4:
        batch = plan[number % len(plan)]
        for way, trainer in trainers.items():
            report = trainer.update([batch])
            if number:  # the first is warm-up
                rates[way].append(report.n_target_tokens / report.seconds)
        n_src = int(split.src_lengths[batch].sum()) + len(batch)
        n_tgt = int(split.tgt_lengths[batch].sum()) + len(batch)
        flops.append(flops_per_update(next(iter(trainers.values())).model.config, n_src, n_tgt) / n_tgt)
        number += 1
    peaks = {dtype: product_rate(dtype) for dtype in {torch.float32: 0, **dict.fromkeys(types.values())}}
    machine = ", ".join(f"{name_of(dtype)} {rate / 1e9:.0f}" for dtype, rate in peaks.items())
    lines = [f"{config.model.preset}: {number} updates each; products with {n_threads} threads, GFLOP/s: {machine}"]
    for way, trainer in trainers.items():
        half = len(rates[way]) // 2
        noise = abs(statistics.median(rates[way][:half]) / statistics.median(rates[way][half:]) - 1)
        rate = statistics.median(rates[way])
        used = rate * statistics.mean(flops) / peaks[types[way]]
        lines.append(
            f"  {way[0]:8} {name_of(types[way]):8} {rate:8,.0f} target pieces/s  {used:5.1%} of the rate of products"
            f"  noise {noise:.1%}  {trainer.gradient.n_workers} workers"
        )
    (first, best), *others = rates.items()
    for name, rate_of_other in others:
        ratio = statistics.median(a / b for a, b in zip(best, rate_of_other, strict=True))
        lines.append(f"  {' '.join(first)} / {' '.join(name)}: {ratio:.2f}")
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # in KiB on Linux
    return "\n".join([*lines, f"  peak memory of this process so far: {peak_mib:,.0f} MiB"])


def name_of(dtype: torch.dtype) -> str:
    """float32 or bfloat16."""
    return str(dtype).removeprefix("torch.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path, nargs="?", default=BUNDLED)
    parser.add_argument("--shape", nargs="+", default=["tiny", "base"])
    parser.add_argument("--batch-tokens", type=int, default=4096)
    parser.add_argument("--ways", nargs="+", choices=("workers", "threads"), default=["workers", "threads"])
    parser.add_argument("--precision", nargs="+", choices=("auto", "fp32", "bf16"), default=["auto"])
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--threads", type=int)
    arguments = parser.parse_args()
    n_threads = set_threads(arguments.threads)
    print(f"torch {torch.__version__}, Python {sys.version.split()[0]}, corpus {arguments.corpus.name}", flush=True)
    for shape in arguments.shape:
        with tempfile.TemporaryDirectory() as folder:
            config, prepared = prepared_corpus(arguments.corpus, shape, arguments.batch_tokens, Path(folder))
            print(
                measure(config, prepared, arguments.ways, arguments.precision, arguments.seconds, n_threads), flush=True
            )


if __name__ == "__main__":
    main()
