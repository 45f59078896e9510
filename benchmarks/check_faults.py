"""Plant faults in a large corpus and see whether `s2s check` finds each, and how long it takes.

    python benchmarks/check_faults.py data/multi30k [--pairs 1000000] [--repeat 3]

The corpus is made of real sentences: each line is two of the training set's, drawn at random, so that hardly a line
occurs twice. The folder holds train.en, train.de, val.en, val.de, test_2016.en and test_2016.de.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

Pairs = list[list[bytes]]

SPANISH = "En un lugar de la Mancha vivía hace mucho tiempo un hidalgo con lanza antigua y galgo corredor".encode()
RUSSIAN = "Человек в белой рубашке стоит на улице и смотрит на большую собаку перед домом".encode()


def lines(path: Path) -> list[bytes]:
    return path.read_bytes().split(b"\n")[:-1]


def planted(valid: Pairs, test: Pairs) -> dict[str, Callable[[list[bytes]], list[bytes]]]:
    """What is done to a pair to give it each fault."""
    return {
        "not UTF-8": lambda pair: [pair[0], pair[1] + " für".encode("latin-1")],
        "empty": lambda pair: [pair[0], b" "],
        "duplicate": lambda pair: pair,  # of the line before, see below
        "in valid": lambda _: valid[7],
        "in test": lambda pair: [test[7][0].upper(), pair[1]],
        "copied": lambda pair: [pair[0], pair[0].rstrip(b".")],
        "swapped": lambda pair: pair[::-1],
        "other language": lambda pair: [pair[0], b"A group of people is standing in front of a house with the dog."],
        "unknown words": lambda pair: [pair[0], SPANISH],
        "other script": lambda pair: [pair[0], RUSSIAN],
        "mixed script": lambda pair: [pair[0], pair[1] + " Hаus".encode()],
        "no letters": lambda pair: [pair[0], b"*** --- ... !!"],
        "length ratio": lambda pair: [pair[0], b" ".join(pair[1].split()[:3])],
        "many to one": lambda pair: [pair[0], b"Dieser Satz ist leider noch nicht da."],
        "repetition": lambda pair: [pair[0], b"Ein Mann und " * 12],
        "mojibake": lambda pair: [pair[0], pair[1] + " für".encode().decode("latin-1").encode()],
        "replaced": lambda pair: [pair[0], pair[1] + " f\ufffdr".encode()],
        "control": lambda pair: [pair[0], pair[1] + "\u200b".encode()],
        "markup": lambda pair: [pair[0], b"<b>" + pair[1] + b"</b>"],
        "numbers": lambda pair: [pair[0] + b" 17", pair[1] + b" 71 3"],
        "long": lambda pair: [b" ".join([b"%d" % number for number in range(300)]) for _ in (0, 1)],
        "several targets": lambda pair: [pair[0], b"Ganz anders. " + pair[1]],  # of the line before
    }


def make(folder: Path, data: Path, n: int) -> tuple[dict[str, list[int]], int]:
    """Write the corpus; which lines, from 1, have which fault, and where the sides part."""
    generator = random.Random(1)
    text = [lines(data / f"train.{side}") for side in ("en", "de")]
    valid = [list(pair) for pair in zip(lines(data / "val.en"), lines(data / "val.de"), strict=True)]
    test = [list(pair) for pair in zip(lines(data / "test_2016.en"), lines(data / "test_2016.de"), strict=True)]
    draws = [(generator.randrange(len(text[0])), generator.randrange(len(text[0]))) for _ in range(n)]
    pairs = [[side[i] + b" " + side[j] for side in text] for i, j in draws]
    places: dict[str, list[int]] = {}
    free = iter(generator.sample(range(10, n // 2, 2), 200))
    for name, change in planted(valid, test).items():
        for _ in range(25 if name == "many to one" else 1):
            index = next(free)
            before = name in ("duplicate", "several targets")
            pairs[index] = change(list(pairs[index - 1] if before else pairs[index]))
            places.setdefault(name, []).append(index + 1)
    lost = n * 3 // 5  # one target line is left out, and one is too many at the end
    targets = [pair[1] for pair in pairs]
    targets = [*targets[:lost], *targets[lost + 1 :], b"Ende."]
    (folder / "big.en").write_bytes(b"".join(pair[0] + b"\n" for pair in pairs))
    (folder / "big.de").write_bytes(b"".join(target + b"\n" for target in targets))
    return places, lost + 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--pairs", type=int, default=1_000_000)
    parser.add_argument("--repeat", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        places, lost = make(folder, given.data, given.pairs)
        command = [sys.executable, "-m", "s2s", "check", str(folder / "big.en"), str(folder / "big.de"), "--json"]
        for split, file in (("valid", "val"), ("test", "test_2016")):
            command += [f"--{split}", f"{given.data / file}.{{en,de}}"]
        seconds = []
        for _ in range(given.repeat):
            started = time.perf_counter()
            subprocess.run(command, capture_output=True, check=False)
            seconds.append(time.perf_counter() - started)
        answer = subprocess.run([*command, "--examples", str(given.pairs)], capture_output=True, check=False)
        train = json.loads(answer.stdout)["train"]
        n_found = 0
        for fault, expected in places.items():
            found = {int(one["place"].rsplit(":", 1)[1]) for one in train["faults"][fault]["examples"]}
            is_found = set(expected) <= found
            n_found += is_found
            print(f"{fault:<16} {'found' if is_found else 'MISSED':<7} {len(found - set(expected)):>7,} other lines")
        stretches = [(one["first_line"], one["lag"]) for one in train["not_parallel"]]
        is_found = len(stretches) == 1 and stretches[0][1] == -1 and abs(stretches[0][0] - lost) <= 5
        print(f"{'shifted':<16} {'found' if is_found else 'MISSED':<7} told {stretches}, planted at {lost}")
        print(f"{n_found + is_found} of {len(places) + 1} faults found in {given.pairs:,} pairs")
        shown = ", ".join(f"{one:.1f}" for one in seconds)
        print(f"{shown} s for the whole command ({(folder / 'big.en').stat().st_size >> 20} MiB of source)")


if __name__ == "__main__":
    main()
