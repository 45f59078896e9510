"""Training speed by number of ranks: target pieces a second, each number of ranks in turns.

    python benchmarks/ranks.py [CORPUS] [--ranks 1 2] [--shape tiny] [--seconds 60] [--device cpu] [--batch-tokens N]

CORPUS is a folder with train.en and train.de; without it, the bundled one. Each number of ranks has its own processes,
which wait while it is another's turn (A B A B …), so that a machine that slows down slows all. One rank is what
`s2s train` does without torchrun: on a CPU, a gradient worker for each core. The first half of each is compared with
its second half: their ratio is the noise floor.
"""

import argparse
import itertools
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
from train_speed import BUNDLED, prepared_corpus

from s2s.config.load import dump_config, load_config
from s2s.corpus.batches import plan_epoch
from s2s.decoding.bundle import build_transformer
from s2s.jobs.tokenize import open_prepared
from s2s.run_folder import RunFolder
from s2s.runtime import autocast_type
from s2s.training.checkpoint import TrainingState
from s2s.training.ranks import Ranks, together
from s2s.training.trainer import Trainer

UPDATES = 5  # a turn


def be_a_rank(config_file: Path, fingerprint: str, device_name: str) -> None:
    """Make so many updates as each line of standard input says; rank 0 prints target pieces and seconds."""
    with together() as ranks:
        config = load_config(config_file)
        device = ranks.device(device_name)
        n_threads = ranks.set_threads(None)
        vocabularies, split = open_prepared(RunFolder(Path(config.run)), fingerprint)
        ranks.connect(device)
        model = build_transformer(config.model, vocabularies).to(device)
        autocast = autocast_type(config.train.precision, device, training=True)
        state = TrainingState(fingerprint, n_ranks=ranks.n)
        trainer = Trainer(model, split, config.train, state, autocast, ranks)
        print(json.dumps({"threads": n_threads, "workers": trainer.gradient.n_workers}), flush=True)
        take_turns(trainer, ranks)


def take_turns(trainer: Trainer, ranks: Ranks) -> None:
    split, config = trainer.split, trainer.config
    plan = plan_epoch(split.src_lengths, split.tgt_lengths, batch_tokens=config.batch_tokens, seed=1, epoch=0)
    batches = itertools.cycle(plan)
    for line in sys.stdin:
        began, n_pieces = time.perf_counter(), 0
        for _ in range(int(line)):
            n_pieces += trainer.update(list(itertools.islice(batches, ranks.n * config.accumulate))).n_target_tokens
        print(json.dumps({"pieces": n_pieces, "seconds": time.perf_counter() - began}), flush=True)


class Group:
    """The processes of one number of ranks."""

    def __init__(self, n: int, arguments: list[str]) -> None:
        self.n, self.rates = n, list[float]()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self._ranks = []
        for number in range(n):
            names = {"RANK": number, "LOCAL_RANK": number, "WORLD_SIZE": n, "LOCAL_WORLD_SIZE": n, "MASTER_PORT": port}
            environment = {**os.environ, "MASTER_ADDR": "127.0.0.1", **{name: str(v) for name, v in names.items()}}
            command = [sys.executable, __file__, "--be-a-rank", *arguments]
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
            self._ranks.append(subprocess.Popen(command, env=environment, text=True, **pipes))  # type: ignore[call-overload]
        self.facts = self._answers()[0]

    def turn(self) -> float:
        """Some updates; target pieces a second."""
        for rank in self._ranks:
            rank.stdin.write(f"{UPDATES}\n")
            rank.stdin.flush()
        done = self._answers()[0]
        return float(done["pieces"] / done["seconds"])

    def _answers(self) -> list[dict[str, float]]:
        return [json.loads(rank.stdout.readline()) for rank in self._ranks]

    def end(self) -> None:
        """Let the processes leave."""
        for rank in self._ranks:
            rank.stdin.close()
        for rank in self._ranks:
            rank.wait()

    def row(self, first: "Group") -> str:
        """A line of the table; `first` is what the ratio is against."""
        half = len(self.rates) // 2
        noise = abs(statistics.median(self.rates[:half]) / statistics.median(self.rates[half:]) - 1)
        ratio = statistics.median(a / b for a, b in zip(self.rates, first.rates, strict=True))
        work = f"{self.facts['threads']} threads, {self.facts['workers']} workers"
        rate = statistics.median(self.rates)
        return f"{self.n:5} {rate:16,.0f} {ratio:8.2f} {noise:8.1%}  {work}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path, nargs="?", default=BUNDLED)
    parser.add_argument("--ranks", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--shape", default="tiny")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--batch-tokens", type=int, default=4096)
    parser.add_argument("--be-a-rank", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.be_a_rank:
        config_file, fingerprint, device = arguments.be_a_rank
        be_a_rank(Path(config_file), fingerprint, device)
        return
    with tempfile.TemporaryDirectory() as folder:
        config, prepared = prepared_corpus(arguments.corpus, arguments.shape, arguments.batch_tokens, Path(folder))
        config_file = Path(folder) / "config.yaml"
        config_file.write_text(dump_config(config), "utf-8")
        groups = [Group(n, [str(config_file), prepared.fingerprint, arguments.device]) for n in arguments.ranks]
        for group in groups:
            group.turn()  # warm-up
        began = time.perf_counter()
        while time.perf_counter() - began < arguments.seconds or len(groups[0].rates) < 2:
            for group in groups:
                group.rates.append(group.turn())
        for group in groups:
            group.end()
    device = torch.cuda.get_device_name() if torch.cuda.is_available() and arguments.device != "cpu" else "cpu"
    print(f"{arguments.shape}, {config.train.batch_tokens:,} tokens a batch, {device}, corpus {arguments.corpus.name}")
    print(f"torch {torch.__version__}, {len(groups[0].rates)} turns of {UPDATES} updates each")
    print("ranks  target pieces/s    ratio    noise  each rank")
    for group in groups:
        print(group.row(groups[0]))


if __name__ == "__main__":
    main()
