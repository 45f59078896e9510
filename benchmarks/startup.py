"""What `s2s translate "text"` does before it answers, and how long that takes against `import torch` alone.

    python benchmarks/startup.py [RUN] [--rounds 5]

RUN is a trained run; without it, a small model with random weights. Whole commands take turns (A B A B …); then one
process tells the time of each of its stages.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

STAGES = """
import time
began = time.perf_counter()
def stage(name):
    global began
    now = time.perf_counter()
    print(f"  {name:45}{1e3 * (now - began):8.0f} ms", flush=True)
    began = time.perf_counter()
import torch
stage("import torch")
import sentencepiece
stage("import sentencepiece")
import s2s.cli, s2s.decoding.translator, s2s.jobs.translate
stage("import the rest of s2s")
from s2s.decoding.native import native
native()
stage("load the compiled engine")
import sys
from pathlib import Path
from s2s.decoding.bundle import load_bundle
bundle = load_bundle(Path(sys.argv[1]))
stage("read the model, with its checksums")
from s2s.decoding.translator import Translator
translator = Translator(bundle)
stage("lay out the weights")
translator.translate(["The old woman is reading a book in the garden."])
stage("translate a sentence")
"""


def random_run(folder: Path) -> Path:
    """A model like the demo's, with random weights and a vocabulary of the bundled corpus."""
    from decode_speed import random_bundle
    from train_speed import BUNDLED

    from s2s.decoding.bundle import save_bundle

    save_bundle(random_bundle(BUNDLED, "tiny", None, folder), folder / "model")
    return folder / "model"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, nargs="?")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run = arguments.run or random_run(Path(folder))
        text = "The old woman is reading a book in the garden."
        commands = {
            "import torch": [sys.executable, "-c", "import torch"],
            "s2s translate": [sys.executable, "-m", "s2s", "translate", "--model", str(run), text],
        }
        times: dict[str, list[float]] = {name: [] for name in commands}
        for number in range(arguments.rounds + 1):
            for name, command in commands.items():
                began = time.perf_counter()
                subprocess.run(command, check=True, capture_output=True)
                if number:  # the first time reads files into memory
                    times[name].append(time.perf_counter() - began)
        for name, found in times.items():
            print(f"{name:15}{statistics.median(found):6.2f} s ({min(found):.2f} to {max(found):.2f})")
        ratios = [own / bare for own, bare in zip(times["s2s translate"], times["import torch"], strict=True)]
        print(f"ratio {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}); in one process:")
        sys.stdout.flush()
        subprocess.run([sys.executable, "-c", STAGES, str(run)], check=True)


if __name__ == "__main__":
    main()
