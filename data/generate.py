"""Writes the bundled corpus: ``python data/generate.py [--out DIR] [--seed N]``.

With no options this reproduces the committed files byte for byte.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from generator.corpus import Corpus, build

DEFAULT_SEED = 1


def write(corpus: Corpus, out: Path) -> None:
    """Writes the six files, one sentence a line."""
    out.mkdir(parents=True, exist_ok=True)
    for name, pairs in (("train", corpus.train), ("dev", corpus.dev), ("test", corpus.test)):
        for language, lines in (("en", [pair.english for pair in pairs]), ("de", [pair.german for pair in pairs])):
            (out / f"{name}.{language}").write_bytes("".join(line + "\n" for line in lines).encode())


def main() -> None:
    parser = argparse.ArgumentParser(description="Write the bundled English-German corpus.")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, help="folder to write to")
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED, help="seed of the generator")
    arguments = parser.parse_args()
    write(build(arguments.seed), arguments.out)


if __name__ == "__main__":
    main()
