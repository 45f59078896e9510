"""Forced decoding: how probable the model finds a given translation.

Shapes: B pairs, S source positions, T target positions, V vocabulary.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from s2s.decoding.batching import batches_by_length, pad_rows
from s2s.model import Ensemble, Transformer
from s2s.symbols import BOS, EOS, PAD

Pair = tuple[Sequence[int], Sequence[int]]


@torch.inference_mode()
def forced_log_probabilities(
    model: Transformer | Ensemble,
    pairs: Sequence[Pair],
    *,
    batch_tokens: int = 4096,
    autocast: torch.dtype | None = None,
    check_stop: Callable[[], None] = lambda: None,
) -> list[float]:
    """Log-probability of each target given its source, end symbol included.

    Args:
        model: In evaluation mode.
        pairs: Source and target ids, without begin and end symbols.
        batch_tokens: Budget of a batch: pairs × pieces of its longest side.
        autocast: Type of autocast, or none for float32.
        check_stop: Called before each batch; it may raise.

    Returns:
        A sum in nats for each pair, in order.
    """
    device = next(model.parameters()).device
    results = [0.0] * len(pairs)
    lengths = [max(len(source), len(target)) + 1 for source, target in pairs]
    for batch in batches_by_length(lengths, batch_tokens):
        check_stop()
        src_BS = pad_rows([[*pairs[index][0], EOS] for index in batch]).to(device)
        tgt_in_BT = pad_rows([[BOS, *pairs[index][1]] for index in batch]).to(device)
        tgt_out_BT = pad_rows([[*pairs[index][1], EOS] for index in batch]).to(device)
        with torch.autocast(device.type, dtype=autocast, enabled=autocast is not None):
            hidden_BTD = model.decode(tgt_in_BT, model.encode(src_BS), src_BS)
        logits_BTV = model.projection(hidden_BTD.float())
        for index, log_probability in zip(batch, _sums(logits_BTV, tgt_out_BT).tolist(), strict=True):
            results[index] = log_probability
    return results


def _sums(logits_BTV: Tensor, tgt_out_BT: Tensor) -> Tensor:
    """Sum over the real positions of the log-probability of each target piece, `(B)`."""
    chosen_BT = logits_BTV.gather(2, tgt_out_BT[:, :, None])[:, :, 0] - logits_BTV.logsumexp(dim=2)
    return chosen_BT.masked_fill(tgt_out_BT == PAD, 0.0).cpu().double().sum(dim=1)
