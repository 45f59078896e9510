"""The Transformer of Vaswani et al. 2017 (https://arxiv.org/abs/1706.03762), to be read beside the paper.

Shapes: B batch, S source positions, T target positions, D d_model, V vocabulary.
"""

import math

from torch import Tensor, nn

from s2s.model.config import TransformerConfig
from s2s.model.dropout import Dropout
from s2s.model.layers import DecoderLayer, EncoderLayer
from s2s.model.positions import PositionalEncoding
from s2s.model.rows import PAD, Rows


class Transformer(nn.Module):
    """Encoder, decoder and output projection (figure 1 of the paper).

    Args:
        config: Its shape.
    """

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.config = config
        self.tgt_embedding = nn.Embedding(config.tgt_vocab_size, config.d_model)
        if config.tied == "all":
            self.src_embedding = self.tgt_embedding
        else:
            self.src_embedding = nn.Embedding(config.src_vocab_size, config.d_model)
        self.projection = nn.Linear(config.d_model, config.tgt_vocab_size, bias=False)
        self.positions = PositionalEncoding(config.d_model)
        self.dropout = Dropout(config.dropout)
        self.encoder = nn.ModuleList(EncoderLayer(config) for _ in range(config.n_encoder_layers))
        self.decoder = nn.ModuleList(DecoderLayer(config) for _ in range(config.n_decoder_layers))
        # the last layer of a pre-norm stack leaves its sum unnormalised
        self.encoder_norm = nn.LayerNorm(config.d_model) if config.norm == "pre" else nn.Identity()
        self.decoder_norm = nn.LayerNorm(config.d_model) if config.norm == "pre" else nn.Identity()
        self._initialise()
        if config.tied != "none":
            self.projection.weight = self.tgt_embedding.weight

    def _initialise(self) -> None:
        """Glorot for the linear maps; embeddings so small that scaled by √D they have variance 1."""
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
            elif isinstance(module, nn.Embedding):
                nn.init.normal_(module.weight, std=self.config.d_model**-0.5)
        nn.init.normal_(self.projection.weight, std=self.config.d_model**-0.5)

    @property
    def n_parameters(self) -> int:
        """Number of trained numbers; a shared matrix counts once."""
        return sum(parameter.numel() for parameter in self.parameters())

    def embed(self, ids_BT: Tensor, embedding: nn.Embedding, start: int = 0, rows: Rows | None = None) -> Tensor:
        """Sections 3.4 and 3.5: embeddings × √D plus positions from `start` on, then dropout.

        `(B, T, D)`; with `rows` the real positions alone, `(N, D)`.
        """
        x_BTD = self.positions(embedding(ids_BT) * math.sqrt(self.config.d_model), start)
        return self.dropout(x_BTD if rows is None else rows.cut(x_BTD))  # type: ignore[no-any-return]

    @staticmethod
    def mask(src_BS: Tensor) -> Tensor:
        """Mask `(B, 1, 1, S)`, true at real pieces and false at padding."""
        return (src_BS != PAD)[:, None, None, :]

    def encode(self, src_BS: Tensor, weights: list[Tensor] | None = None, rows: Rows | None = None) -> Tensor:
        """Encode source ids.

        Args:
            src_BS: Source ids, end symbol included, padded to the right.
            weights: If given, each layer's self-attention weights `(B, H, S, S)` are appended.
            rows: Where `src_BS` is real, to compute nothing for its padding.

        Returns:
            The memory `(B, S, D)`; with `rows` its real positions alone.
        """
        src_mask = self.mask(src_BS)
        x = self.embed(src_BS, self.src_embedding, rows=rows)
        for layer in self.encoder:
            x = layer(x, src_mask, weights, rows)
        return self.encoder_norm(x)  # type: ignore[no-any-return]

    def decode(
        self,
        tgt_in_BT: Tensor,
        memory: Tensor,
        src_BS: Tensor,
        weights: list[Tensor] | None = None,
        rows: Rows | None = None,
        src_rows: Rows | None = None,
    ) -> Tensor:
        """Decode all target positions at once, each seeing only those before it.

        Args:
            tgt_in_BT: Target ids shifted right: begin symbol first, padded to the right.
            memory: From `encode`.
            src_BS: The ids that were encoded (for their padding).
            weights: If given, each layer's encoder-decoder attention weights `(B, H, T, S)` are appended.
            rows: Where `tgt_in_BT` is real, to compute nothing for its padding.
            src_rows: As in `encode`.

        Returns:
            Hidden states `(B, T, D)`, ready for `projection`; with `rows` those of real positions alone, `(N, D)`.
        """
        src_mask = self.mask(src_BS)
        x = self.embed(tgt_in_BT, self.tgt_embedding, rows=rows)
        for layer in self.decoder:
            x = layer(x, memory, src_mask, weights, rows, src_rows)
        return self.decoder_norm(x)  # type: ignore[no-any-return]

    def decode_real(self, src_BS: Tensor, tgt_in_BT: Tensor) -> Tensor:
        """What `decode` gives at real target positions, `(N, D)`, sequence by sequence, computed for those alone."""
        rows, src_rows = (Rows(ids, self.config.n_heads) for ids in (tgt_in_BT, src_BS))
        return self.decode(tgt_in_BT, self.encode(src_BS, rows=src_rows), src_BS, None, rows, src_rows)

    def forward(self, src_BS: Tensor, tgt_in_BT: Tensor) -> Tensor:
        """Logits `(B, T, V)` of the piece that follows each target position."""
        return self.projection(self.decode(tgt_in_BT, self.encode(src_BS), src_BS))  # type: ignore[no-any-return]
