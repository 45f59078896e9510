"""The gradient of an update, computed by as many workers as that pays.

A small model leaves a processor's cores waiting for each other at every little operation. So on a CPU a batch is cut
into one part per core: each worker computes its part's gradient with a thread of its own, on a copy of the model that
shares the weights, and the gradients are added. The sum is over all target pieces of the update, so the result is
that of one worker, whatever their number (up to rounding, and for other dropout masks).

Shapes: B pairs, S source positions, T target positions, N real target positions, D d_model.
"""

import copy
import functools
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from s2s.config.schema import TrainConfig
from s2s.corpus.batches import collate
from s2s.corpus.noise import Noise
from s2s.corpus.store import EncodedSplit
from s2s.model import Transformer, projection_loss
from s2s.model.consistency import consistency_loss
from s2s.model.dropout import Dropout
from s2s.model.loss import finest_type
from s2s.runtime import seed_of_step, set_threads

_PIECES_PER_WORKER = 512  # below so many of a batch's budget, a worker is not worth its while


@dataclass(frozen=True)
class Sums:
    """Sums over an update.

    Attributes:
        loss_and_nll: Label-smoothed loss and plain NLL in nats, two numbers on the device.
        n_target_tokens: Target pieces, end symbols included.
    """

    loss_and_nll: Tensor
    n_target_tokens: int


class GradientWorkers:
    """Computes gradients of a model.

    Args:
        model: Gets the gradients, in the `grad` of its parameters.
        split: Encoded training pairs.
        config: Loss, seed and batch size.
        autocast: Type of autocast, or none for float32.
        noise: What is done to the text at random, if anything.
        max_workers: At most so many.
    """

    def __init__(
        self,
        model: Transformer,
        split: EncodedSplit,
        config: TrainConfig,
        autocast: torch.dtype | None,
        noise: Noise | None = None,
        max_workers: int | None = None,
    ) -> None:
        self.model, self.split, self.config, self.autocast = model, split, config, autocast
        self.noise = noise
        self.device = next(model.parameters()).device
        self._tgt_lengths = split.tgt_lengths
        n_workers = 1
        # (dropout of attention weights happens inside torch, which has one generator for all threads)
        if self.device.type == "cpu" and not model.config.attention_dropout:
            n_workers = max(1, min(torch.get_num_threads(), config.batch_tokens // _PIECES_PER_WORKER))
        n_workers = min(n_workers, max_workers or n_workers)
        self._models = [model, *(_sharing_weights(model) for _ in range(n_workers - 1))]
        self._pool = None
        if n_workers > 1:
            n_threads = torch.get_num_threads() // n_workers
            self._pool = ThreadPoolExecutor(n_workers, "gradient", set_threads, (n_threads,))

    @property
    def n_workers(self) -> int:
        """Parts into which a batch is cut."""
        return len(self._models)

    def set_dropout(self, p: float) -> None:
        """Let all workers drop with this probability from now on."""
        for model in self._models:
            for module in model.modules():
                if isinstance(module, Dropout):
                    module.p = p

    def compute(
        self, batches: Sequence[NDArray[np.int64]], step: int, check_stop: Callable[[], None] = lambda: None
    ) -> Sums:
        """Set the gradient of the mean loss per target piece over some batches.

        Args:
            batches: Indices of pairs, a batch each; together they are one update.
            step: Number of the update; it seeds dropout.
            check_stop: May raise, between batches, to give the update up.

        Returns:
            Sums. Target pieces are those of the encoded text, also where subword dropout makes them more: a loss is
            then still by what the validation loss is by.
        """
        n_tokens = sum(int(self._tgt_lengths[batch].sum()) + len(batch) for batch in batches)
        n_workers = self.n_workers
        randoms = []
        for worker, model in enumerate(self._models):
            model.train()
            model.zero_grad()
            randoms.append(self._seed(model, step, worker))
        if self._pool is None:
            sums = [self._backward(self.model, batches, n_tokens, randoms[0], check_stop)]
        else:
            parts = [[batch[worker::n_workers] for batch in batches] for worker in range(n_workers)]
            backward = functools.partial(self._backward, check_stop=check_stop)
            sums = list(self._pool.map(backward, self._models, parts, [n_tokens] * n_workers, randoms))
        self._add_gradients()
        return Sums(torch.stack(sums).sum(dim=0), n_tokens)

    def _seed(self, model: Transformer, step: int, worker: int) -> np.random.PCG64:
        """Give dropout the randomness of this update, so that a resumed training draws the same.

        Returns:
            The randomness of what is done to the text.
        """
        seed = seed_of_step(self.config.seed, step, worker)
        if worker == 0:
            torch.manual_seed(seed)
        generator = torch.Generator().manual_seed(seed)
        for module in model.modules():
            if isinstance(module, Dropout):
                module.generator = generator
        return np.random.PCG64(seed)

    def _backward(
        self,
        model: Transformer,
        batches: Sequence[NDArray[np.int64]],
        n_tokens: int,
        random: np.random.PCG64,
        check_stop: Callable[[], None],
    ) -> Tensor:
        """Add the gradient of some batches' share of the mean to `model`; sums of loss and NLL."""
        sums = torch.zeros(2, dtype=finest_type(self.device), device=self.device)
        for number, indices in enumerate(batches):
            if number:
                check_stop()
            if len(indices):
                loss, nll = self._loss(model, indices, random)
                (loss / n_tokens).backward()  # type: ignore[no-untyped-call]
                sums += torch.stack([loss.detach(), nll])
        return sums

    def _loss(self, model: Transformer, indices: NDArray[np.int64], random: np.random.PCG64) -> tuple[Tensor, Tensor]:
        """Sums of the label-smoothed loss and of the plain NLL over the target pieces of a batch."""
        batch = collate(self.split, indices, self.noise, random)
        src_BS, tgt_in_BT, tgt_out_BT, real_N = (
            self._to_device(tensor) for tensor in (batch.src_BS, batch.tgt_in_BT, batch.tgt_out_BT, batch.real_N)
        )
        with torch.autocast(self.device.type, dtype=self.autocast, enabled=self.autocast is not None):
            if self.config.consistency:  # the same pairs twice; dropout makes them differ
                src_BS, tgt_in_BT = src_BS.repeat(2, 1), tgt_in_BT.repeat(2, 1)
            # the projection is the largest part of a small model: no padding in it, and in the layers where that pays
            if self.device.type == "cpu":
                hidden_ND = model.decode_real(src_BS, tgt_in_BT)
            else:
                hidden_BTD = model.decode(tgt_in_BT, model.encode(src_BS), src_BS)
                n_passes = 2 if self.config.consistency else 1
                hidden_ND = hidden_BTD.view(n_passes, -1, hidden_BTD.size(2)).index_select(1, real_N).flatten(0, 1)
        if self.autocast is not None:  # a last layer norm gives float32; the largest product shall be in bf16 too
            hidden_ND = hidden_ND.to(self.autocast)
        target_N = tgt_out_BT.flatten().index_select(0, real_N)
        weight_VD, smoothing = model.projection.weight, self.config.label_smoothing
        if self.config.consistency:
            hidden_2ND = hidden_ND.view(2, -1, hidden_ND.size(1))
            return consistency_loss(hidden_2ND, weight_VD, target_N, smoothing, self.config.consistency)
        return projection_loss(hidden_ND, weight_VD, target_N, smoothing)

    def _to_device(self, tensor: Tensor) -> Tensor:
        """Copy to the device; on CUDA without waiting for what it is doing."""
        if self.device.type != "cuda":
            return tensor.to(self.device)
        return tensor.pin_memory().to(self.device, non_blocking=True)

    def _add_gradients(self) -> None:
        for others in zip(*(model.parameters() for model in self._models), strict=True):
            gradients = [parameter.grad for parameter in others if parameter.grad is not None]
            for gradient in gradients[1:]:
                gradients[0].add_(gradient)
            if gradients:
                others[0].grad = gradients[0]


def _sharing_weights(model: Transformer) -> Transformer:
    """A copy whose parameters are the same memory, with gradients of their own."""
    twin = copy.deepcopy(model)
    for ours, theirs in zip(twin.parameters(), model.parameters(), strict=True):
        ours.data = theirs.data
    return twin
