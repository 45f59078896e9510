"""What transformers' MarianMT makes of the same text, pieces and model size in the same minutes as s2s.

    python benchmarks/quality_transformers.py DATA CONFIG [--minutes 55] [--threads N] [--dropout 0.1]
        [--rates 1e-3 2.5e-3 5e-3] [--probe 5] [--out runs/transformers]

DATA is the folder that `quality.py` takes, CONFIG a config of s2s for it: its vocabulary, encoded text, batches and
sizes are used, from its run folder, where they are made if they are not there. A plain loop with fused Adam, label
smoothing 0.1, warm-up and a rate that falls in a straight line to 0 (the default of transformers' Trainer, without its
costs), in bfloat16 where the processor has it. The peak rate is that of the best validation loss after trainings of
`--probe` minutes, which do not count; the length penalty is chosen on validation with beam 5. Needs
`pip install '.[bench,transformers]'`.
"""

import argparse
import math
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from quality import REFERENCE, lines, published_protocol
from sacrebleu import corpus_bleu
from train_peers import PlainLoop

from s2s.config.load import load_config
from s2s.corpus.batches import collate, plan_epoch
from s2s.corpus.store import EncodedSplit
from s2s.decoding.bundle import build_transformer
from s2s.jobs.tokenize import Prepared, prepare
from s2s.model import TransformerConfig
from s2s.run_folder import RunFolder
from s2s.runtime import autocast_type, set_threads
from s2s.symbols import EOS, PAD

WARMUP = 0.1
"""Of the training; at most 2,000 updates."""


def batches_of(split: EncodedSplit, batch_tokens: int) -> Iterator[NDArray[np.int64]]:
    """Batches without end."""
    for epoch in count():
        yield from plan_epoch(split.src_lengths, split.tgt_lengths, batch_tokens=batch_tokens, seed=1, epoch=epoch)


def train(prepared: Prepared, shape: TransformerConfig, rate: float, minutes: float, batch_tokens: int) -> PlainLoop:
    loop = PlainLoop(shape, autocast_type("auto", torch.device("cpu"), training=True))
    began = time.perf_counter()
    n_pieces = 0
    for step, indices in enumerate(batches_of(prepared.train, batch_tokens), 1):
        progress = (time.perf_counter() - began) / (60 * minutes)
        if progress >= 1:
            break
        warm = min(1.0, max(progress / WARMUP, step / 2000))
        for group in loop.optimizer.param_groups:
            group["lr"] = rate * min(warm, (1 - progress) / (1 - WARMUP))
        batch = collate(prepared.train, indices)
        loop.update(batch)
        n_pieces += batch.n_target_tokens
    loop.model.eval()
    print(
        f"rate {rate:g}, {minutes:g} min: {step - 1:,} updates, {n_pieces / (time.perf_counter() - began):,.0f} target"
        f" pieces/s, validation NLL {nll(loop, prepared.valid):.4f}",
        flush=True,
    )
    return loop


@torch.inference_mode()
def nll(loop: PlainLoop, split: EncodedSplit) -> float:
    """Nats a target piece."""
    total, n = 0.0, 0
    for indices in plan_epoch(split.src_lengths, split.tgt_lengths, batch_tokens=4096, seed=1, epoch=0):
        batch = collate(split, indices)
        logits_BTV = loop.model(
            input_ids=batch.src_BS,
            attention_mask=(batch.src_BS != PAD).long(),
            decoder_input_ids=batch.tgt_in_BT,
            use_cache=False,
        ).logits
        total += float(
            torch.nn.functional.cross_entropy(
                logits_BTV.flatten(0, 1), batch.tgt_out_BT.flatten(), ignore_index=PAD, reduction="sum"
            )
        )
        n += batch.n_target_tokens
    return total / n


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
    parser.add_argument("--rates", type=float, nargs="+", default=[1e-3, 2.5e-3, 5e-3])
    parser.add_argument("--probe", type=float, default=5, help="minutes of each rate's trial")
    given = parser.parse_args()
    set_threads(given.threads)
    config = load_config(given.config)
    run = RunFolder(Path(config.run))
    run.create()
    prepared = prepare(config, run)
    shape = replace(build_transformer(config.model, prepared.vocabularies).config, dropout=given.dropout)
    budget = config.train.batch_tokens

    def score(rate: float) -> float:
        value = nll(train(prepared, shape, rate, given.probe, budget), prepared.valid)
        return value if math.isfinite(value) else math.inf

    rate = min(given.rates, key=score) if len(given.rates) > 1 else given.rates[0]
    loop = train(prepared, shape, rate, given.minutes, budget)
    valid, test = ([lines(given.data / f"{split}.{side}") for side in ("en", "de")] for split in ("val", "test_2016"))

    def bleu_with(penalty: float) -> float:
        value = corpus_bleu(translated(loop, prepared, valid[0], penalty), [valid[1]]).score
        print(f"validation, length penalty {penalty:g}: {value:.2f}", flush=True)
        return value

    penalty = max((0.6, 1.0, 1.4, 1.8), key=bleu_with)
    hypotheses = translated(loop, prepared, test[0], penalty)
    cased = corpus_bleu(hypotheses, [test[1]]).score
    published = published_protocol(hypotheses, given.data / REFERENCE)
    print(f"test_2016: 13a {cased:.2f}, lc-norm-tok {published:.2f}")


if __name__ == "__main__":
    main()
