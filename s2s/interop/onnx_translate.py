"""Translate with the model in this folder: needs numpy, onnxruntime and sentencepiece, nothing else.

    python translate.py < text.in > text.out          # a sentence a line, as many lines out as in
    python translate.py --beam 1 --threads 2 ...      # greedy search; the model's own beam without it

From Python: Translator(Path(folder)).translate(["A sentence.", "Another one."])
"""

import argparse
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import sentencepiece

BATCH = 32
BREAKS = re.compile(r"[\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029\x00]")


class Translator:
    """A model.

    Args:
        folder: Where encoder.onnx, decoder.onnx and the files beside them are.
        n_threads: Processor threads; 0 for all cores.
    """

    def __init__(self, folder: Path, n_threads: int = 0) -> None:
        self.config: dict[str, Any] = json.loads((folder / "config.json").read_text("utf-8"))
        self.generation: dict[str, Any] = json.loads((folder / "generation.json").read_text("utf-8"))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = n_threads
        self._encoder, self._decoder = (
            onnxruntime.InferenceSession(str(folder / name), options, providers=["CPUExecutionProvider"])
            for name in ("encoder.onnx", "decoder.onnx")
        )
        self._cross = [one.name for one in self._encoder.get_outputs()]  # the mask, keys and values of the source
        self._past = [one.name for one in self._decoder.get_inputs() if one.name.startswith("past_")]
        self.source, self.target = (
            sentencepiece.SentencePieceProcessor(model_file=str(folder / self.config["vocabulary"][side]))
            for side in ("source", "target")
        )

    def translate(self, lines: Sequence[str], beam: int | None = None) -> list[str]:
        """Translate lines; one without text gives an empty one."""
        encoded = self.source.encode(list(lines))
        texts = [""] * len(lines)
        order = sorted((row for row in range(len(lines)) if encoded[row]), key=lambda row: len(encoded[row]))
        for start in range(0, len(order), BATCH):
            rows = order[start : start + BATCH]
            found = self.search([encoded[row] for row in rows], beam or self.generation["beam"])
            for row, ids in zip(rows, found, strict=True):
                texts[row] = self.text(ids)
        return texts

    def text(self, ids: Sequence[int]) -> str:
        """The text of a translation, on one line."""
        return BREAKS.sub(" ", self.target.decode(list(ids)))

    def max_length(self, n_source_pieces: int) -> int:
        """Most pieces of a translation, without the end symbol."""
        n_pieces = int(self.generation["max_length_ratio"] * n_source_pieces) + 10
        return min(n_pieces, int(self.config["n_positions"]) - 1)

    def start(self, sources: Sequence[Sequence[int]]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Encode; what the decoder needs of the sources, and its empty caches."""
        width = max(map(len, sources)) + 1
        if width > self.config["n_positions"]:
            raise ValueError(f"a line has {width - 1} pieces, the model takes {self.config['n_positions'] - 1}")
        rows = [[*ids, self.config["eos"], *[self.config["pad"]] * (width - len(ids) - 1)] for ids in sources]
        cross = dict(
            zip(self._cross, self._encoder.run(self._cross, {"source": np.array(rows, np.int64)}), strict=True)
        )
        empty = np.zeros((len(sources), self.config["n_heads"], 0, self.config["head_width"]), np.float32)
        return cross, dict.fromkeys(self._past, empty)

    def step(self, pieces: Any, cross: dict[str, Any], past: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        """Log-probabilities of what follows these pieces, and the caches with them."""
        log_p, *present = self._decoder.run(None, {"pieces": pieces, **cross, **past})
        return log_p, dict(zip(past, present, strict=True))

    def search(
        self, sources: Sequence[Sequence[int]], beam: int, alpha: float | None = None, limit: int | None = None
    ) -> list[list[int]]:
        """Beam search as s2s does it; ids of the best translations, without the end symbol.

        At each step the 2 × beam best continuations of a sentence's hypotheses are looked at. Those among the best
        `beam` that end are finished, the best `beam` that do not end live on. A sentence is done when `beam` of its
        hypotheses are finished, or no living one can still be better than the best of them by its score,
        log-probability / length^alpha.
        """
        alpha = self.generation["length_penalty"] if alpha is None else alpha
        limits = np.array([self.max_length(len(ids)) if limit is None else limit for ids in sources])
        eos, never = self.config["eos"], [self.config[name] for name in ("pad", "unk", "bos")]
        cross, past = self.start(sources)
        finished: list[list[tuple[float, list[int]]]] = [[] for _ in sources]
        alive = np.arange(len(sources))  # the sentences that are not done
        sums = np.zeros((len(sources), 1), np.float32)  # of each hypothesis; to begin with there is one
        said = np.zeros((len(sources), 1, 0), np.int64)
        pieces = np.full(len(sources), self.config["bos"], np.int64)
        while len(alive):
            log_p, past = self.step(pieces, cross, past)
            n_hypotheses, n_said = sums.shape[1], said.shape[2]
            log_p[:, never] = -np.inf
            total = sums[:, :, None] + log_p.reshape(len(alive), n_hypotheses, -1)
            flat = total.reshape(len(alive), -1)
            n_candidates = min(2 * beam, flat.shape[1])
            best = np.argpartition(flat, -n_candidates, axis=1)[:, -n_candidates:]
            best = np.take_along_axis(best, np.argsort(-np.take_along_axis(flat, best, 1), axis=1, kind="stable"), 1)
            scores = np.take_along_axis(flat, best, 1)
            parents, next_pieces = np.divmod(best, total.shape[2])
            at_limit = n_said >= limits[alive]
            for row, sentence in enumerate(alive):
                ends = range(n_hypotheses) if at_limit[row] else parents[row, :beam][next_pieces[row, :beam] == eos]
                for parent in ends:
                    if np.isfinite(total[row, parent, eos]):
                        score = float(total[row, parent, eos]) / (n_said + 1) ** alpha
                        finished[sentence].append((score, said[row, parent].tolist()))
            scores = np.where(next_pieces == eos, -np.inf, scores)
            order = np.argsort(-scores, axis=1, kind="stable")[:, :beam]
            sums, parents, next_pieces = (np.take_along_axis(one, order, 1) for one in (scores, parents, next_pieces))
            goes_on = np.isfinite(sums[:, 0]) & ~at_limit
            for row, sentence in enumerate(alive):
                hope = float(sums[row, 0]) / (limits[sentence] + 1) ** alpha
                if len(finished[sentence]) >= beam or (finished[sentence] and hope <= max(finished[sentence])[0]):
                    goes_on[row] = False
            said = np.concatenate([np.take_along_axis(said, parents[:, :, None], 1), next_pieces[:, :, None]], axis=2)
            rows = (np.arange(len(alive))[:, None] * n_hypotheses + parents)[goes_on].ravel()
            past = {name: array[rows] for name, array in past.items()}
            if not goes_on.all():
                cross = {name: array[goes_on] for name, array in cross.items()}
            alive, sums, said, pieces = alive[goes_on], sums[goes_on], said[goes_on], next_pieces[goes_on].ravel()
        return [max(found)[1] if found else [] for found in finished]


def main() -> None:
    """Translate standard input."""
    parser = argparse.ArgumentParser(description="Translate standard input, a sentence a line, to standard output.")
    parser.add_argument("--beam", type=int, help="hypotheses kept; 1 is greedy search (default: the model's)")
    parser.add_argument("--threads", type=int, default=0, help="processor threads (default: all cores)")
    given = parser.parse_args()
    translator = Translator(Path(__file__).resolve().parent, given.threads)
    lines = [line.removesuffix(b"\n").decode("utf-8", "replace") for line in sys.stdin.buffer]
    try:
        texts = translator.translate(lines, given.beam)
    except ValueError as error:
        sys.exit(f"error: {error}")
    for text in texts:
        sys.stdout.buffer.write(f"{text}\n".encode())


if __name__ == "__main__":
    main()
