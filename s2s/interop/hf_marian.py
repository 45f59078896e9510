"""The format of MarianMTModel in Hugging Face transformers: the files that `from_pretrained` reads, written directly.

That model is the post-norm Transformer of the paper with scaled embeddings, so s2s's post-norm fits it exactly but for
one thing: it holds all sines of a position first, then all cosines, where s2s alternates. Both are the same numbers in
another order, so the columns of the width D are put in that order wherever the residual stream is read or written.
"""

import json
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from s2s.errors import UsageError
from s2s.interop.portable import Array, Portable, gather, pieces_of
from s2s.model import TransformerConfig
from s2s.symbols import BOS, EOS, PAD, UNK

NAME = "MarianMTModel"
SYMBOLS = ("<pad>", "<unk>", "</s>")
"""What its tokenizer takes for a symbol wherever it stands in a text."""


def check(shape: TransformerConfig) -> None:
    """Refuse what the format cannot express.

    Raises:
        UsageError: The model is pre-norm.
    """
    if shape.norm != "post":
        raise UsageError(
            f"model.norm: {shape.norm} does not fit hf-marian: {NAME} normalises after the sum only (norm: post)",
            hint="use --to ctranslate2 or onnx, or train with model: {norm: post}",
        )


def names(shape: TransformerConfig) -> dict[str, list[str]]:
    """For each tensor of MarianMTModel the weight of s2s that it is; what transformers ties itself is left out."""
    found = (
        {"model.shared.weight": ["tgt_embedding.weight"]}
        if shape.tied == "all"
        else {
            "model.encoder.embed_tokens.weight": ["src_embedding.weight"],
            "model.decoder.embed_tokens.weight": ["tgt_embedding.weight"],
        }
    )
    if shape.tied == "none":
        found["lm_head.weight"] = ["projection.weight"]
    for side, n_layers in (("encoder", shape.n_encoder_layers), ("decoder", shape.n_decoder_layers)):
        for number in range(n_layers):
            modules = {
                "self_attn_layer_norm": "around_self_attention.norm",
                **_attention("self_attn", "self_attention"),
                "fc1": "feed_forward.inner",
                "fc2": "feed_forward.outer",
                "final_layer_norm": "around_feed_forward.norm",
            }
            if side == "decoder":
                modules |= {
                    "encoder_attn_layer_norm": "around_cross_attention.norm",
                    **_attention("encoder_attn", "cross_attention"),
                }
            for there, here in modules.items():
                for part in ("weight", "bias"):
                    found[f"model.{side}.layers.{number}.{there}.{part}"] = [f"{side}.{number}.{here}.{part}"]
    return found


def _attention(there: str, here: str) -> dict[str, str]:
    maps = {"q_proj": "query", "k_proj": "key", "v_proj": "value", "out_proj": "output"}
    return {f"{there}.{one}": f"{here}.{other}" for one, other in maps.items()}


def tensors(model: Portable) -> dict[str, Array]:
    """The model's arrays by the names of transformers, their columns in its order of positions.

    Raises:
        UsageError: The model has a weight that has no place there.
    """
    sines_first = np.r_[0 : model.shape.d_model : 2, 1 : model.shape.d_model : 2]
    found = {}
    for name, array in gather(model.weights, names(model.shape), NAME).items():
        module, _, part = name.rpartition(".")
        if module.endswith(("out_proj", "fc2", "layer_norm")):  # writes to the residual stream
            array = array[sines_first]
        elif part == "weight":  # reads from it, or is a table of vectors in it
            array = array[:, sines_first]
        found[name] = np.ascontiguousarray(array)
    found["final_logits_bias"] = np.zeros((1, model.shape.tgt_vocab_size), np.float32)
    return found


def config(model: Portable) -> dict[str, Any]:
    """Content of `config.json`."""
    shape = model.shape
    return {
        "architectures": [NAME],
        "model_type": "marian",
        "vocab_size": shape.src_vocab_size,
        "decoder_vocab_size": shape.tgt_vocab_size,
        "d_model": shape.d_model,
        "encoder_layers": shape.n_encoder_layers,
        "decoder_layers": shape.n_decoder_layers,
        "encoder_attention_heads": shape.n_heads,
        "decoder_attention_heads": shape.n_heads,
        "encoder_ffn_dim": shape.d_ff,
        "decoder_ffn_dim": shape.d_ff,
        "activation_function": "relu",
        "scale_embedding": True,
        "max_position_embeddings": model.n_positions,
        "share_encoder_decoder_embeddings": shape.tied == "all",
        "tie_word_embeddings": shape.tied != "none",
        "dropout": shape.dropout,
        "attention_dropout": shape.attention_dropout,
        "activation_dropout": 0.0,
        "is_encoder_decoder": True,
        "pad_token_id": PAD,
        "bos_token_id": BOS,
        "eos_token_id": EOS,
        "decoder_start_token_id": BOS,
        "forced_eos_token_id": EOS,
        "dtype": "float32",
    }


def generation_config(model: Portable) -> dict[str, Any]:
    """Content of `generation_config.json`: the search that s2s does by default."""
    return {
        "num_beams": model.decode.beam,
        "length_penalty": model.decode.alpha,
        "early_stopping": True,
        "max_length": model.max_length(model.max_source_length) + 2,  # begin and end symbol count
        "do_sample": False,
        "suppress_tokens": [PAD, UNK, BOS],
        "pad_token_id": PAD,
        "bos_token_id": BOS,
        "eos_token_id": EOS,
        "decoder_start_token_id": BOS,
        "forced_eos_token_id": EOS,
    }


def tokenizer_config(model: Portable) -> dict[str, Any]:
    """Content of `tokenizer_config.json`."""
    return {
        "tokenizer_class": "MarianTokenizer",
        "source_lang": model.source,
        "target_lang": model.target,
        "pad_token": "<pad>",
        "unk_token": "<unk>",
        "eos_token": "</s>",
        "separate_vocabs": not model.vocabularies.shared,
        "model_max_length": model.n_positions,
        "clean_up_tokenization_spaces": False,
    }


def write(model: Portable, folder: Path) -> None:
    """Write weights, configs and tokenizer.

    Raises:
        UsageError: The format has no place for a part of the model.
    """
    from safetensors.numpy import save_file

    check(model.shape)
    save_file(tensors(model), folder / "model.safetensors", metadata={"format": "pt"})
    _write_json(folder / "config.json", config(model))
    _write_json(folder / "generation_config.json", generation_config(model))
    _write_json(folder / "tokenizer_config.json", tokenizer_config(model))
    src, tgt = model.vocabularies.src, model.vocabularies.tgt
    (folder / "source.spm").write_bytes(src.model)
    (folder / "target.spm").write_bytes(tgt.model)
    _write_json(folder / "vocab.json", {piece: id_ for id_, piece in enumerate(pieces_of(src))})
    if not model.vocabularies.shared:
        _write_json(folder / "target_vocab.json", {piece: id_ for id_, piece in enumerate(pieces_of(tgt))})


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", "utf-8")


class Engine:
    """A written model, run by transformers on the CPU.

    Args:
        folder: What `write` wrote.
    """

    rescales = False

    def __init__(self, folder: Path) -> None:
        with _quietly():
            from transformers import AutoTokenizer, MarianMTModel

            self._model = MarianMTModel.from_pretrained(str(folder), local_files_only=True).eval()
            self._tokenizer = AutoTokenizer.from_pretrained(str(folder), local_files_only=True)

    def can_read(self, line: str) -> bool:
        """Not if its tokenizer takes a part of the line for a symbol or the name of a language."""
        return not line.startswith(">>") and not any(symbol in line for symbol in SYMBOLS)

    def encode(self, lines: Sequence[str]) -> list[list[int]]:
        """Source ids of lines, without the end symbol."""
        with _quietly():
            ids: list[list[int]] = self._tokenizer(list(lines))["input_ids"]
        return [one[:-1] for one in ids]

    def decode(self, ids: Sequence[Sequence[int]]) -> list[str]:
        """Texts of target ids."""
        texts: list[str] = self._tokenizer.batch_decode([list(one) for one in ids], skip_special_tokens=True)
        return texts

    def search(
        self, sources: Sequence[Sequence[int]], beam: int, length_penalty: float, max_length: int
    ) -> list[list[int]]:
        """Ids of the best translations; see `ct2.Engine.search`."""
        import torch

        with torch.inference_mode(), _quietly():
            found = self._model.generate(
                **_batch(sources),
                num_beams=beam,
                length_penalty=length_penalty,
                early_stopping=beam > 1,
                max_new_tokens=max_length + 1,
            )
        rows = [row[1:] for row in found.tolist()]
        return [row[: row.index(EOS)] if EOS in row else row for row in rows]

    def log_probabilities(self, pairs: Sequence[tuple[Sequence[int], Sequence[int]]]) -> list[float]:
        """Log-probability of each target given its source; see `ct2.Engine.log_probabilities`."""
        import torch

        found = []
        for source, target in pairs:
            with torch.inference_mode():
                logits_1TV = self._model(**_batch([source]), decoder_input_ids=torch.tensor([[BOS, *target]])).logits
                chosen = logits_1TV.log_softmax(dim=-1)[0].gather(1, torch.tensor([*target, EOS])[:, None])
            found.append(float(chosen.double().sum()))
        return found


EXAMPLE = """
from transformers import MarianMTModel, MarianTokenizer
model, tokenizer = MarianMTModel.from_pretrained("."), MarianTokenizer.from_pretrained(".")
batch = tokenizer(["Your text."], padding=True, return_tensors="pt")
found = model.generate(**batch)
print(tokenizer.batch_decode(found, skip_special_tokens=True))
"""
"""Python that translates, run in the folder."""


def notes(model: Portable) -> list[str]:
    """Where transformers differs from `s2s translate`."""
    return [
        "Score is log-probability / length^`length_penalty`, the end symbol counted, as in s2s;"
        " `generation_config.json` holds the search of s2s.",
        f"s2s translates a line of more than {model.max_source_length} pieces in parts and allows"
        f" {model.decode.max_length_ratio:g} pieces per source piece plus 10; here a line is translated as one, and"
        f" `max_new_tokens` is one limit for a whole batch. There are {model.n_positions:,} positions.",
        "The tokenizer takes `<pad>`, `<unk>` and `</s>` in a text for symbols, and `>>…<<` at its start for the name"
        " of a language; for s2s they are text.",
        "CTranslate2's converter of Marian models does not fit: it starts from a zero vector, this model from `<s>`."
        " Use `s2s export --to ctranslate2`.",
    ]


def _batch(sources: Sequence[Sequence[int]]) -> "dict[str, Any]":
    import torch

    width = max(len(ids) for ids in sources) + 1
    rows = torch.tensor([[*ids, EOS] + [PAD] * (width - len(ids) - 1) for ids in sources])
    return {"input_ids": rows, "attention_mask": (rows != PAD).long()}


@contextmanager
def _quietly() -> Iterator[None]:
    """Without progress bars and advice of transformers."""
    from transformers.utils import logging

    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()
