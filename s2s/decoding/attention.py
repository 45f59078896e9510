"""What hypotheses look at while they are made: the source, and what they have said.

Queries come scaled by 1 / √K.

Shapes: B sentences, M hypotheses of each (the beam), N = B × M, S source positions, P of all sentences without padding,
T steps so far, D d_model, H heads, K head width; U = T × M.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from s2s.symbols import PAD

_FIRST_CAPACITY = 16  # steps that a new cache has room for; it doubles when full


class Attention:
    """The attention of a batch, layer by layer, and what it keeps for that.

    What hypotheses have said is never moved when the beam is reordered. The M hypotheses of a sentence share one pool
    of M keys a step, and each has a table of who of them said its past (its ancestry), which becomes the mask.

    Args:
        src_BS: Source ids, padded to the right.
        beam: M.
        n_heads: H.
        dtype: Of queries, keys and values.

    Attributes:
        n_steps: T, the one at work included.
        n_rows: N.
        source_2BHSK: Of each layer, keys and values of the encoder's output.
    """

    def __init__(self, src_BS: Tensor, beam: int, n_heads: int, dtype: torch.dtype) -> None:
        self.n_steps, self.n_rows = 0, len(src_BS) * beam
        self._shape, self._beam, self._n_heads, self._dtype = src_BS.shape, beam, n_heads, dtype
        padding_BS = src_BS == PAD
        self._mask_B11S: Tensor | None = None
        self._places_P: Tensor | None = None
        if bool(padding_BS.any()):
            self._mask_B11S = self._as_mask(padding_BS)[:, None, None, :]
            self._places_P = (~padding_BS).flatten().nonzero()[:, 0]
        self.source_2BHSK: list[Tensor] = []
        self._past_2BHTMK: list[Tensor] = []
        self._ancestry_BMT: Tensor | None = None
        if beam > 1:
            self._ancestry_BMT = torch.empty(len(src_BS), beam, 0, dtype=torch.int8, device=src_BS.device)
        self._mask_B1MU: Tensor | None = None

    def _as_mask(self, hidden: Tensor) -> Tensor:
        return torch.zeros((), dtype=self._dtype, device=hidden.device).masked_fill(hidden, float("-inf"))

    def leave_out_padding(self, x_BSD: Tensor) -> Tensor:
        """Only the places with pieces, `(P, D)`."""
        x = x_BSD.flatten(0, 1)
        return x if self._places_P is None else x.index_select(0, self._places_P)

    def _put_back(self, x_PE: Tensor, n_parts: int) -> Tensor:
        """Parts side by side, without padding, to `(parts, B, H, S, K)` with 0 at padding."""
        if self._places_P is not None:
            x_PE = x_PE.new_zeros(self._shape.numel(), x_PE.size(1)).index_copy_(0, self._places_P, x_PE)
        return x_PE.view(*self._shape, n_parts, self._n_heads, -1).permute(2, 0, 3, 1, 4)

    def encoder(self, qkv_P3D: Tensor) -> Tensor:
        """Attention of the encoder, from queries, keys and values side by side to `(P, D)`."""
        q, k, v = self._put_back(qkv_P3D, 3)
        out_BHSK = F.scaled_dot_product_attention(q, k, v, self._mask_B11S, scale=1.0)
        return self.leave_out_padding(out_BHSK.transpose(1, 2).flatten(2))

    def keep_source(self, kv_P2D: Tensor) -> None:
        """Take the next decoder layer's keys and values of the source."""
        keys_values = self._put_back(kv_P2D, 2).contiguous()
        self.source_2BHSK.append(keys_values)
        _, n_sentences, n_heads, _, width = keys_values.shape
        shape = (2, n_sentences, n_heads, _FIRST_CAPACITY, self._beam, width)
        self._past_2BHTMK.append(keys_values.new_empty(shape))

    def begin_step(self) -> None:
        """Go on to the next step."""
        self.n_steps += 1
        if self._ancestry_BMT is not None:
            n_sentences = len(self._ancestry_BMT)
            places_M = torch.arange(self._beam, dtype=torch.int8, device=self._ancestry_BMT.device)
            own_BM1 = places_M.expand(n_sentences, self._beam)[:, :, None]
            self._ancestry_BMT = torch.cat([self._ancestry_BMT, own_BM1], dim=2)
            foreign_BMTM = self._ancestry_BMT[:, :, :, None] != places_M
            self._mask_B1MU = self._as_mask(foreign_BMTM).flatten(2)[:, None]

    def past(self, layer: int, qkv_N3D: Tensor) -> Tensor:
        """Attention to what was said, this step included, `(N, D)`; keeps this step's keys and values."""
        past = self._past_2BHTMK[layer]
        if self.n_steps > past.size(3):
            past = self._past_2BHTMK[layer] = torch.cat([past, torch.empty_like(past)], dim=3)
        q, k, v = qkv_N3D.view(-1, self._beam, 3, self._n_heads, past.size(5)).permute(2, 0, 3, 1, 4)
        past[0, :, :, self.n_steps - 1], past[1, :, :, self.n_steps - 1] = k, v
        keys, values = past[:, :, :, : self.n_steps].flatten(3, 4)
        return self._attend(q, keys, values, self._mask_B1MU)

    def source(self, layer: int, q_ND: Tensor) -> Tensor:
        """Attention to the source, `(N, D)`."""
        keys, values = self.source_2BHSK[layer]
        q_BHMK = q_ND.view(-1, self._beam, self._n_heads, keys.size(3)).transpose(1, 2)
        return self._attend(q_BHMK, keys, values, self._mask_B11S)

    @staticmethod
    def _attend(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
        """With the few queries of a step, two products and a softmax take less time on a processor than one kernel."""
        if q.device.type == "cpu":
            scores = q @ k.transpose(-2, -1)
            if mask is not None:
                scores += mask
            out_BHMK = scores.softmax(dim=-1) @ v
        else:
            out_BHMK = F.scaled_dot_product_attention(q, k, v, mask, scale=1.0)
        return out_BHMK.transpose(1, 2).reshape(-1, q.size(1) * q.size(3))

    def select(self, parents_BM: Tensor, sentences_B: Tensor | None) -> None:
        """See `DecodingEngine.select`."""
        self.n_rows = parents_BM.numel()
        if sentences_B is not None:
            self.source_2BHSK = [one.index_select(1, sentences_B) for one in self.source_2BHSK]
            for layer, old in enumerate(self._past_2BHTMK):
                new = old.new_empty(2, len(sentences_B), *old.shape[2:])
                new[:, :, :, : self.n_steps] = old[:, :, :, : self.n_steps].index_select(1, sentences_B)
                self._past_2BHTMK[layer] = new
            if self._mask_B11S is not None:
                self._mask_B11S = self._mask_B11S.index_select(0, sentences_B)
            if self._ancestry_BMT is not None:
                self._ancestry_BMT = self._ancestry_BMT.index_select(0, sentences_B)
        if self._ancestry_BMT is not None:
            self._ancestry_BMT = self._ancestry_BMT.gather(1, parents_BM[:, :, None].expand_as(self._ancestry_BMT))
