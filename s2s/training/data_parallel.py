"""The gradient of an update computed by several ranks, each from its share of the batches.

Every rank knows the batches of all, since their order is a function of seed and epoch, and so knows without asking
how many target pieces the update has. Torch's DistributedDataParallel (https://arxiv.org/abs/2006.15704) sums gradients
over the ranks while the backward pass is still going on.
"""

import contextlib
from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from s2s.config.schema import TrainConfig
from s2s.corpus.noise import Noise
from s2s.corpus.store import EncodedSplit
from s2s.model import Transformer
from s2s.runtime import seed_of_step
from s2s.training.gradient import GradientWorkers, Sums
from s2s.training.ranks import Ranks

Indices = NDArray[np.int64]


def gradient_of(
    ranks: Ranks,
    model: Transformer,
    split: EncodedSplit,
    config: TrainConfig,
    autocast: torch.dtype | None,
    noise: Noise | None = None,
) -> GradientWorkers:
    """What computes the gradient: workers of this process, or this rank's part of several ranks."""
    if ranks.n == 1:
        return GradientWorkers(model, split, config, autocast, noise)
    return RankGradient(ranks, model, split, config, autocast, noise)


class _BatchLoss(nn.Module):
    """From the pairs of a batch to the sums of loss and NLL: what DistributedDataParallel wraps.

    It shows the model's parameters and not the model, whose buffers are no matter of the other ranks.
    """

    def __init__(self, parameters: Sequence[nn.Parameter], loss: Callable[[Indices], tuple[Tensor, Tensor]]) -> None:
        super().__init__()
        self.weights = nn.ParameterList(parameters)
        self._loss = loss

    def forward(self, indices: Indices) -> tuple[Tensor, Tensor]:
        """Sums over the target pieces of a batch."""
        return self._loss(indices)


class RankGradient(GradientWorkers):
    """One rank's worker; the gradient it sets is that of the update of all ranks.

    Args:
        ranks: The processes, connected; each makes a RankGradient at the same time.
        model: Gets the gradients; it also gets rank 0's weights now.
        split: Encoded training pairs, the same for all.
        config: Loss and seed.
        autocast: Type of autocast, or none for float32.
        noise: What is done to the text at random, if anything.
    """

    def __init__(
        self,
        ranks: Ranks,
        model: Transformer,
        split: EncodedSplit,
        config: TrainConfig,
        autocast: torch.dtype | None,
        noise: Noise | None,
    ) -> None:
        super().__init__(model, split, config, autocast, noise, max_workers=1)
        self._random = np.random.PCG64(0)
        self.ranks = ranks
        loss = _BatchLoss(list(model.parameters()), lambda indices: self._loss(model, indices, self._random))
        self._parallel = nn.parallel.DistributedDataParallel(loss, gradient_as_bucket_view=True)
        self._rehearse()

    def _rehearse(self) -> None:
        """Compute one gradient and throw it away.

        After its first pass, DistributedDataParallel orders the gradients anew, as they become ready, and with more
        than two ranks the order of a sum depends on that. So the pass comes before the training: the first update
        after a resume shall be summed as it would have been without the stop.
        """
        self.model.train()
        loss, _ = self._parallel(np.zeros(1, np.int64))
        loss.backward()
        self.model.zero_grad(set_to_none=False)

    def compute(self, batches: Sequence[Indices], step: int, check_stop: Callable[[], None] = lambda: None) -> Sums:
        """Set the gradient of the mean loss per target piece over the batches of all ranks.

        Args:
            batches: Indices of pairs, a batch each, as many for each rank; rank r takes r, r + n, r + 2n, …
            step: Number of the update; with the rank it seeds dropout.
            check_stop: Not used: ranks stop together, between updates.

        Returns:
            Sums over all ranks.
        """
        n_tokens = sum(int(self._tgt_lengths[batch].sum()) + len(batch) for batch in batches)
        mine = batches[self.ranks.number :: self.ranks.n]
        self.model.train()
        self.model.zero_grad(set_to_none=False)  # gradients are views of what is sent
        self._random = self._seed(self.model, step, self.ranks.number)
        sums = torch.zeros(2, dtype=torch.float64, device=self.device)
        for number, indices in enumerate(mine, start=1):
            with contextlib.nullcontext() if number == len(mine) else self._parallel.no_sync():
                loss, nll = self._parallel(indices)
                (loss * (self.ranks.n / n_tokens)).backward()  # the mean over ranks will be taken
            sums += torch.stack([loss.detach(), nll.detach()]).double()
        return Sums(torch.tensor(self.ranks.exchange(sums), dtype=torch.float64), n_tokens)

    def _seed(self, model: Transformer, step: int, worker: int) -> np.random.PCG64:
        """As for workers; each rank also has a default generator of its own, and a device's."""
        torch.manual_seed(seed_of_step(self.config.seed, step, worker))
        return super()._seed(model, step, worker)
