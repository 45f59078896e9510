"""Learning rate and dropout as functions of the update and of how much of the run is done."""

import math

from s2s.config.schema import TrainConfig


def learning_rate(config: TrainConfig, d_model: int, step: int, progress: float) -> float:
    """Rate of one update.

    Args:
        config: Schedule, peak and warm-up.
        d_model: Width D of the model; the Noam schedule scales with it.
        step: Number of the update, from 1.
        progress: Share of the run that is done, 0 to 1: of the updates, or of the minutes if those are limited.

    Returns:
        `noam` is equation 3 of Vaswani et al. 2017: factor · D^-0.5 · min(step^-0.5, step · warmup^-1.5).
        `inverse_sqrt` is the same curve with its peak given as a rate; `cosine` falls from the peak to 0 at the end
        of the run (Loshchilov and Hutter 2017). The warm-up of these two ends after a tenth of the run at the latest;
        from there `inverse_sqrt` falls.
    """
    warmup = config.warmup_steps
    if config.schedule == "noam":
        return config.noam_factor / math.sqrt(d_model) * min(1 / math.sqrt(step), step / math.sqrt(warmup) ** 3)
    peak = config.learning_rate * min(1.0, max(step / warmup, 10 * progress))
    if config.schedule == "inverse_sqrt":
        if progress > 0:  # where a tenth of the run is, by what is done of it
            warmup = min(warmup, max(1, round(0.1 * step / progress)))
        return peak * math.sqrt(warmup / max(step, warmup))
    return peak * 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))


def dropout_at(config: TrainConfig, last: float, progress: float) -> float:
    """Dropout of one update: it grows in a straight line from `dropout_start`, if that is given, to `last`.

    A model that knows nothing yet cannot know it by heart, and learns faster without noise; dropout is needed later
    (curriculum dropout, Morerio et al. 2017, https://arxiv.org/abs/1703.06229).

    Args:
        config: Its `dropout_start`.
        last: Dropout at the end of the run; at the start it is no more than that.
        progress: Share of the run that is done, 0 to 1.
    """
    first = last if config.dropout_start is None else min(config.dropout_start, last)
    return first + (last - first) * progress
