"""The ONNX graphs against the model in NumPy, in double precision: each step, with padding and several hypotheses."""

import itertools
from pathlib import Path

import numpy as np
import pytest
from test_layouts import SHAPES, SRC, TGT, numpy_logits, portable

from s2s.errors import UsageError
from s2s.interop import onnx_files, onnx_graph
from s2s.symbols import BOS, EOS

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")


def log_softmax(logits: np.ndarray) -> np.ndarray:
    shifted = logits - logits.max(axis=-1, keepdims=True)
    found: np.ndarray = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return found


@SHAPES
@pytest.mark.parametrize("norm", ["pre", "post"])
def test_each_step_is_that_of_the_model(norm: str, tied: str, n_src: int, tmp_path: Path) -> None:
    """Two sentences, one of them padded, with two hypotheses each that take turns."""
    from s2s.interop.onnx_translate import Translator

    model, _ = portable(norm, tied, n_src)
    weights = dict(model.weights)
    if tied == "all":
        weights["src_embedding.weight"] = weights["tgt_embedding.weight"]
    if tied != "none":
        weights["projection.weight"] = weights["tgt_embedding.weight"]
    onnx_files.write(model, tmp_path)
    translator = Translator(tmp_path, 1)
    sources = [SRC[:-1], SRC[:2]]
    cross, past = translator.start(sources)
    said = [[BOS], [BOS]]
    log_p, past = translator.step(np.array([BOS, BOS]), cross, past)
    parents = [0, 0, 1, 1]  # of each sentence now two hypotheses
    past = {name: array[parents] for name, array in past.items()}
    said = [list(said[parent]) for parent in parents]
    for turn in range(4):
        pieces = [TGT[(turn + row) % len(TGT)] for row in range(4)]
        log_p, past = translator.step(np.array(pieces), cross, past)
        for row, piece in enumerate(pieces):
            said[row].append(piece)
            expected = numpy_of(weights, norm, [*sources[row // 2], EOS], said[row])
            np.testing.assert_allclose(log_p[row], expected, atol=1e-4)
        order = [1, 0, 2, 2]
        past, said = {name: array[order] for name, array in past.items()}, [list(said[row]) for row in order]


def numpy_of(weights: dict[str, np.ndarray], norm: str, source: list[int], target: list[int]) -> np.ndarray:
    """Log-probabilities of what follows."""
    return log_softmax(numpy_logits(weights, norm, source, target))[-1]


def test_what_the_graphs_have_no_place_for_is_refused_by_name(tmp_path: Path) -> None:
    model, _ = portable("pre", "all", 13)
    model.weights["decoder.0.gate.weight"] = np.zeros(3, np.float32)
    with pytest.raises(UsageError, match=r"no place for decoder\.0\.gate\.weight"):
        onnx_files.write(model, tmp_path)


def test_the_graphs_are_sound_and_their_numbers_are_in_one_file(tmp_path: Path) -> None:
    model, _ = portable("post", "all", 13)
    onnx_files.write(model, tmp_path)
    content = (tmp_path / onnx_graph.WEIGHTS).read_bytes()
    seen = {}
    for name in ("encoder", "decoder"):
        onnx.checker.check_model(str(tmp_path / f"{name}.onnx"), full_check=True)
        graph = onnx.load(str(tmp_path / f"{name}.onnx"), load_external_data=False)
        assert [one.version for one in graph.opset_import] == [17]
        free = {dim.dim_param for value in graph.graph.input for dim in value.type.tensor_type.shape.dim}
        assert free - {""} == ({"B", "S"} if name == "encoder" else {"N", "B", "S", "T"})
        for tensor in graph.graph.initializer:
            if tensor.external_data:
                place = {one.key: one.value for one in tensor.external_data}
                seen[tensor.name] = (int(place["offset"]), int(place["length"]))
                begin, length = seen[tensor.name]
                array = np.frombuffer(content[begin : begin + length], "<f4").reshape(tensor.dims)
                if tensor.name in model.weights:
                    assert np.array_equal(array, model.weights[tensor.name])
    assert seen.keys() == {*model.weights, "positions"}
    places = sorted(seen.values())
    assert all(begin + length <= after for (begin, length), (after, _) in itertools.pairwise(places))
    assert all(begin % 64 == 0 for begin, _ in places)
