"""Where two texts of equal line counts are not parallel: a line left out here and one too many there shift all between.

Translations are about as long as what they translate, so the lengths of both sides go up and down together. Where they
do not, but do so with the target some lines further on or back, the sides are shifted against each other.

In text that is sorted by length neighbours are equally long, and what is left of their lengths is chance. Such windows
are looked at together, as many as stand in a row: the lengths of all of them say whether the sides have anything to do
with each other, though no longer whether they are shifted by a few lines.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Truths = npt.NDArray[np.bool_]
Lengths = npt.NDArray[np.integer]

WINDOW = 256
"""Lines that are looked at together. The correlation of lengths that have nothing to do with each other is within 0.06
of 0 in two of three windows of this size; that of translations is 0.6 to 0.9."""

MAX_LAG = 64
"""Shifts up to so many lines are told by their number."""

_NOTHING = 0.15  # if half of all windows go together less than this, the two texts have nothing to do with each other
_VARIED = 0.2  # the deviation of the logarithms of lengths below which these say nothing
_SORTED = 0.25  # a window whose lengths deviate less than this, and
_SORTED_SHARE = 0.6  # less than this share of what they do in the whole text, has them sorted
_USUAL = 0.45  # below this median the lengths say nothing: texts whose lines are all equally long
_LOST = 0.3  # a window that goes together less than this
_GAIN = 0.3  # and, shifted, by so much more
_APART = 1.5  # what belongs together nowhere has lengths that differ by so much more than elsewhere (their variance)


@dataclass(frozen=True)
class Stretch:
    """Lines that do not belong together.

    Attributes:
        first: The first such pair, from 0.
        last: The one after the last.
        lag: The source line n goes with the target line n + lag; None if no shift fits.
    """

    first: int
    last: int
    lag: int | None


def stretches(n_src: Lengths, n_tgt: Lengths) -> list[Stretch]:
    """Where parallelism is lost, by the lengths of lines.

    A line that has nothing beside it is not translated, and has no part in this: what is found counts only if it is
    there without such lines too.

    Args:
        n_src: Characters of each source line.
        n_tgt: The same of the target; as many.
    """
    found = _stretches(n_src, n_tgt)
    both = np.flatnonzero((n_src > 0) == (n_tgt > 0))
    if not found or len(both) == len(n_src):
        return found
    place = np.concatenate(([0], both[1:], [len(n_src)]))  # with what stands before the first and after the last
    again = [
        Stretch(int(place[one.first]), int(place[one.last]), one.lag) for one in _stretches(n_src[both], n_tgt[both])
    ]
    if found == [Stretch(0, len(n_src), None)]:
        return again
    return [one for one in found if any(one.first < other.last and other.first < one.last for other in again)]


def _stretches(n_src: Lengths, n_tgt: Lengths) -> list[Stretch]:
    n_windows = len(n_src) // WINDOW
    if n_windows == 0:
        return []
    src, tgt = np.log1p(n_src.astype(np.float64)), np.log1p(n_tgt.astype(np.float64))
    is_sorted, in_runs = _sorted_windows(src, tgt)
    lags = {0: np.where(is_sorted, in_runs, _together(src, tgt, 0))}
    weak = lags[0] < _LOST
    if (weak & ~is_sorted).any():
        for lag in range(1, MAX_LAG + 1):
            lags[lag], lags[-lag] = _together(src, tgt, lag), _together(src, tgt, -lag)
    names = np.array(list(lags))
    by_lag = np.stack([lags[lag] for lag in lags])
    best = np.argmax(by_lag, axis=0)
    gained = by_lag[best, np.arange(n_windows)] > lags[0] + _GAIN
    shifted = weak & ~is_sorted & gained & (by_lag[best, np.arange(n_windows)] > _USUAL)
    alone = np.where(shifted, names[best], 0)
    says = ~np.isnan(lags[0])
    varied = min(float(np.std(src)), float(np.std(tgt))) > _VARIED
    if says.sum() >= 4 and varied and float(np.median(np.where(shifted, 1.0, lags[0])[says])) < _NOTHING:
        return [Stretch(0, len(src), None)]
    lost = weak & ~shifted & _apart(src, tgt, lags[0], says & ~weak)
    return [Stretch(*_edges(src, tgt, first, last, lag), lag) for first, last, lag in _runs_of(shifted, alone, lost)]


def _windows(side: Floats) -> Floats:
    """The lines of each window in a row; those after the last window are left out."""
    return side[: len(side) // WINDOW * WINDOW].reshape(-1, WINDOW)


def _sorted_windows(src: Floats, tgt: Floats) -> tuple[Truths, Floats]:
    """In which windows a side's lines are about equally long, though they are not in the whole text.

    For these also the correlation of lengths in the whole run of such windows; NaN where even that says nothing.
    """
    least = [min(_SORTED, _SORTED_SHARE * float(np.std(side))) for side in (src, tgt)]
    is_sorted = (_windows(src).std(axis=1) < least[0]) | (_windows(tgt).std(axis=1) < least[1])
    together = np.full(len(is_sorted), np.nan)
    for first, last in np.flatnonzero(np.diff(is_sorted, prepend=False, append=False)).reshape(-1, 2).tolist():
        x, y = (side[first * WINDOW : last * WINDOW] for side in (src, tgt))
        if np.std(x) > least[0] and np.std(y) > least[1]:
            together[first:last] = np.corrcoef(x, y)[0, 1]
    return is_sorted, together


def _apart(src: Floats, tgt: Floats, together: Floats, elsewhere: Truths) -> Truths:
    """In which windows the lengths of both sides differ more than elsewhere, if they say something there."""
    if not elsewhere.any() or float(np.median(together[elsewhere])) <= _USUAL:
        return np.zeros(len(together), dtype=np.bool_)
    variance = _windows(tgt - src).var(axis=1)
    result: Truths = variance > _APART * np.median(variance[elsewhere])
    return result


def _together(src: Floats, tgt: Floats, lag: int) -> Floats:
    """Correlation of the lengths in each window, with the target `lag` lines further on; -1 where it says nothing."""
    x, y = _windows(src), _windows(np.roll(tgt, -lag))
    x, y = x - x.mean(axis=1, keepdims=True), y - y.mean(axis=1, keepdims=True)
    size = np.sqrt((x * x).sum(axis=1) * (y * y).sum(axis=1))
    together: Floats = np.where(size > 1e-9, (x * y).sum(axis=1) / np.maximum(size, 1e-9), 1.0 if lag == 0 else -1.0)
    return together


def _runs_of(shifted: Truths, lags: npt.NDArray[np.int64], lost: Truths) -> list[tuple[int, int, int | None]]:
    """Runs of windows with the same trouble: first, one after the last, and the lag.

    A window may be odd by itself: two in a row count if a shift fits, four if none does.
    """
    runs: list[tuple[int, int, int | None]] = []
    start = 0
    kinds = np.where(shifted, lags, np.where(lost, MAX_LAG + 1, 0))
    for place in [*(np.flatnonzero(np.diff(kinds)) + 1).tolist(), len(kinds)]:
        kind, length = int(kinds[start]), place - start
        if kind == MAX_LAG + 1 and length >= 4:
            runs.append((start, place, None))
        elif kind not in (0, MAX_LAG + 1) and length >= 2:
            runs.append((start, place, kind))
        start = place
    return runs


def _edges(src: Floats, tgt: Floats, first: int, last: int, lag: int | None) -> tuple[int, int]:
    """To the line: where the shift begins and ends, by which of both ways the lengths fit better."""
    n = len(src)
    begin, end = first * WINDOW, min(last * WINDOW, n)
    if last == n // WINDOW:  # what is left after the last window belongs to it
        end = n
    if lag is None:
        return begin, end
    usual = float(np.median(tgt) - np.median(src))
    gain = np.abs(tgt - src - usual) - np.abs(np.roll(tgt, -lag) - src - usual)  # above 0: the shift fits better
    low, high = max(0, begin - WINDOW), min(n, begin + WINDOW)
    begin = low + int(np.argmin(np.concatenate(([0.0], np.cumsum(gain[low:high])))))
    if end < n:
        low, high = max(begin, end - WINDOW), min(n, end + WINDOW)
        end = low + int(np.argmax(np.concatenate(([0.0], np.cumsum(gain[low:high])))))
    return begin, end
