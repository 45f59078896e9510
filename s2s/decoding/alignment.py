"""Which words of the source the words of a translation come from, by attention, and how sure the model is of them.

What a deep decoder attends to is not always what it translates: the last layer but one, all heads averaged, is the
usual choice (Garg et al. 2019, https://arxiv.org/abs/1909.02074).

Shapes: B pairs, T target positions, S source positions, V vocabulary, D d_model, W words.
"""

from collections.abc import Sequence
from itertools import groupby

import torch
from torch import Tensor

from s2s.decoding.batching import batches_by_length, pad_rows
from s2s.decoding.forced import Pair
from s2s.model import Ensemble, Transformer
from s2s.symbols import BOS, EOS

Links = list[tuple[int, int]]

_WORD_START = "▁"  # SentencePiece's mark of a space


@torch.inference_mode()
def forced_pass(
    model: Transformer | Ensemble,
    pairs: Sequence[Pair],
    *,
    batch_tokens: int = 4096,
    autocast: torch.dtype | None = None,
) -> list[tuple[Tensor, Tensor]]:
    """What the model attends to in the source as it says each piece of a given translation, and how probable that is.

    Args:
        model: In evaluation mode.
        pairs: Source and target ids, without begin and end symbols.
        batch_tokens: Budget of a batch: pairs × pieces of its longest side.
        autocast: Type of autocast, or none for float32.

    Returns:
        For each pair weights `(T, S)` and log-probabilities `(T)`. The last column of the weights is the source's end
        symbol; a row of them sums to 1. The target's end symbol is left out.
    """
    device = next(model.parameters()).device
    found = [(torch.empty(0), torch.empty(0))] * len(pairs)
    lengths = [max(len(source), len(target)) + 1 for source, target in pairs]
    for batch in batches_by_length(lengths, batch_tokens):
        src_BS = pad_rows([[*pairs[index][0], EOS] for index in batch]).to(device)
        tgt_in_BT = pad_rows([[BOS, *pairs[index][1]] for index in batch]).to(device)
        weights: list[Tensor] = []
        with torch.autocast(device.type, dtype=autocast, enabled=autocast is not None):
            hidden_BTD = model.decode(tgt_in_BT, model.encode(src_BS), src_BS, weights)
        weights_BTS = weights[max(0, len(weights) - 2)].float().mean(dim=1).cpu()
        for row, index in enumerate(batch):
            source, target = pairs[index]
            log_p_TV = model.projection(hidden_BTD[row, : len(target)].float()).log_softmax(dim=1)
            said_T1 = tgt_in_BT[row, 1 : len(target) + 1, None]
            found[index] = weights_BTS[row, : len(target), : len(source) + 1], log_p_TV.gather(1, said_T1)[:, 0].cpu()
    return found


def word_links(weights_TS: Tensor, src_words: Sequence[int], tgt_words: Sequence[int]) -> Links:
    """Link each word of the target to the word of the source whose pieces get most of its attention.

    A word that attends more to the end of the source than to any of its words is linked to none.

    Args:
        weights_TS: From `forced_pass`.
        src_words: For each source piece the number of its word, rising; the end symbol has none.
        tgt_words: The same for each target piece.

    Returns:
        Pairs (source word, target word), in the order of the target.
    """
    links = []
    start_of_word, n_words = (src_words[0], src_words[-1] - src_words[0] + 1) if src_words else (0, 0)
    columns_S = torch.tensor([*(word - start_of_word for word in src_words), n_words])
    for word, rows in groupby(range(len(tgt_words)), key=tgt_words.__getitem__):
        attention_S = weights_TS[list(rows)].mean(dim=0)
        likeliest = int(attention_S.new_zeros(n_words + 1).index_add(0, columns_S, attention_S).argmax())
        if likeliest < n_words:
            links.append((start_of_word + likeliest, word))
    return links


def word_confidence(log_probabilities_T: Tensor, words: Sequence[int]) -> list[float]:
    """The geometric mean of the probabilities of each word's pieces.

    Args:
        log_probabilities_T: Of all pieces.
        words: For each piece the number of its word, rising from 0.
    """
    if not words:
        return []
    numbers_T = torch.tensor(words)
    sums_W = torch.zeros(words[-1] + 1).index_add(0, numbers_T, log_probabilities_T)
    return [float(mean) for mean in (sums_W / numbers_T.bincount()).exp()]


def word_numbers(pieces: Sequence[str]) -> list[int]:
    """For each piece of a text the number of its word, from 0; words are what stands between spaces.

    >>> word_numbers(["▁a", "b", "▁", "c", "▁d"])
    [0, 0, 1, 1, 2]
    """
    numbers: list[int] = []
    number = -1
    for before, piece in zip(["", *pieces], pieces, strict=False):
        number += piece.startswith(_WORD_START) and before != _WORD_START
        number = max(number, 0)
        numbers.append(number)
    return numbers
