"""A Transformer in plain NumPy, written from the paper for the tests: loops over sentences, heads and positions.

No batching, no padding, no masks: a sentence is computed at its own length, so that agreement with the model also
proves the model's masks right. Everything is float64.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Weights = dict[str, Array]


def softmax(x: Array) -> Array:
    e = np.exp(x - x.max())
    return e / e.sum()


def layer_norm(x: Array, weights: Weights, name: str) -> Array:
    rows = [
        (row - row.mean()) / np.sqrt(((row - row.mean()) ** 2).mean() + 1e-5) * weights[f"{name}.weight"]
        + weights[f"{name}.bias"]
        for row in x
    ]
    return np.array(rows)


def linear(x: Array, weights: Weights, name: str) -> Array:
    return np.array([weights[f"{name}.weight"] @ row + weights[f"{name}.bias"] for row in x])


def attention(x: Array, memory: Array, weights: Weights, name: str, n_heads: int, causal: bool) -> Array:
    q, k, v = (
        linear(x, weights, f"{name}.query"),
        linear(memory, weights, f"{name}.key"),
        linear(memory, weights, f"{name}.value"),
    )
    width = q.shape[1] // n_heads
    out = np.zeros_like(q)
    for head in range(n_heads):
        part = slice(head * width, (head + 1) * width)
        for t in range(len(q)):
            seen = t + 1 if causal else len(k)
            scores = np.array([q[t, part] @ k[s, part] / np.sqrt(width) for s in range(seen)])
            probabilities = softmax(scores)
            out[t, part] = sum(probabilities[s] * v[s, part] for s in range(seen))
    return linear(out, weights, f"{name}.output")


def feed_forward(x: Array, weights: Weights, name: str) -> Array:
    return linear(np.maximum(linear(x, weights, f"{name}.inner"), 0), weights, f"{name}.outer")


def embed(ids: list[int], table: Array) -> Array:
    d = table.shape[1]
    rows = []
    for position, piece in enumerate(ids):
        encoding = np.zeros(d)
        for i in range(0, d, 2):
            angle = position / 10_000 ** (i / d)
            encoding[i], encoding[i + 1] = np.sin(angle), np.cos(angle)
        rows.append(table[piece] * np.sqrt(d) + encoding)
    return np.array(rows)


class NumpyTransformer:
    """Logits of one sentence pair from a model's weights by name."""

    def __init__(self, weights: Weights, n_encoder: int, n_decoder: int, n_heads: int, norm: str) -> None:
        self.weights, self.n_encoder, self.n_decoder, self.n_heads, self.pre = (
            weights,
            n_encoder,
            n_decoder,
            n_heads,
            norm == "pre",
        )

    def around(self, x: Array, sublayer, name: str) -> Array:  # type: ignore[no-untyped-def]
        if self.pre:
            return x + sublayer(layer_norm(x, self.weights, f"{name}.norm"))
        return layer_norm(x + sublayer(x), self.weights, f"{name}.norm")

    def encode(self, src: list[int]) -> Array:
        w = self.weights
        x = embed(src, w.get("src_embedding.weight", w["tgt_embedding.weight"]))
        for i in range(self.n_encoder):
            name = f"encoder.{i}"
            x = self.around(
                x,
                lambda y, n=name: attention(y, y, w, f"{n}.self_attention", self.n_heads, False),
                f"{name}.around_self_attention",
            )
            x = self.around(x, lambda y, n=name: feed_forward(y, w, f"{n}.feed_forward"), f"{name}.around_feed_forward")
        return layer_norm(x, w, "encoder_norm") if self.pre else x

    def logits(self, src: list[int], tgt_in: list[int]) -> Array:
        w = self.weights
        memory = self.encode(src)
        x = embed(tgt_in, w["tgt_embedding.weight"])
        for i in range(self.n_decoder):
            name = f"decoder.{i}"
            x = self.around(
                x,
                lambda y, n=name: attention(y, y, w, f"{n}.self_attention", self.n_heads, True),
                f"{name}.around_self_attention",
            )
            x = self.around(
                x,
                lambda y, n=name: attention(y, memory, w, f"{n}.cross_attention", self.n_heads, False),
                f"{name}.around_cross_attention",
            )
            x = self.around(x, lambda y, n=name: feed_forward(y, w, f"{n}.feed_forward"), f"{name}.around_feed_forward")
        x = layer_norm(x, w, "decoder_norm") if self.pre else x
        return x @ w.get("projection.weight", w["tgt_embedding.weight"]).T
