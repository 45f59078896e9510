"""What a corpus of N pairs costs, from its text to the first updates: the curve of time and memory over N.

    python benchmarks/data_scale.py [CORPUS] [--pairs 1e4 1e5 1e6 1e7] [--updates 40] [--folder /tmp]

CORPUS is a folder with train.en and train.de; without it, the bundled one. Its sentences are recombined: pair n is a
pair of the corpus with the number n at its end, and in every third a second pair before it, so that no two are the
same. The same N gives the same text. For each N, `s2s tokenize` and a short `s2s train` of the tiny preset run as
processes of their own in a temporary folder, which takes about 240 bytes a pair. Before training, what can be is put
out of the system's cache of files, so that it starts from the disk.

Behind a time stands in brackets what it took of all processors together, in seconds, which other programs disturb less.
Memory is the highest sum over a process and its children, sampled ten times a second: `own` is what nobody else has
and the system cannot take back; `mapped` counts pages of files too, which it can, so that it says how much was there
to spare. A training of the same model on 10^4 pairs shows what the model itself needs.
"""

import argparse
import contextlib
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

BUNDLED = Path(__file__).parent.parent / "data"
N_VALID = 50

CONFIG = """\
run: {folder}/run
data:
  source: en
  target: de
  train: {folder}/train.{{en,de}}
  valid: {folder}/valid.{{en,de}}
  deduplicate: true
model: {{preset: tiny}}
train: {{max_steps: {updates}, average: 0, validate_every: 1000000, checkpoint_every: 1000000}}
"""

PLAIN = "from s2s.cli import main; main()"
TELLING = """\
import sys
from s2s.training.log import TrainingLog
update = TrainingLog.update
def tell(self, report, share):
    print("update", report.step, "is done", file=sys.stderr, flush=True)
    update(self, report, share)
TrainingLog.update = tell
from s2s.cli import main; main()
"""
"""Programs that are `s2s`, and `s2s` that says when each update is done."""

HEADER = (
    "pairs | pieces (10^6) | text (MB) | store (MB) | vocabulary (s) | encoding (s) | (s/10^6 pieces)"
    " | tokenize, own (MB) | first update (s) | an update (s) | train, own (MB) | with mapped files (MB)"
)


@dataclass(frozen=True)
class Command:
    """How a command went.

    Attributes:
        own: The most memory in bytes that was its own.
        mapped: The same with files that were mapped.
        lines: What it said, and when: seconds from the start.
        samples: Seconds from the start, and processor seconds that it had used by then.
    """

    own: int
    mapped: int
    lines: list[tuple[float, str]]
    samples: list[tuple[float, float]]

    def when(self, pattern: str) -> list[float]:
        """When lines were said that begin with what the pattern matches, in seconds from the start."""
        return [seconds for seconds, line in self.lines if re.match(pattern, line)]

    def used(self, seconds: float) -> float:
        """Processor seconds used by then."""
        times, used = zip(*self.samples, strict=True)
        return float(np.interp(seconds, times, used))


def pairs(corpus: Path, n: int) -> Iterator[tuple[str, str]]:
    """That many pairs, no two of them the same."""
    src, tgt = ((corpus / f"train.{side}").read_text("utf-8").rstrip("\n").split("\n") for side in ("en", "de"))
    for number in range(n):
        one, other = number * 7919 % len(src), number * 104_729 % len(src)
        if number % 3:
            yield f"{src[one]} {number}", f"{tgt[one]} {number}"
        else:
            yield f"{src[other]} {src[one]} {number}", f"{tgt[other]} {tgt[one]} {number}"


def write_corpus(corpus: Path, n: int, folder: Path) -> None:
    """Write train.{en,de} and a small valid.{en,de}."""
    for name, some in (("train", pairs(corpus, n)), ("valid", islice(pairs(corpus, n), N_VALID))):
        with (
            (folder / f"{name}.en").open("w", encoding="utf-8") as src,
            (folder / f"{name}.de").open("w", encoding="utf-8") as tgt,
        ):
            for one, other in some:
                src.write(f"{one}\n")
                tgt.write(f"{other}\n")


def run(program: str, arguments: list[str]) -> Command:
    """Run `s2s` and watch it."""
    command = [sys.executable, "-c", program, *arguments]
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    lines: list[tuple[float, str]] = []
    reader = threading.Thread(target=_note_lines, args=(process, began, lines))
    reader.start()
    own = mapped = 0
    samples = [(0.0, 0.0)]
    while process.poll() is None:
        numbers = _tree(process.pid)
        sizes = [_memory(number) for number in numbers]
        own = max(own, sum(size[0] for size in sizes))
        mapped = max(mapped, sum(sum(size) for size in sizes))
        samples.append((time.perf_counter() - began, max(samples[-1][1], sum(map(_used, numbers)))))
        time.sleep(0.1)
    reader.join()
    if process.returncode:
        raise SystemExit("\n".join(line for _, line in lines))
    return Command(own, mapped, lines, samples)


def _note_lines(process: "subprocess.Popen[bytes]", began: float, lines: list[tuple[float, str]]) -> None:
    for line in process.stderr or ():
        text = line.decode("utf-8", "replace").rstrip()
        lines.append((time.perf_counter() - began, text))


def _tree(number: int) -> list[int]:
    """A process, its children, and theirs."""
    found = [number]
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{number}/task").iterdir():
            for child in (task / "children").read_text().split():
                found += _tree(int(child))
    return found


def _memory(number: int) -> tuple[int, int]:
    """Bytes of a process that are its own, and of mapped files; nothing if it has just ended."""
    with contextlib.suppress(OSError):
        status = Path(f"/proc/{number}/status").read_text()
        sizes = {name: int(kib) * 1024 for name, kib in re.findall(r"(Rss\w+):\s+(\d+)", status)}
        return sizes.get("RssAnon", 0) + sizes.get("RssShmem", 0), sizes.get("RssFile", 0)
    return 0, 0


def _used(number: int) -> float:
    """Processor seconds of a process and of its children that have ended; nothing if it has ended itself."""
    with contextlib.suppress(OSError):
        fields = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
        return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
    return 0.0


def forget(folder: Path) -> None:
    """Put the files of a folder out of the system's cache, if it lets us."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def size_of(folder: Path) -> int:
    """Bytes of the files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def measure(corpus: Path, n: int, n_updates: int, parent: Path | None) -> list[str]:
    """A row of the table."""
    with tempfile.TemporaryDirectory(prefix="s2s-data-scale-", dir=parent) as name:
        folder = Path(name)
        write_corpus(corpus, n, folder)
        text = size_of(folder)
        (folder / "config.yaml").write_text(CONFIG.format(folder=folder, updates=n_updates), "utf-8")
        time.sleep(4)  # sums of files that have just changed are not remembered
        config = str(folder / "config.yaml")
        tokenize = run(PLAIN, ["tokenize", config])
        pieces = sum(
            int(match[1].replace(",", ""))
            for _, line in tokenize.lines
            if (match := re.match(r"  (?:source|target): ([\d,]+) pieces", line))
        )
        forget(folder)
        train = run(TELLING, ["train", config])
        store = size_of(folder / "run" / "store")
    learnt = tokenize.when("vocabulary: ")[0]
    encoded = tokenize.when("train: ")[0] - learnt
    used = tokenize.used(learnt + encoded) - tokenize.used(learnt)
    updates = train.when("update .* is done")
    late = updates[len(updates) // 2 :]
    per_update = (train.used(late[-1]) - train.used(late[0])) / (len(late) - 1)
    return [
        f"{n:,}",
        f"{pieces / 1e6:,.2f}",
        f"{text / 1e6:,.0f}",
        f"{store / 1e6:,.0f}",
        f"{learnt:.1f} ({tokenize.used(learnt):.1f})",
        f"{encoded:.1f} ({used:.1f})",
        f"{encoded / (pieces / 1e6):.2f} ({used / (pieces / 1e6):.2f})",
        f"{tokenize.own / 1e6:,.0f}",
        f"{updates[0]:.1f} ({train.used(updates[0]):.1f})",
        f"{(late[-1] - late[0]) / (len(late) - 1):.2f} ({per_update:.2f})",
        f"{train.own / 1e6:,.0f}",
        f"{train.mapped / 1e6:,.0f}",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path, nargs="?", default=BUNDLED)
    parser.add_argument("--pairs", type=float, nargs="+", default=[1e4, 1e5, 1e6])
    parser.add_argument("--updates", type=int, default=40)
    parser.add_argument("--folder", type=Path, help="where the temporary folder is made")
    arguments = parser.parse_args()
    print(f"| {HEADER} |\n|{' --- |' * (HEADER.count('|') + 1)}", flush=True)
    for n in arguments.pairs:
        print("|", " | ".join(measure(arguments.corpus, int(n), arguments.updates, arguments.folder)), "|", flush=True)


if __name__ == "__main__":
    main()
