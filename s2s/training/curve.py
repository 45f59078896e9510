"""What a learning curve says, in words, by the validation loss: BLEU of a thousand sentences jumps too much."""

from collections.abc import Sequence

FEWEST = 3
"""From fewer validations nothing is said."""

CLEARLY = 0.01
"""Nats a piece: a smaller difference is none."""

Curve = Sequence[tuple[int, float]]
"""Update and validation NLL, in order."""


def trend(curve: Curve) -> str:
    """How it goes on, a few words; nothing for a short curve.

    >>> trend([(500, 3.0), (1000, 2.5), (1500, 2.2)])
    'still improving'
    >>> trend([(500, 3.0), (1000, 2.5), (1500, 2.51), (2000, 2.7)])
    'overfitting: 0.200 above its best, at update 1,000'
    """
    if len(curve) < FEWEST:
        return ""
    best_step, best = _best(curve)
    last_step, last = curve[-1]
    if last_step == best_step:
        gain = curve[-2][1] - last
        return "still improving" if gain > CLEARLY else "hardly improving any more"
    if last > best + 5 * CLEARLY:
        return f"overfitting: {last - best:.3f} above its best, at update {best_step:,}"
    return f"no better than at update {best_step:,}"


def verdict(curve: Curve, *, n_pairs: int, n_steps: int) -> str:
    """What the whole curve says at the end of a training, and what would help; nothing for a short curve.

    Args:
        curve: The whole.
        n_pairs: Pairs that were trained on.
        n_steps: Updates that were done.
    """
    if len(curve) < FEWEST:
        return ""
    best_step, best = _best(curve)
    last = curve[-1][1]
    # where nearly all was reached: after it less than a hundredth of a nat was gained
    level = next(step for step, nll in curve if nll <= best + CLEARLY)
    if last > best + 5 * CLEARLY:
        return (
            f"overfitting: the validation loss was best at update {best_step:,} and rose by {last - best:.3f} until the"
            f" end; with {n_pairs:,} pairs, more dropout or a smaller model helps, or train.patience"
        )
    if level > 0.9 * n_steps:
        return f"still improving at the end: more updates than {n_steps:,} would help"
    if level > 0.6 * n_steps:
        return f"level from update {level:,} of {n_steps:,} on, as it should be: more updates would hardly help"
    return (
        f"stopped improving at update {level:,} of {n_steps:,}; with {n_pairs:,} pairs, more text helps now, or more"
        " dropout and a longer training; fewer updates would have done"
    )


def _best(curve: Curve) -> tuple[int, float]:
    return min(curve, key=lambda point: point[1])
