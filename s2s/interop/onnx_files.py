"""The format ONNX: two graphs (`onnx_graph.py`), their weights, the vocabulary, and a script that translates.

The script, `translate.py` in the exported folder, is `onnx_translate.py` as it is: it knows nothing of s2s, and what
the check runs is what the user gets.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from s2s.errors import UsageError
from s2s.interop import onnx_graph
from s2s.interop.ct2 import sentencepiece_files
from s2s.interop.portable import Portable
from s2s.symbols import BOS, EOS, PAD, UNK

if TYPE_CHECKING:
    pass

NAME = "ONNX"
SCRIPT = "translate.py"
BATCH = 16


def write(model: Portable, folder: Path) -> None:
    """Write graphs, weights, configs, SentencePiece models and the script; the graphs are checked.

    Raises:
        UsageError: The graphs have no place for a part of the model.
    """
    import onnx

    store = onnx_graph.Store.of(model)
    graphs = {"encoder": onnx_graph.encoder(model, store), "decoder": onnx_graph.decoder(model, store)}
    if homeless := sorted(store.arrays.keys() - store.used):
        raise UsageError(f"{NAME} has no place for {homeless[0]} of this model, and {len(homeless) - 1} more weights")
    (folder / onnx_graph.WEIGHTS).write_bytes(store.content())
    for name, graph in graphs.items():
        path = folder / f"{name}.onnx"
        path.write_bytes(graph.SerializeToString())
        onnx.checker.check_model(str(path), full_check=True)
    for name, content in (("config.json", config(model)), ("generation.json", generation(model))):
        (folder / name).write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", "utf-8")
    model.vocabularies.save(folder)
    (folder / SCRIPT).write_bytes(Path(__file__).with_name("onnx_translate.py").read_bytes())


def config(model: Portable) -> dict[str, Any]:
    """Content of `config.json`: what whoever runs the graphs has to know."""
    shape = model.shape
    source, target = sentencepiece_files(model)
    return {
        "source": model.source,
        "target": model.target,
        "n_decoder_layers": shape.n_decoder_layers,
        "n_heads": shape.n_heads,
        "head_width": shape.d_model // shape.n_heads,
        "n_positions": model.n_positions,
        "max_source_length": model.max_source_length,
        "vocabulary": {"source": source, "target": target},
        "pad": PAD,
        "unk": UNK,
        "bos": BOS,
        "eos": EOS,
    }


def generation(model: Portable) -> dict[str, Any]:
    """Content of `generation.json`: the search that s2s does by default."""
    decode = model.decode
    return {"beam": decode.beam, "length_penalty": decode.alpha, "max_length_ratio": decode.max_length_ratio}


class Engine:
    """A written model, run by onnxruntime on the CPU through the script that lies beside it.

    Args:
        folder: What `write` wrote.
        n_threads: Processor threads.
    """

    rescales = False

    def __init__(self, folder: Path, n_threads: int) -> None:
        from s2s.interop.onnx_translate import Translator

        self._translator: Translator = Translator(folder, n_threads)

    def can_read(self, _line: str) -> bool:
        """Always: the pieces come from SentencePiece, as in s2s."""
        return True

    def encode(self, lines: Sequence[str]) -> list[list[int]]:
        """Source ids of lines, without the end symbol."""
        ids: list[list[int]] = self._translator.source.encode(list(lines))
        return ids

    def decode(self, ids: Sequence[Sequence[int]]) -> list[str]:
        """Texts of target ids."""
        return [self._translator.text(one) for one in ids]

    def search(
        self, sources: Sequence[Sequence[int]], beam: int, length_penalty: float, max_length: int
    ) -> list[list[int]]:
        """Ids of the best translations; see `ct2.Engine.search`."""
        return self._translator.search(sources, beam, length_penalty, max_length)

    def log_probabilities(self, pairs: Sequence[tuple[Sequence[int], Sequence[int]]]) -> list[float]:
        """Log-probability of each target given its source; see `ct2.Engine.log_probabilities`."""
        found: list[float] = []
        for start in range(0, len(pairs), BATCH):
            found += self._forced(pairs[start : start + BATCH])
        return found

    def _forced(self, pairs: Sequence[tuple[Sequence[int], Sequence[int]]]) -> list[float]:
        import numpy as np

        cross, past = self._translator.start([source for source, _ in pairs])
        length = max(len(target) for _, target in pairs) + 1
        padded = [[BOS, *target, EOS] + [PAD] * (length - len(target) - 1) for _, target in pairs]
        rows = np.array(padded, np.int64)
        sums = np.zeros(len(pairs))
        for place in range(length):
            log_p, past = self._translator.step(rows[:, place], cross, past)
            follows = rows[:, place + 1]
            sums += np.where(follows == PAD, 0.0, log_p[np.arange(len(pairs)), follows])
        return [float(one) for one in sums]


EXAMPLE = """
from pathlib import Path
from translate import Translator
translator = Translator(Path("."))
found = translator.translate(["Your text."])
print(found)
"""
"""Python that translates, run in the folder."""


def notes(model: Portable) -> list[str]:
    """How to use the graphs, and where the script differs from `s2s translate`."""
    shape = model.shape
    heads, width = shape.n_heads, shape.d_model // shape.n_heads
    return [
        "`translate.py` is the whole of it: greedy and beam search of s2s in numpy over two graphs of opset"
        f" {onnx_graph.OPSET}. From the command line: `python translate.py < text.{model.source}`.",
        "`encoder.onnx` takes `source`, ids of the pieces with the end symbol, padded to the right (B, S), and gives"
        f" `mask` and, for each of {shape.n_decoder_layers} decoder layers, `cross_key_i` and `cross_value_i`"
        f" (B, {heads}, S, {width}).",
        "`decoder.onnx` is one step: `pieces` (N), N / B hypotheses a sentence, what the encoder gave, and"
        f" `past_key_i`, `past_value_i` (N, {heads}, T, {width}), to begin with of length 0. It gives"
        f" `log_probabilities` (N, {shape.tgt_vocab_size:,}) and `present_key_i`, `present_value_i`, which are the past"
        " of the next step, in the order of its hypotheses.",
        f"Ids of `<pad>`, `<unk>`, `<s>`, `</s>` are {PAD}, {UNK}, {BOS}, {EOS}; the first three are never chosen,"
        " `<s>` is the piece of the first step. A translation's score is log-probability / length^`length_penalty`,"
        " the end symbol counted.",
        f"s2s translates a line of more than {model.max_source_length} pieces in parts; here a line is translated as"
        f" one. There are {model.n_positions:,} positions.",
        f"Both graphs take their weights (float32) from `{onnx_graph.WEIGHTS}`, which has to lie beside them.",
    ]
