"""Both formats without their libraries: a Transformer in NumPy that reads what they would read gives our logits."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

sys.path.append(str(Path(__file__).parents[1] / "model"))
import numpy_transformer

from s2s.config.schema import DecodeConfig
from s2s.corpus.vocabulary import Vocabularies
from s2s.errors import UsageError
from s2s.interop import ct2, hf_marian
from s2s.interop.portable import Portable, pieces_of
from s2s.model import Transformer, TransformerConfig
from s2s.model.weights import weights_of

GOLDEN = Path(__file__).parents[1] / "golden" / "model"
D, H, N_ENCODER, N_DECODER = 8, 2, 2, 3
SRC, TGT = [5, 4, 9, 11, 3], [2, 7, 4, 4, 10]

SHAPES = pytest.mark.parametrize(("tied", "n_src"), [("all", 13), ("target", 17), ("none", 13)])


def portable(norm: str, tied: str, n_src: int, n_tgt: int = 13) -> tuple[Portable, Transformer]:
    torch.manual_seed(1)
    shape = TransformerConfig(n_src, n_tgt, N_ENCODER, N_DECODER, D, 12, H, norm=norm, tied=tied)  # type: ignore[arg-type]
    model = Transformer(shape).eval()
    with torch.no_grad():
        for parameter in model.parameters():  # biases and norms of a new model are zeros and ones
            parameter += 0.3 * torch.randn_like(parameter)
    weights = {name: tensor.numpy() for name, tensor in weights_of(model).items()}
    vocabularies = Vocabularies.load(GOLDEN)
    return Portable(shape, weights, vocabularies, DecodeConfig(), "en", "de", 5), model


def logits_of(model: Transformer) -> np.ndarray:
    with torch.inference_mode():
        found: np.ndarray = model(torch.tensor([SRC]), torch.tensor([TGT]))[0].double().numpy()
    return found


def numpy_logits(weights: dict[str, np.ndarray], norm: str, src: list[int] = SRC, tgt: list[int] = TGT) -> np.ndarray:
    double = {name: np.asarray(array, np.float64) for name, array in weights.items()}
    return numpy_transformer.NumpyTransformer(double, N_ENCODER, N_DECODER, H, norm).logits(src, tgt)


def from_ctranslate2(given: dict[str, np.ndarray], norm: str) -> dict[str, np.ndarray]:
    """Weights by the names of s2s, as CTranslate2 understands what it is given; takes everything out of `given`."""
    found = {
        "src_embedding.weight": given.pop("encoder/embeddings_0/weight"),
        "tgt_embedding.weight": given.pop("decoder/embeddings/weight"),
        "projection.weight": given.pop("decoder/projection/weight"),
    }

    def take(there: str, *here: str) -> None:
        for end in ("weight", "bias"):
            for name, part in zip(here, np.split(given.pop(f"{there}/{end}"), len(here)), strict=True):
                found[f"{name}.{end}"] = part

    def take_norm(there: str, here: str) -> None:
        found[f"{here}.weight"], found[f"{here}.bias"] = given.pop(f"{there}/gamma"), given.pop(f"{there}/beta")

    for side, n in (("encoder", N_ENCODER), ("decoder", N_DECODER)):
        for i in range(n):
            layer, own = f"{side}/layer_{i}", f"{side}.{i}"
            attention = f"{own}.self_attention"
            take(f"{layer}/self_attention/linear_0", *(f"{attention}.{m}" for m in ("query", "key", "value")))
            take(f"{layer}/self_attention/linear_1", f"{attention}.output")
            take_norm(f"{layer}/self_attention/layer_norm", f"{own}.around_self_attention.norm")
            if side == "decoder":
                attention = f"{own}.cross_attention"
                take(f"{layer}/attention/linear_0", f"{attention}.query")
                take(f"{layer}/attention/linear_1", f"{attention}.key", f"{attention}.value")
                take(f"{layer}/attention/linear_2", f"{attention}.output")
                take_norm(f"{layer}/attention/layer_norm", f"{own}.around_cross_attention.norm")
            take(f"{layer}/ffn/linear_0", f"{own}.feed_forward.inner")
            take(f"{layer}/ffn/linear_1", f"{own}.feed_forward.outer")
            take_norm(f"{layer}/ffn/layer_norm", f"{own}.around_feed_forward.norm")
        if norm == "pre":
            take_norm(f"{side}/layer_norm", f"{side}_norm")
    return found


@SHAPES
@pytest.mark.parametrize("norm", ["pre", "post"])
def test_ctranslate2_is_given_the_same_model(norm: str, tied: str, n_src: int) -> None:
    model, transformer = portable(norm, tied, n_src)
    given = ct2.variables(model)
    tables = [given.pop(f"{side}/position_encodings/encodings") for side in ("encoder", "decoder")]
    logits = numpy_logits(from_ctranslate2(given, norm), norm)
    assert not given, "a variable that CTranslate2 does not know"
    np.testing.assert_allclose(logits, logits_of(transformer), atol=1e-4)
    for table in tables:
        assert len(table) == model.n_positions
        np.testing.assert_array_equal(table[:9], transformer.positions.encodings(0, 9).numpy())


def sines_first(ids: list[int], table: np.ndarray) -> np.ndarray:
    """Embeddings as MarianMTModel makes them: all sines of a position, then all cosines."""
    rate = 10_000.0 ** -(np.arange(0, D, 2) / D)
    angles = np.arange(len(ids))[:, None] * rate
    return table[ids] * np.sqrt(D) + np.concatenate([np.sin(angles), np.cos(angles)], axis=1)


@SHAPES
def test_marian_is_given_the_same_model(monkeypatch: pytest.MonkeyPatch, tied: str, n_src: int) -> None:
    monkeypatch.setattr(numpy_transformer, "embed", sines_first)
    model, transformer = portable("post", tied, n_src)
    given = hf_marian.tensors(model)
    assert not given.pop("final_logits_bias").any()
    shared = given.pop("model.shared.weight", None)
    found = {
        "src_embedding.weight": shared if shared is not None else given.pop("model.encoder.embed_tokens.weight"),
        "tgt_embedding.weight": shared if shared is not None else given.pop("model.decoder.embed_tokens.weight"),
    }
    if tied == "none":
        found["projection.weight"] = given.pop("lm_head.weight")
    words = {
        "self_attn_layer_norm": "around_self_attention.norm",
        "encoder_attn_layer_norm": "around_cross_attention.norm",
        "final_layer_norm": "around_feed_forward.norm",
        "self_attn.": "self_attention.",
        "encoder_attn.": "cross_attention.",
        "q_proj": "query",
        "k_proj": "key",
        "v_proj": "value",
        "out_proj": "output",
        "fc1": "feed_forward.inner",
        "fc2": "feed_forward.outer",
        "model.": "",
        "layers.": "",
    }
    for name, array in given.items():
        for there, here in words.items():
            name = name.replace(there, here)
        found[name] = array
    np.testing.assert_allclose(numpy_logits(found, "post"), logits_of(transformer), atol=1e-4)


def test_what_a_format_has_no_place_for_is_refused_by_name() -> None:
    model, _ = portable("pre", "all", 13)
    with pytest.raises(UsageError, match=r"norm: pre .*hf-marian"):
        hf_marian.check(model.shape)
    model, _ = portable("post", "all", 13)
    model.weights["decoder.0.gate.weight"] = np.zeros(3, np.float32)
    for make in (ct2.variables, hf_marian.tensors):
        with pytest.raises(UsageError, match=r"no place for decoder\.0\.gate\.weight"):
            make(model)


def test_a_new_part_of_the_shape_needs_a_thought_about_every_format() -> None:
    known = {"src_vocab_size", "tgt_vocab_size", "n_encoder_layers", "n_decoder_layers", "d_model", "d_ff", "n_heads"}
    known |= {"dropout", "attention_dropout", "norm", "tied"}
    assert set(TransformerConfig.__dataclass_fields__) == known, (
        "say in ct2.py, hf_marian.py and onnx_graph.py what becomes of it"
    )


def test_the_files_of_marian(tmp_path: Path) -> None:
    model, _ = portable("post", "target", 17)
    hf_marian.write(model, tmp_path)
    content = {path.name: json.loads(path.read_bytes()) for path in tmp_path.glob("*.json")}
    assert content["config.json"]["vocab_size"] == 17
    assert content["config.json"]["decoder_vocab_size"] == 13
    assert content["config.json"]["decoder_start_token_id"] == 2
    assert content["config.json"]["max_position_embeddings"] == 1024
    assert content["generation_config.json"]["max_length"] == int(2.0 * 5) + 10 + 2
    assert list(content["vocab.json"]) == pieces_of(model.vocabularies.src)
    assert list(content["vocab.json"].values()) == list(range(model.vocabularies.src.size))
    assert (tmp_path / "source.spm").read_bytes() == (GOLDEN / "shared.model").read_bytes()
    from safetensors import safe_open

    with safe_open(tmp_path / "model.safetensors", "np") as stored:
        assert stored.metadata() == {"format": "pt"}
        assert set(stored.keys()) == set(hf_marian.tensors(model))
