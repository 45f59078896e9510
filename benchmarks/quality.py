"""Train a model as a user would, and score it in every protocol that has published figures for Multi30k.

    python benchmarks/quality.py DATA ROW... [--seeds 1 2 3] [--minutes M] [--jobs N] [--threads N] [--ensemble]
        [--set KEY=VALUE ...] [--out runs/quality]

DATA holds train.en, train.de, val.*, test_2016.* and test_2016.lc.norm.tok.de. ROW is one of those below, followed by
`-N` for the first N training pairs: `init-29000` types `s2s init` and `s2s train` and nothing else; `paper-29000` is
the base config of the paper; with `--minutes` either is given so much time instead of its updates, and `--set` changes
a setting by hand. A training that was
stopped goes on; one that is done is only scored. What s2s says is in a `.log` beside each run folder. Needs
`pip install '.[bench]'`.
"""

import argparse
import json
import statistics
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from s2s.run_folder import write_atomic
from s2s.runtime import n_cores

# what is set beside the text, by row; init has no settings of its own
ROWS: dict[str, dict[str, dict[str, object]] | None] = {
    "init": None,
    "paper": {"model": {"preset": "base"}, "vocab": {"size": 8000}, "train": {"max_steps": 10_000}},
}

REFERENCE = "test_2016.lc.norm.tok.de"

NAMES = ("lc-norm-tok", "13a", "chrF2", "TER", "best on validation (greedy)", "minutes")


def lines(path: Path) -> list[str]:
    return path.read_text("utf-8").split("\n")[:-1]


def s2s(log: Path, *arguments: str) -> None:
    """A command of s2s, whose output goes to the end of a file."""
    with log.open("ab") as output:
        done = subprocess.run([sys.executable, "-m", "s2s", *arguments], stdout=output, stderr=output, check=False)
    if done.returncode:
        raise SystemExit(f"s2s {arguments[0]} failed: see {log}")


@dataclass(frozen=True)
class Training:
    """One training of a row.

    Attributes:
        row: A key of `ROWS`.
        n_pairs: Pairs of the training text, its first.
        seed: Of the training.
        minutes: Train so long, instead of the row's number of updates.
        by_hand: Settings in place of the row's, `KEY=VALUE`.
        threads: Processor threads.
        data: Folder of Multi30k.
        out: Where run folders go.
    """

    row: str
    n_pairs: int
    seed: int
    minutes: float | None
    by_hand: tuple[str, ...]
    threads: int
    data: Path
    out: Path

    @property
    def run(self) -> Path:
        """Its run folder."""
        limit = f"-{self.minutes:g}min" if self.minutes else ""
        return self.out / "-".join([f"{self.row}-{self.n_pairs}-{self.seed}{limit}", *self.by_hand])

    def text(self) -> Path:
        """The folder with the training text, which is written anew."""
        folder = self.out / f"text-{self.n_pairs}"
        folder.mkdir(parents=True, exist_ok=True)
        for side in ("en", "de"):
            chosen = lines(self.data / f"train.{side}")[: self.n_pairs]
            write_atomic(folder / f"train.{side}", "".join(f"{line}\n" for line in chosen))
        return folder

    def train(self) -> None:
        """Train, unless it is done."""
        run, log, settings = self.run, self.run.with_name(f"{self.run.name}.log"), ROWS[self.row]
        specs = {
            "train": f"{self.text()}/train.{{en,de}}",
            "valid": f"{self.data}/val.{{en,de}}",
            "test": f"{self.data}/test_2016.{{en,de}}",
        }
        machine = ["--threads", str(self.threads)]
        config = run / "config.yaml"
        if not config.exists() and settings is None:
            held_out = ["--valid", specs["valid"], "--test", specs["test"]]
            limit = ["--minutes", str(self.minutes)] if self.minutes else []
            s2s(log, "init", str(run), specs["train"], *held_out, *limit, *machine)
        elif not config.exists():
            run.mkdir(parents=True, exist_ok=True)
            data: dict[str, object] = {"source": "en", "target": "de", **specs}
            content: dict[str, dict[str, object] | str] = {"run": str(run), "data": data, **settings}
            if self.minutes:
                content["train"] = {**settings.get("train", {}), "max_minutes": self.minutes, "max_steps": None}
            config.write_text(json.dumps(content, indent=1) + "\n", "utf-8")  # JSON is YAML
        if not (run / "eval" / "test" / "scores.json").exists():
            chosen = [word for one in (f"train.seed={self.seed}", *self.by_hand) for word in ("--set", one)]
            s2s(log, "train", str(run), *chosen, *machine)

    def figures(self) -> list[float]:
        """What is in `NAMES`."""
        metrics = [json.loads(line) for line in lines(self.run / "metrics.jsonl")]
        best = max(one["bleu"] for one in metrics if one["kind"] == "valid")
        return [*test_figures(self.run, self.data), best, metrics[-1]["seconds"] / 60]


def scores_of(run: Path) -> dict[str, dict[str, Any]]:
    """What s2s has found on the test text, by name."""
    found = json.loads((run / "eval" / "test" / "scores.json").read_text("utf-8"))
    return {one["name"]: one for one in found["scores"]}


def test_figures(run: Path, data: Path) -> list[float]:
    """The first four of `NAMES`, of a model that has been scored on the test text."""
    published = published_protocol(lines(run / "eval" / "test" / "hypotheses.txt"), data / REFERENCE)
    return [published, *(float(scores_of(run)[name]["value"]) for name in ("BLEU", "chrF2", "TER"))]


def together(of_row: list[Training]) -> list[float]:
    """Make one model of those of a row, and score it; the first four of `NAMES`."""
    first = of_row[0]
    run = first.out / "-".join([f"{first.row}-{first.n_pairs}", *first.by_hand, "ensemble"])
    log = run.with_name(f"{run.name}.log")
    s2s(log, "ensemble", *(str(one.run) for one in of_row), "--to", str(run), "--threads", str(first.threads))
    s2s(log, "evaluate", str(run), "--threads", str(first.threads))
    return test_figures(run, first.data)


def published_protocol(hypotheses: list[str], reference: Path) -> float:
    """BLEU as Wu et al. 2021 report it: lower-cased, normalised and tokenised as by Moses, against such a reference."""
    from sacrebleu import corpus_bleu
    from sacremoses import MosesPunctNormalizer, MosesTokenizer

    normalizer, tokenizer = MosesPunctNormalizer("de"), MosesTokenizer("de")
    prepared = [tokenizer.tokenize(normalizer.normalize(line.lower()), return_str=True) for line in hypotheses]
    return float(corpus_bleu(prepared, [lines(reference)], tokenize="none", force=True).score)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("rows", nargs="+", metavar="row", help=", ".join(f"{name}-N" for name in ROWS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--minutes", type=float, help="train so long, instead of the row's number of updates")
    parser.add_argument("--set", nargs="+", default=[], metavar="KEY=VALUE", help="settings in place of the row's")
    parser.add_argument("--threads", type=int, help="processor threads of a training (default: its share)")
    parser.add_argument("--jobs", type=int, default=1, help="trainings at a time (a GPU has room for several)")
    parser.add_argument("--ensemble", action="store_true", help="score all seeds of a row together, as one model, too")
    parser.add_argument("--out", type=Path, default=Path("runs/quality"))
    given = parser.parse_args()
    # the protocol is checked before it is used: the raw reference has to become the published one
    raw = published_protocol(lines(given.data / "test_2016.de"), given.data / REFERENCE)
    assert abs(raw - 100) < 1e-6, "sacremoses does not give the published reference"
    threads = given.threads or max(1, n_cores() // given.jobs)
    trainings = [
        Training(name, int(n_pairs), seed, given.minutes, tuple(given.set), threads, given.data, given.out)
        for name, n_pairs in (row.rsplit("-", 1) for row in given.rows)
        for seed in given.seeds
    ]
    with ThreadPoolExecutor(given.jobs) as pool:
        list(pool.map(Training.train, trainings))
    for row in given.rows:
        of_row = [one for one in trainings if f"{one.row}-{one.n_pairs}" == row]
        found = [one.figures() for one in of_row]
        for seed, figures in zip(given.seeds, found, strict=True):
            print(f"{row}, seed {seed}: {shown(figures)}")
        medians = [statistics.median(column) for column in zip(*found, strict=True)]
        print(f"{row}, median of {len(found)}: {shown(medians)}")
        print(f"  {', '.join(str(score['signature']) for score in scores_of(of_row[0].run).values())}")
        if given.ensemble:
            print(f"{row}, all {len(of_row)} together: {shown(together(of_row))}")


def shown(figures: list[float]) -> str:
    return ", ".join(f"{name} {figure:.2f}" for name, figure in zip(NAMES, figures, strict=False))


if __name__ == "__main__":
    main()
