"""The numbers that define a Transformer. They are stored beside the weights."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class TransformerConfig:
    """Shape of a Transformer; the defaults are the base model of Vaswani et al. 2017, Table 3.

    Attributes:
        src_vocab_size: Number of source pieces, V of the source embedding.
        tgt_vocab_size: Number of target pieces, V of the logits.
        n_encoder_layers: N of the encoder stack.
        n_decoder_layers: N of the decoder stack.
        d_model: D, width of every layer's input and output.
        d_ff: Inner width of the feed-forward sub-layer.
        n_heads: H; each head is K = D / H wide.
        dropout: Probability of dropping an element of an embedding sum or of a sub-layer's output.
        attention_dropout: Probability of dropping an attention weight (not in the paper).
        norm: `post` normalises after the residual sum as in the paper, `pre` before the sub-layer.
        tied: Which embedding matrices are one (section 3.4): `all` three, `target` and output, or `none`.
    """

    src_vocab_size: int
    tgt_vocab_size: int
    n_encoder_layers: int = 6
    n_decoder_layers: int = 6
    d_model: int = 512
    d_ff: int = 2048
    n_heads: int = 8
    dropout: float = 0.1
    attention_dropout: float = 0.0
    norm: Literal["post", "pre"] = "post"
    tied: Literal["all", "target", "none"] = "all"

    def __post_init__(self) -> None:
        if self.d_model % self.n_heads or self.d_model % 2:
            raise ValueError(f"d_model {self.d_model} must be even and a multiple of n_heads {self.n_heads}")
        if self.tied == "all" and self.src_vocab_size != self.tgt_vocab_size:
            raise ValueError("tied='all' needs one vocabulary for both sides")
