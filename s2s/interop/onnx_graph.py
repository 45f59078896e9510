"""A trained model as two ONNX graphs over one file of weights.

    encoder   source (B, S) → mask (B, 1, 1, S), and each decoder layer's keys and values of the source (B, H, S, K)
    decoder   one step: pieces (N), mask, those keys and values, and those of the pieces before (N, H, T, K)
              → log_probabilities (N, V), and the keys and values with one more position (N, H, T + 1, K)

The N hypotheses of a step are as many for each of the B sentences, one sentence after the other. The graphs are put
together from plain operations of opset 17, so that neither torch nor its exporter has a say in what they look like;
linear maps take weights as s2s has them, (out, in), so that each number is in the file once, for both graphs and in
all its places.

Shapes: B sentences, N hypotheses, S source positions, T pieces before, D d_model, H heads, K head width, V vocabulary.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from s2s.interop.portable import Array, Portable
from s2s.model import TransformerConfig
from s2s.model.positions import sinusoids
from s2s.symbols import PAD
from s2s.version import __version__

OPSET, IR_VERSION = 17, 8
WEIGHTS = "weights.bin"
POSITIONS = "positions"
EPSILON = 1e-5
HIDDEN = -1e9
"""Added to the score of what is padding: after the softmax that is exactly nothing."""

_ALIGNMENT = 64

Shape = tuple[str | int, ...]


@dataclass
class Store:
    """The file of weights: what is where in it.

    Attributes:
        arrays: By name, in the order in which they lie in the file.
        places: Offset of each in bytes.
        used: Names that some graph has asked for.
    """

    arrays: dict[str, Array]
    places: dict[str, int] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        end = 0
        for name, array in self.arrays.items():
            self.places[name] = end
            end += -(-array.nbytes // _ALIGNMENT) * _ALIGNMENT

    @classmethod
    def of(cls, model: Portable) -> "Store":
        """The weights of a model, and the table of positions."""
        positions: Array = sinusoids(model.n_positions, model.shape.d_model).numpy()
        return cls({**model.weights, POSITIONS: positions})

    def content(self) -> bytes:
        """Of the file: little-endian float32, each array at its place."""
        parts = []
        for array in self.arrays.values():
            raw = np.ascontiguousarray(array).astype("<f4", copy=False).tobytes()
            parts.append(raw + bytes(-len(raw) % _ALIGNMENT))
        return b"".join(parts)


class _Graph:
    """Nodes and weights of a graph, while it is put together."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._nodes: list[Any] = []
        self._tensors: dict[str, Any] = {}

    def weight(self, name: str) -> str:
        """A tensor that lies in the file of weights."""
        from onnx import TensorProto

        if name not in self._tensors:
            array = self._store.arrays[name]
            tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=array.shape)
            tensor.data_location = TensorProto.EXTERNAL
            for key, value in (
                ("location", WEIGHTS),
                ("offset", str(self._store.places[name])),
                ("length", str(array.nbytes)),
            ):
                tensor.external_data.add(key=key, value=value)
            self._tensors[name] = tensor
            self._store.used.add(name)
        return name

    def constant(self, value: float | Sequence[int] | NDArray[Any]) -> str:
        """A small tensor in the graph itself: a number in float32, or whole numbers."""
        from onnx import numpy_helper

        array = np.asarray(value, np.float32 if isinstance(value, float) else np.int64)
        name = f"constant_{array.dtype}_{'_'.join(map(str, array.ravel().tolist()))}_{array.ndim}"
        self._tensors.setdefault(name, numpy_helper.from_array(array, name))
        return name

    def add(
        self, operation: str, *inputs: str, name: str | None = None, attributes: Mapping[str, Any] | None = None
    ) -> str:
        """Add a node; the name of its output."""
        from onnx import helper

        output = name or f"{operation.lower()}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(operation, list(inputs), [output], **(attributes or {})))
        return output

    def linear(self, x: str, name: str) -> str:
        """Rows times a matrix (out, in), plus a bias."""
        weights = (self.weight(f"{name}.{part}") for part in ("weight", "bias"))
        return self.add("Gemm", x, *weights, attributes={"transB": 1})

    def norm(self, x: str, name: str) -> str:
        """Layer normalisation of rows."""
        weights = (self.weight(f"{name}.{part}") for part in ("weight", "bias"))
        return self.add("LayerNormalization", x, *weights, attributes={"axis": -1, "epsilon": EPSILON})

    def embed(self, ids: str, table: str, d_model: int) -> str:
        """Rows of a table × √D."""
        rows = self.add("Gather", self.weight(table), ids)
        return self.add("Mul", rows, self.constant(math.sqrt(d_model)))

    def residual(
        self, x: str, around: str, norm: Literal["post", "pre"], sublayer: Callable[[str, str], str], layer: str
    ) -> str:
        """What stands around a sub-layer: see `s2s.model.layers.Residual`."""
        if norm == "pre":
            return self.add("Add", x, sublayer(self.norm(x, f"{around}.norm"), layer))
        return self.norm(self.add("Add", x, sublayer(x, layer)), f"{around}.norm")

    def feed_forward(self, x: str, layer: str) -> str:
        """Two maps with ReLU between them."""
        return self.linear(self.add("Relu", self.linear(x, f"{layer}.inner")), f"{layer}.outer")

    def transpose(self, x: str, *order: int) -> str:
        """With the dimensions in another order."""
        return self.add("Transpose", x, attributes={"perm": order})

    def attend(self, q: str, k: str, v: str, mask: str | None, head_width: int) -> str:
        """Attention of (B, H, T, K) to (B, H, S, K), and such values."""
        scaled = self.add("Mul", q, self.constant(1.0 / math.sqrt(head_width)))
        scores = self.add("MatMul", scaled, self.transpose(k, 0, 1, 3, 2))
        if mask is not None:
            scores = self.add("Add", scores, mask)
        return self.add("MatMul", self.add("Softmax", scores, attributes={"axis": -1}), v)

    def whole(self, name: str, inputs: "Mapping[str, Shape]", outputs: "Mapping[str, Shape]") -> Any:
        """The graph as an ONNX model.

        Args:
            name: What it is.
            inputs: Shapes by name; a name in a shape is a dimension that may be anything.
            outputs: The same.
        """
        from onnx import TensorProto, helper

        def values(shapes: "Mapping[str, Shape]") -> list[Any]:
            return [
                helper.make_tensor_value_info(key, TensorProto.INT64 if key in WHOLE else TensorProto.FLOAT, shape)
                for key, shape in shapes.items()
            ]

        graph = helper.make_graph(self._nodes, name, values(inputs), values(outputs), list(self._tensors.values()))
        return helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
            producer_name="s2s",
            producer_version=__version__,
        )


WHOLE = ("source", "pieces")
"""Inputs that are ids; everything else is float32."""


def caches(kind: str, n_layers: int) -> list[str]:
    """Names of the keys and values of all decoder layers: of the source (`cross`), or of pieces (`past`, `present`)."""
    return [f"{kind}_{part}_{layer}" for layer in range(n_layers) for part in ("key", "value")]


def encoder(model: Portable, store: Store) -> Any:
    """The graph that is run once a batch."""
    shape, graph = model.shape, _Graph(store)
    heads, width = shape.n_heads, shape.d_model // shape.n_heads
    is_padding = graph.add("Equal", "source", graph.constant([PAD]))
    masked = graph.add("Where", is_padding, graph.constant(HIDDEN), graph.constant(0.0))
    mask = graph.add("Unsqueeze", masked, graph.constant([1, 2]), name="mask")
    by_head = graph.add("Concat", graph.add("Shape", "source"), graph.constant([heads, width]), attributes={"axis": 0})
    rows = graph.constant([-1, shape.d_model])

    def split(x: str, name: str | None = None) -> str:
        x = graph.add("Reshape", x, by_head)
        return graph.add("Transpose", x, name=name, attributes={"perm": (0, 2, 1, 3)})

    def attention(x: str, layer: str) -> str:
        q, k, v = (split(graph.linear(x, f"{layer}.{one}")) for one in ("query", "key", "value"))
        joined = graph.transpose(graph.attend(q, k, v, mask, width), 0, 2, 1, 3)
        return graph.linear(graph.add("Reshape", joined, rows), f"{layer}.output")

    table = "tgt_embedding.weight" if shape.tied == "all" else "src_embedding.weight"
    embedded = graph.embed("source", table, shape.d_model)
    length = graph.add("Shape", "source", attributes={"start": 1, "end": 2})
    places = graph.add("Slice", graph.weight(POSITIONS), graph.constant([0]), length, graph.constant([0]))
    x = graph.add("Reshape", graph.add("Add", embedded, places), rows)
    for number in range(shape.n_encoder_layers):
        layer = f"encoder.{number}"
        x = graph.residual(x, f"{layer}.around_self_attention", shape.norm, attention, f"{layer}.self_attention")
        x = graph.residual(x, f"{layer}.around_feed_forward", shape.norm, graph.feed_forward, f"{layer}.feed_forward")
    memory = graph.norm(x, "encoder_norm") if shape.norm == "pre" else x
    outputs: dict[str, Shape] = {"mask": ("B", 1, 1, "S")}
    for name, of_source in zip(caches("cross", shape.n_decoder_layers), _maps_of_source(shape), strict=True):
        split(graph.linear(memory, of_source), name)
        outputs[name] = ("B", heads, "S", width)
    return graph.whole("encoder", {"source": ("B", "S")}, outputs)


def _maps_of_source(shape: TransformerConfig) -> list[str]:
    """The maps that give `caches("cross", …)`, in that order."""
    return [
        f"decoder.{layer}.cross_attention.{part}"
        for layer in range(shape.n_decoder_layers)
        for part in ("key", "value")
    ]


def decoder(model: Portable, store: Store) -> Any:
    """The graph that is run once a piece."""
    shape, graph = model.shape, _Graph(store)
    heads, width = shape.n_heads, shape.d_model // shape.n_heads
    one_position, rows = graph.constant([-1, heads, 1, width]), graph.constant([-1, shape.d_model])
    n_sentences = graph.add("Shape", "mask", attributes={"start": 0, "end": 1})
    rest = graph.constant([-1, heads, width])  # the hypotheses of a sentence are rows of one query
    of_sentence = graph.add("Concat", n_sentences, rest, attributes={"axis": 0})

    def to_itself(x: str, layer: str) -> str:
        number = layer.split(".")[1]
        q, k, v = (
            graph.add("Reshape", graph.linear(x, f"{layer}.{one}"), one_position) for one in ("query", "key", "value")
        )
        k, v = (
            graph.add("Concat", f"past_{part}_{number}", x, name=f"present_{part}_{number}", attributes={"axis": 2})
            for part, x in (("key", k), ("value", v))
        )
        out = graph.add("Reshape", graph.attend(q, k, v, None, width), rows)
        return graph.linear(out, f"{layer}.output")

    def to_source(x: str, layer: str) -> str:
        number = layer.split(".")[1]
        q = graph.transpose(graph.add("Reshape", graph.linear(x, f"{layer}.query"), of_sentence), 0, 2, 1, 3)
        out = graph.attend(q, f"cross_key_{number}", f"cross_value_{number}", "mask", width)
        return graph.linear(graph.add("Reshape", graph.transpose(out, 0, 2, 1, 3), rows), f"{layer}.output")

    place = graph.add("Shape", "past_key_0", attributes={"start": 2, "end": 3})
    embedded = graph.embed("pieces", "tgt_embedding.weight", shape.d_model)
    x = graph.add("Add", embedded, graph.add("Gather", graph.weight(POSITIONS), place))
    for number in range(shape.n_decoder_layers):
        layer = f"decoder.{number}"
        x = graph.residual(x, f"{layer}.around_self_attention", shape.norm, to_itself, f"{layer}.self_attention")
        x = graph.residual(x, f"{layer}.around_cross_attention", shape.norm, to_source, f"{layer}.cross_attention")
        x = graph.residual(x, f"{layer}.around_feed_forward", shape.norm, graph.feed_forward, f"{layer}.feed_forward")
    x = graph.norm(x, "decoder_norm") if shape.norm == "pre" else x
    output = graph.weight("projection.weight" if shape.tied == "none" else "tgt_embedding.weight")
    logits = graph.add("Gemm", x, output, attributes={"transB": 1})
    graph.add("LogSoftmax", logits, name="log_probabilities", attributes={"axis": -1})
    inputs: dict[str, Shape] = {"pieces": ("N",), "mask": ("B", 1, 1, "S")}
    inputs |= dict.fromkeys(caches("cross", shape.n_decoder_layers), ("B", heads, "S", width))
    inputs |= dict.fromkeys(caches("past", shape.n_decoder_layers), ("N", heads, "T", width))
    outputs: dict[str, Shape] = {"log_probabilities": ("N", shape.tgt_vocab_size)}
    outputs |= dict.fromkeys(caches("present", shape.n_decoder_layers), ("N", heads, "T + 1", width))
    return graph.whole("decoder", inputs, outputs)
