"""A small training in a folder of its own, and what of its run folder has to be the same whatever happens to it."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from children import Child, Done, Fault, Server
from small_corpus import write_corpus

from s2s.run_folder import existing_folder, verify_folder

CONFIG = """\
run: run
data:
  source: en
  target: de
  train: {data}/train.{{en,de}}
  valid: {data}/few.{{en,de}}
  test: {data}/few.{{en,de}}
  max_length: 20
vocab:
  size: 64
  byte_fallback: false
model:
  preset: tiny
  n_encoder_layers: 1
  n_decoder_layers: 1
  d_model: 32
  d_ff: 64
  n_heads: 2
train:
  max_steps: {steps}
  batch_tokens: 64
  warmup_steps: 2
  learning_rate: 0.01
  validate_every: {validate}
  checkpoint_every: {every}
  seed: 7
decode:
  beam: 2
"""
_TIMES = {"seconds", "tokens_per_second"}


def write_data(folder: Path) -> Path:
    """The corpus of `small_corpus.py`, and some pairs of it to validate and test on."""
    folder.mkdir(parents=True, exist_ok=True)
    write_corpus(folder)
    for language in ("en", "de"):
        lines = (folder / f"train.{language}").read_text("utf-8").split("\n")[:8]
        (folder / f"few.{language}").write_text("\n".join(lines) + "\n", "utf-8")
    return folder


class Training:
    """A training in a folder: the same command, as often as it takes.

    Args:
        server: Starts the command.
        home: The folder; its run folder is `home / "run"`.
        data: Where the corpus is.
        steps: Updates.
        every: Updates between checkpoints.
        validate: Updates between validations.
    """

    def __init__(
        self, server: Server, home: Path, data: Path, steps: int = 12, every: int = 4, validate: int = 5
    ) -> None:
        home.mkdir(parents=True)
        config = CONFIG.format(data=data, steps=steps, every=every, validate=validate)
        (home / "config.yaml").write_text(config, "utf-8")
        self.server, self.home, self.run = server, home, home / "run"

    def start(self, more: Sequence[str] = (), **how: Any) -> Child:
        """Start `s2s train` with some more arguments. `how`: see `children._live`."""
        return self.server.start("train", "config.yaml", *more, cwd=self.home, **how)

    def go(self, more: Sequence[str] = (), **how: Any) -> Done:
        """Run `s2s train` to its end."""
        return self.start(more, **how).wait()

    def last_checkpoint(self) -> int:
        """Number of its update; 0 without one."""
        return max((int(path.name[5:]) for path in self.run.glob("checkpoints/step-*")), default=0)

    def fault(self, kind: int, at: int = -1, **more: Any) -> Fault:
        """A fault in the run folder."""
        return Fault(self.run, kind, at, **more)

    def finish(self) -> dict[str, str]:
        """Run it to its end, which has to be a good one; what it came to.

        It has to go on from the last checkpoint that is there, and what is there has to be whole.
        """
        last = self.last_checkpoint()
        for folder in (*self.run.glob("checkpoints/step-*"), existing_folder(self.run / "model")):
            if folder.exists():
                verify_folder(folder, what="folder")
        done = self.go()
        assert f"resuming after update {last} " in done.stderr if last else "resuming" not in done.stderr, done.stderr
        assert done.code == 0, f"code {done.code}\n{done.stderr}"
        return essence(self.run)


def essence(run: Path) -> dict[str, str]:
    """By file of a run folder, a sum of its content without what only says how long something took.

    `run.json` lists the starts, and a checkpoint's manifest holds the sum of a file with times: both are left out.
    """
    sums = {}
    for path in sorted(run.rglob("*")):
        name = path.relative_to(run).as_posix()
        is_seal = name.startswith("checkpoints/") and path.name == "manifest.json"
        if path.is_file() and name not in ("run.json", ".lock") and not is_seal:
            sums[name] = hashlib.sha256(_without_times(path)).hexdigest()
    return sums


def _without_times(path: Path) -> bytes:
    if path.name == "metrics.jsonl":
        records = [json.loads(line) for line in path.read_bytes().split(b"\n") if line]
        return json.dumps(
            [{key: record[key] for key in record.keys() - _TIMES} for record in records], sort_keys=True
        ).encode()
    if path.name in ("state.json", "scores.json"):
        record = json.loads(path.read_bytes())
        return json.dumps({key: record[key] for key in record.keys() - _TIMES}, sort_keys=True).encode()
    return path.read_bytes()


def differences(one: dict[str, str], other: dict[str, str]) -> list[str]:
    """The files that are not in both, or not the same."""
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))
