"""What transformers' MarianMT makes of the same text, pieces and model size in the same minutes as s2s.

    python benchmarks/quality_transformers.py DATA CONFIG [--minutes 55] [--threads N] [--dropout 0.1]
        [--rates 2e-3 5e-3] [--probe 4]

DATA is the folder that `quality.py` takes, CONFIG a config of s2s for it: its vocabulary, encoded text, batches and
sizes are used, from its run folder, where they are made if they are not there. A plain loop in float32 (which is faster
for so small a model, see README.md) with fused Adam, label smoothing 0.1, gradients clipped at 1, a warm-up of a fifth
and a rate that then falls in a straight line to 0. The peak rate is that of the best validation loss after trainings of
`--probe` minutes, which do not count; the weights are the best of ten validations, whose time does not count either;
the length penalty is chosen on validation as s2s does, with beam 5. Needs `pip install '.[bench,transformers]'`.
"""

import argparse
import copy
import math
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from quality import REFERENCE, lines, published_protocol
from sacrebleu import corpus_bleu
from train_peers import PlainLoop

from s2s.config.load import load_config
from s2s.corpus.batches import collate, plan_epoch
from s2s.corpus.store import EncodedSplit
from s2s.decoding.bundle import build_transformer
from s2s.jobs.finish import LENGTH_PENALTIES, climb
from s2s.jobs.tokenize import Prepared, tokenize
from s2s.model import TransformerConfig
from s2s.runtime import set_threads
from s2s.symbols import BOS, EOS, PAD, UNK

WARMUP = 0.2
"""Of the training; MarianMT normalises after each layer, and is lost with high rates at the start."""


def batches_of(split: EncodedSplit, batch_tokens: int) -> Iterator[NDArray[np.int64]]:
    """Batches without end."""
    for epoch in count():
        yield from plan_epoch(split.src_lengths, split.tgt_lengths, batch_tokens=batch_tokens, seed=1, epoch=epoch)


def train(
    prepared: Prepared, shape: TransformerConfig, rate: float, minutes: float, batch_tokens: int
) -> tuple[float, PlainLoop]:
    """A model with its best weights, and their validation loss."""
    loop = PlainLoop(shape, None, clip_norm=1.0)
    n_steps, n_pieces, seconds, losses = 0, 0, 0.0, [math.inf]
    best = copy.deepcopy(loop.model.state_dict())
    for indices in batches_of(prepared.train, batch_tokens):
        began = time.perf_counter()
        progress = seconds / (60 * minutes)
        for group in loop.optimizer.param_groups:
            group["lr"] = rate * max(0.0, min(progress / WARMUP, (1 - progress) / (1 - WARMUP)))
        batch = collate(prepared.train, indices)
        loop.update(batch)
        n_steps += 1
        n_pieces += batch.n_target_tokens
        seconds += time.perf_counter() - began
        if seconds >= 6 * minutes * len(losses):
            losses.append(nll(loop, prepared.valid))
            if losses[-1] <= min(losses):
                best = copy.deepcopy(loop.model.state_dict())
        if seconds >= 60 * minutes:
            break
    loop.model.load_state_dict(best)
    loop.model.eval()
    listed = ", ".join(f"{one:.3f}" for one in losses[1:])
    speed = n_pieces / seconds
    print(
        f"rate {rate:g}, {minutes:g} min: {n_steps:,} updates, {speed:,.0f} pieces/s, validation: {listed}", flush=True
    )
    return min(losses), loop


@torch.inference_mode()
def nll(loop: PlainLoop, split: EncodedSplit) -> float:
    """Nats a target piece; infinite if that is not a number."""
    loop.model.eval()
    total, n = 0.0, 0
    for indices in plan_epoch(split.src_lengths, split.tgt_lengths, batch_tokens=4096, seed=1, epoch=0):
        batch = collate(split, indices)
        logits_NV = loop.logits(batch).flatten(0, 1)
        total += float(F.cross_entropy(logits_NV, batch.tgt_out_BT.flatten(), ignore_index=PAD, reduction="sum"))
        n += batch.n_target_tokens
    loop.model.train()
    return total / n if math.isfinite(total) else math.inf


@torch.inference_mode()
def translated(loop: PlainLoop, prepared: Prepared, sources: list[str], penalty: float) -> list[str]:
    """Beam 5."""
    encoded = [[*ids, EOS] for ids in prepared.vocabularies.src.encode_all(sources)]
    order = sorted(range(len(encoded)), key=lambda number: len(encoded[number]))
    found = [""] * len(encoded)
    for first in range(0, len(order), 64):
        rows = order[first : first + 64]
        longest = max(len(encoded[row]) for row in rows)
        src_BS = torch.tensor([encoded[row] + [PAD] * (longest - len(encoded[row])) for row in rows])
        outputs = loop.model.generate(
            input_ids=src_BS,
            attention_mask=(src_BS != PAD).long(),
            num_beams=5,
            length_penalty=penalty,
            max_new_tokens=2 * longest + 10,
            suppress_tokens=[PAD, UNK, BOS],
            do_sample=False,
        )
        for row, ids in zip(rows, outputs.tolist(), strict=True):
            end = ids.index(EOS, 1) if EOS in ids[1:] else len(ids)
            found[row] = prepared.vocabularies.tgt.decode([one for one in ids[1:end] if one != PAD])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("config", type=Path)
    parser.add_argument("--minutes", type=float, default=55)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--dropout", type=float, default=0.1)
    parser.add_argument("--rates", type=float, nargs="+", default=[2e-3, 5e-3])
    parser.add_argument("--probe", type=float, default=4, help="minutes of each rate's trial")
    given = parser.parse_args()
    set_threads(given.threads)
    config = load_config(given.config)
    assert config.train.accumulate == 1, "updates of one batch"
    prepared = tokenize(config)
    shape = replace(build_transformer(config.model, prepared.vocabularies).config, dropout=given.dropout)
    assert shape.src_vocab_size == shape.tgt_vocab_size, "one vocabulary for both sides"
    budget, rates = config.train.batch_tokens, given.rates
    rate = min(rates, key=lambda one: train(prepared, shape, one, given.probe, budget)[0]) if rates[1:] else rates[0]
    _, loop = train(prepared, shape, rate, given.minutes, budget)
    pairs = [(pair.src, pair.tgt) for pair in prepared.valid_corpus]

    def bleu_with(penalty: float) -> float:
        hypotheses = translated(loop, prepared, [src for src, _ in pairs], penalty)
        value = corpus_bleu(hypotheses, [[tgt for _, tgt in pairs]]).score
        print(f"validation, length penalty {penalty:g}: {value:.2f}", flush=True)
        return value

    scores = climb(LENGTH_PENALTIES, 1.0, bleu_with)
    penalty = max(scores, key=lambda one: scores[one])
    hypotheses = translated(loop, prepared, lines(given.data / "test_2016.en"), penalty)
    cased = corpus_bleu(hypotheses, [lines(given.data / "test_2016.de")]).score
    print(f"test_2016: 13a {cased:.2f}, lc-norm-tok {published_protocol(hypotheses, given.data / REFERENCE):.2f}")


if __name__ == "__main__":
    main()
