"""The format of CTranslate2 (https://github.com/OpenNMT/CTranslate2), fast inference on CPU and GPU.

Its layout of a Transformer's variables is `ctranslate2.specs.TransformerSpec`; binary and vocabulary files are written
by the library itself. What has to be told it, because its defaults differ: positions (a table in s2s's order of sine
and cosine), the end symbol after the source, the begin symbol before the target.
"""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from s2s.corpus.vocabulary import SHARED, SOURCE, TARGET
from s2s.interop.portable import Array, Portable, gather, pieces_of
from s2s.model import TransformerConfig
from s2s.model.positions import sinusoids
from s2s.symbols import UNK

NAME = "CTranslate2"


def names(shape: TransformerConfig) -> dict[str, list[str]]:
    """For each variable of CTranslate2 the weights of s2s that it is made of.

    Queries, keys and values of self-attention are one linear map there, keys and values of the other attention too.
    """
    source = "tgt_embedding" if shape.tied == "all" else "src_embedding"
    output = "projection" if shape.tied == "none" else "tgt_embedding"
    found = {
        "encoder/embeddings_0/weight": [f"{source}.weight"],
        "decoder/embeddings/weight": ["tgt_embedding.weight"],
        "decoder/projection/weight": [f"{output}.weight"],
    }
    for side, n_layers in (("encoder", shape.n_encoder_layers), ("decoder", shape.n_decoder_layers)):
        for number in range(n_layers):
            found |= _attention(f"{side}/layer_{number}/self_attention", f"{side}.{number}", "self_attention", (3, 1))
            if side == "decoder":
                found |= _attention(
                    f"{side}/layer_{number}/attention", f"{side}.{number}", "cross_attention", (1, 2, 1)
                )
            found |= _feed_forward(f"{side}/layer_{number}/ffn", f"{side}.{number}")
        if shape.norm == "pre":
            found |= _norm(f"{side}/layer_norm", f"{side}_norm")
    return found


def _attention(there: str, layer: str, kind: str, shares: Iterable[int]) -> dict[str, list[str]]:
    """The four maps of an attention, so many of them as one map each."""
    maps = iter(("query", "key", "value", "output"))
    found = _norm(f"{there}/layer_norm", f"{layer}.around_{kind}.norm")
    for number, n_maps in enumerate(shares):
        found |= _linear(f"{there}/linear_{number}", [f"{layer}.{kind}.{next(maps)}" for _ in range(n_maps)])
    return found


def _feed_forward(there: str, layer: str) -> dict[str, list[str]]:
    return {
        **_norm(f"{there}/layer_norm", f"{layer}.around_feed_forward.norm"),
        **_linear(f"{there}/linear_0", [f"{layer}.feed_forward.inner"]),
        **_linear(f"{there}/linear_1", [f"{layer}.feed_forward.outer"]),
    }


def _linear(there: str, here: Sequence[str]) -> dict[str, list[str]]:
    return {f"{there}/{part}": [f"{name}.{part}" for name in here] for part in ("weight", "bias")}


def _norm(there: str, here: str) -> dict[str, list[str]]:
    return {f"{there}/gamma": [f"{here}.weight"], f"{there}/beta": [f"{here}.bias"]}


def variables(model: Portable) -> dict[str, Array]:
    """The model's arrays by CTranslate2's names.

    Raises:
        UsageError: The model has a weight that has no place there.
    """
    positions: Array = sinusoids(model.n_positions, model.shape.d_model).numpy()
    tables = {f"{side}/position_encodings/encodings": positions for side in ("encoder", "decoder")}
    return gather(model.weights, names(model.shape), NAME) | tables


def write(model: Portable, folder: Path) -> None:
    """Write `model.bin`, `config.json`, lists of the pieces, and the SentencePiece models.

    Raises:
        UsageError: The format has no place for a part of the model.
    """
    from ctranslate2 import specs
    from ctranslate2.specs.model_spec import index_spec

    shape = model.shape
    spec = specs.TransformerSpec.from_config(
        (shape.n_encoder_layers, shape.n_decoder_layers),
        shape.n_heads,
        pre_norm=shape.norm == "pre",
        activation=specs.Activation.RELU,
    )
    for name, array in variables(model).items():
        layer, _, attribute = name.rpartition("/")
        setattr(index_spec(spec, layer), attribute, array)
    spec.config.add_source_eos = True
    spec.config.decoder_start_token = "<s>"
    spec.config.layer_norm_epsilon = 1e-5
    source, target = (pieces_of(side) for side in (model.vocabularies.src, model.vocabularies.tgt))
    spec.register_source_vocabulary(source)
    spec.register_target_vocabulary(target)
    spec.validate()
    spec.optimize()  # which stores equal matrices once
    spec.save(str(folder))
    model.vocabularies.save(folder)


class Engine:
    """A written model, run by CTranslate2 on the CPU.

    Args:
        folder: What `write` wrote.
        model: What it was written from.
        n_threads: Processor threads.
    """

    rescales = True  # pieces that may not be chosen are out of its softmax; in s2s they are in the sum

    def __init__(self, folder: Path, model: Portable, n_threads: int) -> None:
        import ctranslate2
        import sentencepiece

        self._translator = ctranslate2.Translator(str(folder), device="cpu", intra_threads=n_threads)
        self._source, self._target = pieces_of(model.vocabularies.src), pieces_of(model.vocabularies.tgt)
        files = sentencepiece_files(model)
        self._reader, self._writer = (
            sentencepiece.SentencePieceProcessor(model_file=str(folder / name)) for name in files
        )

    def can_read(self, _line: str) -> bool:
        """Always: the pieces come from SentencePiece, as in s2s."""
        return True

    def encode(self, lines: Sequence[str]) -> list[list[int]]:
        """Source ids of lines, without the end symbol; a piece that is not in the list is unknown."""
        id_of = {piece: id_ for id_, piece in enumerate(self._source)}
        return [[id_of.get(piece, UNK) for piece in self._reader.encode(line, out_type=str)] for line in lines]

    def decode(self, ids: Sequence[Sequence[int]]) -> list[str]:
        """Texts of target ids."""
        return [self._writer.decode([self._target[id_] for id_ in one]) for one in ids]

    def search(
        self, sources: Sequence[Sequence[int]], beam: int, length_penalty: float, max_length: int
    ) -> list[list[int]]:
        """Translate as `s2s translate` does; all in one batch.

        Args:
            sources: Ids without the end symbol.
            beam: Hypotheses kept.
            length_penalty: α of s2s.
            max_length: Most pieces of a translation, without the end symbol.

        Returns:
            Ids of the best translation of each, without the end symbol.
        """
        found = self._translator.translate_batch(
            [[self._source[id_] for id_ in ids] for ids in sources],
            max_decoding_length=max_length + 1,
            **options(beam, length_penalty),
        )
        id_of = {piece: id_ for id_, piece in enumerate(self._target)}
        ids = [[id_of[piece] for piece in result.hypotheses[0]] for result in found]
        return [one[:max_length] for one in ids]  # at the limit s2s forces the end symbol, CTranslate2 does not

    def log_probabilities(self, pairs: Sequence[tuple[Sequence[int], Sequence[int]]]) -> list[float]:
        """Log-probability of each target given its source, end symbol included, in nats; ids without end symbols."""
        found = self._translator.score_batch(
            [[self._source[id_] for id_ in source] for source, _ in pairs],
            [[self._target[id_] for id_ in target] for _, target in pairs],
            max_batch_size=16,
            max_input_length=0,
        )
        return [sum(result.log_probs) for result in found]


def options(beam: int, length_penalty: float) -> dict[str, Any]:
    """Arguments of `translate_batch` with which it searches as s2s does."""
    return {
        "beam_size": beam,
        "length_penalty": length_penalty,
        "suppress_sequences": [["<pad>"], ["<s>"]],
        "disable_unk": True,
        "min_decoding_length": 0,
        "max_input_length": 0,
    }


def sentencepiece_files(model: Portable) -> tuple[str, str]:
    """Names of the SentencePiece models of both sides."""
    return (SHARED, SHARED) if model.vocabularies.shared else (SOURCE, TARGET)


def example(model: Portable) -> str:
    """Python that translates, run in the folder."""
    source, target = sentencepiece_files(model)
    search = options(model.decode.beam, model.decode.alpha)
    search["max_decoding_length"] = model.max_length(model.max_source_length) + 1
    arguments = ", ".join(
        f"{name}={json.dumps(value) if isinstance(value, list) else value}" for name, value in search.items()
    )
    return f"""
import ctranslate2, sentencepiece
source, target = (sentencepiece.SentencePieceProcessor(model_file=name) for name in ("{source}", "{target}"))
pieces = source.encode(["Your text."], out_type=str)
found = ctranslate2.Translator(".").translate_batch(pieces, {arguments})
print([target.decode(result.hypotheses[0]) for result in found])
"""


def notes(model: Portable) -> list[str]:
    """Where CTranslate2 differs from `s2s translate`."""
    return [
        "Score is log-probability / length^`length_penalty`, the end symbol counted, as in s2s; the call above says"
        " what its defaults do otherwise.",
        "The probability of `<pad>`, `<unk>` and `<s>`, which are never chosen, is shared among the other pieces; in"
        " s2s it is lost. Beam search may rank two translations of nearly the same score otherwise.",
        f"s2s translates a line of more than {model.max_source_length} pieces in parts and allows"
        f" {model.decode.max_length_ratio:g} pieces per source piece plus 10; here a line is translated as one, and"
        " `max_decoding_length` is one limit for a whole batch. There are"
        f" {model.n_positions:,} positions.",
        'Weights are float32; `ctranslate2.Translator(".", compute_type="int8")` runs them in 8 bits, with'
        " translations that may differ.",
    ]
