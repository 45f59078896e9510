"""What s2s says while it works. All of it goes to stderr; stdout carries results alone.

Nobody may be there to read it: the terminal is closed, or who was at the other end of the pipe has left. No work ends
by that.
"""

import os
import sys
import time
from pathlib import Path

from s2s.errors import harmless


def say(text: str = "") -> None:
    """One line (or more) for the user; never an error, in a signal handler or a thread neither."""
    try:
        print(harmless(text), file=sys.stderr, flush=True)
    except OSError:
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - what is still buffered would fail again at exit
    except RuntimeError:
        pass  # a signal came in the midst of a print that waits for its reader


def duration(seconds: float) -> str:
    """A length of time as people say it.

    >>> duration(42), duration(150), duration(7260)
    ('42 s', '2 min 30 s', '2 h 1 min')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


class Progress:
    """A progress bar on a terminal; elsewhere a plain line now and then.

    Args:
        label: What is going on.
        interval: Seconds between plain lines.
    """

    def __init__(self, label: str, interval: float = 15.0) -> None:
        self._label, self._interval = label, interval
        self._last_line = time.monotonic()
        self._bar = None
        if sys.stderr.isatty():
            from tqdm import tqdm

            self._bar = tqdm(
                total=1.0, desc=label, bar_format="{desc} {percentage:3.0f}%|{bar}| {postfix}", leave=False
            )

    def show(self, share: float, text: str) -> None:
        """Show the share that is done, 0 to 1, and a few words."""
        if self._bar is not None:
            self._bar.n = share
            self._bar.set_postfix_str(text)
        elif time.monotonic() - self._last_line >= self._interval:
            self._last_line = time.monotonic()
            say(f"{self._label} {share:4.0%}  {text}")

    def say(self, text: str) -> None:
        """Print lines above the bar."""
        if self._bar is not None:
            self._bar.clear()
        say(text)

    def close(self) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._bar.close()
