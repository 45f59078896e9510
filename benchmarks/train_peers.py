"""Training speed of s2s and of a plain loop over transformers' MarianMT, in turns on the very same batches.

    python benchmarks/train_peers.py [CORPUS] [--shape tiny base] [--batch-tokens 4096] [--seconds 60] [--threads N]

CORPUS is a folder with train.en and train.de; without it, the bundled one. Shape, vocabulary, dropout and label
smoothing are the same; the plain loop has fused Adam and is run in float32 and under autocast to bfloat16, as its users
would. Needs `pip install '.[transformers]'`.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor
from train_speed import BUNDLED, prepared_corpus
from transformers import MarianConfig, MarianMTModel

from s2s.corpus.batches import Batch, collate, plan_epoch
from s2s.decoding.bundle import build_transformer
from s2s.model import TransformerConfig
from s2s.runtime import autocast_type, set_threads
from s2s.symbols import BOS, EOS, PAD
from s2s.training.checkpoint import TrainingState
from s2s.training.trainer import Trainer


class PlainLoop:
    """MarianMT of a shape, and one update of it.

    Args:
        shape: Its sizes.
        autocast: Type of autocast, if any.
        clip_norm: Largest norm of the gradient, if there is one.
    """

    def __init__(self, shape: TransformerConfig, autocast: torch.dtype | None, clip_norm: float | None = None) -> None:
        torch.manual_seed(1)
        config = MarianConfig(
            vocab_size=shape.tgt_vocab_size,
            d_model=shape.d_model,
            encoder_layers=shape.n_encoder_layers,
            decoder_layers=shape.n_decoder_layers,
            encoder_attention_heads=shape.n_heads,
            decoder_attention_heads=shape.n_heads,
            encoder_ffn_dim=shape.d_ff,
            decoder_ffn_dim=shape.d_ff,
            dropout=shape.dropout,
            attention_dropout=shape.attention_dropout,
            activation_function="relu",
            init_std=shape.d_model**-0.5,  # the default is for a width of 1,024 and more
            scale_embedding=True,
            pad_token_id=PAD,
            eos_token_id=EOS,
            forced_eos_token_id=EOS,
            decoder_start_token_id=BOS,
        )
        self.model, self.autocast, self.clip_norm = MarianMTModel(config).train(), autocast, clip_norm
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=1e-4, betas=(0.9, 0.98), eps=1e-9, fused=True)

    def logits(self, batch: Batch) -> Tensor:
        """Of the batch's targets."""
        found: Tensor = self.model(
            input_ids=batch.src_BS,
            attention_mask=(batch.src_BS != PAD).long(),
            decoder_input_ids=batch.tgt_in_BT,
            use_cache=False,
        ).logits
        return found

    def update(self, batch: Batch) -> None:
        """Forward, backward, clipping, Adam."""
        with torch.autocast("cpu", dtype=self.autocast, enabled=self.autocast is not None):
            loss = F.cross_entropy(
                self.logits(batch).flatten(0, 1), batch.tgt_out_BT.flatten(), ignore_index=PAD, label_smoothing=0.1
            )
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        if self.clip_norm is not None:
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.clip_norm)
        self.optimizer.step()
        loss.item()


def measure(corpus: Path, shape: str, batch_tokens: int, seconds: float, folder: Path) -> str:
    """Take turns for some time; a line for each tool."""
    config, prepared = prepared_corpus(corpus, shape, batch_tokens, folder)
    split, cpu = prepared.train, torch.device("cpu")
    trainers, loops = {}, {}
    for precision in ("auto", "fp32"):
        autocast = autocast_type(precision, cpu, training=True)
        model = build_transformer(config.model, prepared.vocabularies)
        state = TrainingState(prepared.fingerprint)
        trainers[f"s2s, precision {precision}"] = Trainer(model, split, config.train, state, autocast)
    for name, autocast in (("float32", None), ("bfloat16", torch.bfloat16)):
        loops[f"transformers, {name}"] = PlainLoop(model.config, autocast)
    rates: dict[str, list[float]] = {name: [] for name in [*trainers, *loops]}
    plan = plan_epoch(split.src_lengths, split.tgt_lengths, batch_tokens=batch_tokens, seed=1, epoch=0)
    began, number = time.perf_counter(), 0
    while time.perf_counter() - began < seconds or number < 4:
        indices = plan[number % len(plan)]
        batch = collate(split, indices)
        for name in rates:
            start = time.perf_counter()
            if name in trainers:
                trainers[name].update([indices])
            else:
                loops[name].update(batch)
            if number:  # the first is warm-up
                rates[name].append(batch.n_target_tokens / (time.perf_counter() - start))
        number += 1
    lines = [f"{shape}: {number} updates each"]
    best = max(loops, key=lambda name: statistics.median(rates[name]))
    for name, found in rates.items():
        half = len(found) // 2
        noise = abs(statistics.median(found[:half]) / statistics.median(found[half:]) - 1)
        ratio = statistics.median(a / b for a, b in zip(found, rates[best], strict=True))
        rate = statistics.median(found)
        lines.append(f"  {name:24}{rate:9,.0f} target pieces/s  {ratio:5.2f} × {best}  noise {noise:.1%}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path, nargs="?", default=BUNDLED)
    parser.add_argument("--shape", nargs="+", default=["tiny", "base"])
    parser.add_argument("--batch-tokens", type=int, default=4096)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--threads", type=int)
    arguments = parser.parse_args()
    set_threads(arguments.threads)
    for shape in arguments.shape:
        with tempfile.TemporaryDirectory() as folder:
            print(measure(arguments.corpus, shape, arguments.batch_tokens, arguments.seconds, Path(folder)), flush=True)


if __name__ == "__main__":
    main()
