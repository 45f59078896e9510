"""Ctrl-C, SIGTERM and SIGHUP: finish the batch at hand, save, leave."""

import signal
from types import FrameType, TracebackType
from typing import Any, Self

from s2s.console import say
from s2s.errors import Interrupted


class StopSignal:
    """Context in which a first signal is only noted; a second one acts at once, as without us.

    The training loop asks `check` at every batch; what is saved is always a whole update.
    """

    def __init__(self) -> None:
        self.number: int | None = None
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> Self:
        names = ("SIGINT", "SIGTERM", "SIGHUP")
        for number in (getattr(signal, name) for name in names if hasattr(signal, name)):
            if signal.getsignal(number) == signal.SIG_IGN:
                continue  # nohup, or a background job: it is not to be stopped by this
            try:
                self._previous[number] = signal.signal(number, self._note)
            except ValueError:  # not the main thread: whoever owns it handles signals
                break
        return self

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if self.number is not None:
            self._restore()
            signal.raise_signal(number)
            return
        # (handlers stay: Python complains of a signal that has come while its handler is taken away)
        self.number = number
        say("finishing what is under way, then saving; a second signal stops at once")

    def _restore(self) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous = {}

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        self._restore()

    def check(self) -> None:
        """Raise `Interrupted` if a signal came."""
        if self.number is not None:
            name = signal.Signals(self.number).name
            raise Interrupted(
                self.number, f"stopped by {name}", hint="the same command again (without --overwrite) goes on from here"
            )
