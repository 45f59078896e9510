"""What OpenNMT-py makes of the same text, pieces and model size in the same minutes as s2s.

    python benchmarks/quality_opennmt.py DATA RUN --python VENV/bin/python [--minutes 12] [--out runs/opennmt]

DATA is the folder that `quality.py` takes, RUN a run of s2s on it: its vocabulary and sizes are used. VENV is another
environment with OpenNMT-py 3.5.1 (with numpy below 2, torch, pyahocorasick). Its recipe is the usual one of the tiny
model (Adam, noam, label smoothing 0.1), with a warm-up that fits the number of updates, which a probe says; the average
of the last checkpoints and the last one are both translated with beam 5, and the better on validation is reported.
"""

import argparse
import os
import re
import subprocess
from pathlib import Path

from quality import REFERENCE, lines, published_protocol
from sacrebleu import corpus_bleu

from s2s.decoding.bundle import load_bundle
from s2s.jobs.compare import config_of

PEAK_RATE = 5e-3
"""Of the tiny model's recipe (Wu et al. 2021)."""


def train_config(run: Path, out: Path, n_steps: int, dropout: float) -> dict[str, object]:
    model = config_of(run).model
    keep = max(1, n_steps // 20)
    warmup = min(2000, n_steps // 4)
    return {
        "data": {
            "corpus": {"path_src": f"{out}/train.src", "path_tgt": f"{out}/train.tgt", "transforms": []},
            "valid": {"path_src": f"{out}/val.src", "path_tgt": f"{out}/val.tgt", "transforms": []},
        },
        "src_vocab": f"{out}/vocab.txt",
        "tgt_vocab": f"{out}/vocab.txt",
        **dict.fromkeys(("share_vocab", "share_embeddings", "share_decoder_embeddings", "position_encoding"), True),
        **dict.fromkeys(("encoder_type", "decoder_type"), "transformer"),
        "enc_layers": model.n_encoder_layers,
        "dec_layers": model.n_decoder_layers,
        **dict.fromkeys(("hidden_size", "word_vec_size"), model.d_model),
        "transformer_ff": model.d_ff,
        "heads": model.n_heads,
        "dropout": [dropout],
        "attention_dropout": [0.0],
        "label_smoothing": 0.1,
        **{"optim": "adam", "adam_beta2": 0.98, "decay_method": "noam", "max_grad_norm": 0},
        "warmup_steps": warmup,
        "learning_rate": PEAK_RATE * (model.d_model * warmup) ** 0.5,  # noam divides by that root at its peak
        **{"param_init": 0, "param_init_glorot": True},
        **{"batch_type": "tokens", "batch_size": 2048, "normalization": "tokens", "accum_count": [1]},
        **{"bucket_size": 29000, "num_workers": 0, "train_steps": n_steps, "valid_steps": 10**6},
        **{"save_checkpoint_steps": keep, "keep_checkpoint": 6, "report_every": 20, "seed": 1},
        "save_model": f"{out}/model",
    }


def opennmt(python: Path, out: Path, *arguments: str) -> str:
    environment = {**os.environ, "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD": "1"}
    environment["OMP_NUM_THREADS"] = environment.get("OMP_NUM_THREADS", str(os.cpu_count()))
    environment.pop("PYTHONPATH", None)
    done = subprocess.run(
        [python, "-c", f"from onmt.bin.{arguments[0]} import main; main()", *arguments[1:]],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    (out / f"{arguments[0]}.log").write_text(done.stdout)
    if done.returncode:
        raise SystemExit(f"{arguments[0]}: {done.stdout[-2000:]}")
    return done.stdout


def seconds_of(log: str) -> list[tuple[int, float]]:
    """Steps and the seconds at which they were reported."""
    return [(int(step), float(at)) for step, at in re.findall(r"Step (\d+)/.*?;\s+(\d+) sec", log)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("run", type=Path)
    parser.add_argument("--python", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=12)
    parser.add_argument("--dropout", type=float, default=0.1)
    parser.add_argument("--out", type=Path, default=Path("runs/opennmt"))
    given = parser.parse_args()
    out = given.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    vocabulary = load_bundle(given.run).vocabularies.src
    for split in ("train", "val", "test_2016"):
        for side, name in (("en", "src"), ("de", "tgt")):
            pieces = (" ".join(vocabulary.pieces(line)) for line in lines(given.data / f"{split}.{side}"))
            (out / f"{split}.{name}").write_text("".join(f"{line}\n" for line in pieces), "utf-8")
    seen = {piece for name in ("src", "tgt") for line in lines(out / f"train.{name}") for piece in line.split()}
    (out / "vocab.txt").write_text("".join(f"{piece}\n" for piece in sorted(seen)), "utf-8")

    def trained(n_steps: int) -> str:
        import json

        config = out / "config.yaml"
        config.write_text(json.dumps(train_config(given.run, out, n_steps, given.dropout)), "utf-8")
        return opennmt(given.python, out, "train", "-config", str(config))

    probed = seconds_of(trained(160))
    a_step = (probed[-1][1] - probed[1][1]) / (probed[-1][0] - probed[1][0])
    n_steps = int(given.minutes * 60 / a_step)
    print(f"{a_step:.3f} s an update: {n_steps:,} updates", flush=True)
    for old in out.glob("model_step_*"):
        old.unlink()
    log = trained(n_steps)
    print(f"trained for {seconds_of(log)[-1][1] / 60:.1f} min", flush=True)
    checkpoints = sorted(out.glob("model_step_*.pt"), key=lambda path: int(path.stem.rsplit("_", 1)[1]))
    opennmt(given.python, out, "average_models", "-models", *map(str, checkpoints[-5:]), "-output", f"{out}/average.pt")
    best: tuple[float, Path] = (-1.0, checkpoints[-1])
    for model in (checkpoints[-1], out / "average.pt"):
        value = corpus_bleu(translated(given.python, out, model, "val"), [lines(given.data / "val.de")]).score
        print(f"validation, {model.name}: {value:.2f}", flush=True)
        best = max(best, (value, model))
    hypotheses = translated(given.python, out, best[1], "test_2016")
    cased = corpus_bleu(hypotheses, [lines(given.data / "test_2016.de")])
    published = published_protocol(hypotheses, given.data / REFERENCE)
    print(f"test_2016, {best[1].name}: 13a {cased.score:.2f}, lc-norm-tok {published:.2f}")


def translated(python: Path, out: Path, model: Path, split: str) -> list[str]:
    """A split in the target language, beam 5, pieces put together."""
    made = out / f"{model.stem}.{split}"
    options = ["-src", f"{out}/{split}.src", "-output", str(made), "-beam_size", "5", "-batch_size", "64"]
    opennmt(python, out, "translate", "-model", str(model), *options, "-max_length", "80")
    return [line.replace(" ", "").replace("▁", " ").strip() for line in lines(made)]


if __name__ == "__main__":
    main()
