"""Many lines through a pipe: does memory stay flat, and does output begin before input ends?

    python benchmarks/pipe.py RUN LINES [--n 1000000] [--beam 1] [--int8]

LINES is repeated until there are so many. Lines that come out are counted, and a line that comes again must be
translated as the first time, in whatever company: so nothing is lost, doubled or out of order.
"""

import argparse
import itertools
import subprocess
import sys
import threading
import time
from pathlib import Path


def resident_mib(pid: int) -> float:
    """Memory in use by a process (Linux)."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096 / 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("lines", type=Path)
    parser.add_argument("--n", type=int, default=1_000_000)
    parser.add_argument("--beam", type=int, default=1)
    parser.add_argument("--int8", action="store_true")
    arguments = parser.parse_args()
    lines = arguments.lines.read_bytes().splitlines(keepends=True)
    command = [sys.executable, "-m", "s2s", "translate", "--model", str(arguments.run), "--beam", str(arguments.beam)]
    process = subprocess.Popen(command + ["--int8"] * arguments.int8, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin
    assert process.stdout
    began, fed = time.perf_counter(), [0]

    def feed() -> None:
        assert process.stdin
        for line in itertools.islice(itertools.cycle(lines), arguments.n):
            process.stdin.write(line)
            fed[0] += 1
        process.stdin.close()

    threading.Thread(target=feed, daemon=True).start()
    first: list[bytes] = []
    n_out, n_other = 0, 0
    for out in process.stdout:
        if n_out < len(lines):
            first.append(out)
        n_other += out != first[n_out % len(lines)]
        n_out += 1
        if n_out == 1:
            print(f"first line out after {time.perf_counter() - began:.1f} s, {fed[0]:,} lines in", flush=True)
        if n_out % max(1, arguments.n // 10) == 0 and n_out < arguments.n:
            mib = resident_mib(process.pid)
            print(f"{n_out:11,} lines out, {fed[0]:11,} in, {mib:7,.0f} MiB", flush=True)
    seconds = time.perf_counter() - began
    print(f"exit code {process.wait()}; {n_out:,} of {arguments.n:,} lines in {seconds:,.0f} s", end="; ")
    print(f"{n_other:,} repeats that are not translated as the first time")


if __name__ == "__main__":
    main()
