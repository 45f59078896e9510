"""Train a model as a user would, and score it in every protocol that has published figures for Multi30k.

    python benchmarks/quality.py DATA ROW [--seeds 1 2 3] [--minutes M] [--threads N] [--out runs/quality]

DATA holds train.en, train.de, val.*, test_2016.* and test_2016.lc.norm.tok.de. ROW is one of those below, followed by
`-N` for the first N training pairs: `init-29000` types `s2s init` and `s2s train` and nothing else; `paper-29000` is
the base config of the paper; with `--minutes` either is given so much time instead of its updates. A training that was
stopped goes on; one that is done is only scored. Needs `pip install '.[bench]'`.
"""

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path

import yaml

# what is set beside the text, by row; init has no settings of its own
ROWS: dict[str, list[str] | None] = {
    "init": None,
    "paper": ["model.preset=base", "vocab.size=8000", "train.max_steps=10000"],
}


def lines(path: Path) -> list[str]:
    return path.read_text("utf-8").split("\n")[:-1]


def s2s(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "s2s", *arguments], check=True)


def train(
    data: Path, row: str, n_pairs: int, seed: int, out: Path, minutes: float | None = None, threads: int | None = None
) -> Path:
    """Train, unless it is done; the run folder."""
    run = out / (f"{row}-{n_pairs}-{seed}" + (f"-{minutes:g}min" if minutes else ""))
    machine = ["--threads", str(threads)] if threads else []
    text = out / f"text-{n_pairs}"
    text.mkdir(parents=True, exist_ok=True)
    for side in ("en", "de"):
        (text / f"train.{side}").write_text(
            "".join(f"{line}\n" for line in lines(data / f"train.{side}")[:n_pairs]), "utf-8"
        )
    valid, test = (f"{data}/{name}.{{en,de}}" for name in ("val", "test_2016"))
    config = run / "config.yaml"
    settings = ROWS[row]
    if not config.exists() and settings is None:
        wanted = ["--minutes", str(minutes)] if minutes else []
        s2s("init", str(run), f"{text}/train.{{en,de}}", "--valid", valid, "--test", test, *wanted, *machine)
    elif not config.exists():
        run.mkdir(parents=True, exist_ok=True)
        data_part = {"source": "en", "target": "de", "train": f"{text}/train.{{en,de}}", "valid": valid, "test": test}
        content: dict[str, object] = {"run": str(run), "data": data_part}
        for setting in settings:
            key, value = setting.split("=")
            if minutes and key == "train.max_steps":
                key, value = "train.max_minutes", str(minutes)
            section, name = key.split(".")
            part = content.setdefault(section, {})
            assert isinstance(part, dict)
            part[name] = yaml.safe_load(value)
        config.write_text(json.dumps(content, indent=1) + "\n", "utf-8")  # JSON is YAML
    if not (run / "eval" / "test" / "scores.json").exists():
        s2s("train", str(run), "--set", f"train.seed={seed}", *machine)
    return run


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
    parser.add_argument("row", help=", ".join(f"{name}-N" for name in ROWS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--minutes", type=float, help="train so long, instead of the row's number of updates")
    parser.add_argument("--threads", type=int, help="processor threads (default: all)")
    parser.add_argument("--out", type=Path, default=Path("runs/quality"))
    given = parser.parse_args()
    row, n_pairs = given.row.rsplit("-", 1)
    reference = given.data / "test_2016.lc.norm.tok.de"
    # the protocol is checked before it is used: the raw reference has to become the published one
    raw = lines(given.data / "test_2016.de")
    assert abs(published_protocol(raw, reference) - 100) < 1e-6, "sacremoses does not give the published reference"
    names = ("lc-norm-tok", "13a", "chrF2", "TER")
    found = []
    for seed in given.seeds:
        run = train(given.data, row, int(n_pairs), seed, given.out, given.minutes, given.threads)
        scores = {one["name"]: one for one in json.loads((run / "eval/test/scores.json").read_text("utf-8"))["scores"]}
        published = published_protocol(lines(run / "eval" / "test" / "hypotheses.txt"), reference)
        found.append([published, *(float(scores[name]["value"]) for name in ("BLEU", "chrF2", "TER"))])
        metrics = [json.loads(line) for line in lines(run / "metrics.jsonl")]
        best = max(one["bleu"] for one in metrics if one["kind"] == "valid")
        minutes = metrics[-1]["seconds"] / 60
        print(f"seed {seed}: {shown(names, found[-1])}; best on validation {best:.2f}; {minutes:.0f} min")
        print(f"  {scores['BLEU']['signature']}")
    medians = [statistics.median(column) for column in zip(*found, strict=True)]
    print(f"{given.row}, median of {len(found)}: {shown(names, medians)}")


def shown(names: tuple[str, ...], figures: list[float]) -> str:
    return ", ".join(f"{name} {figure:.2f}" for name, figure in zip(names, figures, strict=True))


if __name__ == "__main__":
    main()
