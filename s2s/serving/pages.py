"""Texts that are HTML: their tags stay, what is between them is translated."""

import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

from s2s.errors import S2SError
from s2s.formats.content import Document
from s2s.formats.flow import Translated, outcomes
from s2s.formats.html import HtmlFile
from s2s.serving.batcher import Job, Wish
from s2s.serving.limits import Limits, RefusedError, too_busy
from s2s.serving.orders import Served, answer_of
from s2s.serving.wire import Asked

_AT_ONCE = 8  # requests of this kind; their sentences are in batches with all others
_BOM = "\ufeff".encode()  # so that no declaration in the text changes how it is read


@dataclass(frozen=True)
class HtmlOrder:
    """Texts in HTML that a model has been found for.

    Attributes:
        asked: What was asked for.
        model: Which translates.
        limits: Of requests.
        wish: How.
        target: Into this language.
        done: Has the translated texts in the end.
        jobs: What has been given to the model so far.
        is_over: Set when nobody waits any more.
    """

    asked: Asked
    model: Served
    limits: Limits
    wish: Wish
    target: str
    done: Future[list[str]] = field(default_factory=Future)
    jobs: list[Job] = field(default_factory=list)
    is_over: threading.Event = field(default_factory=threading.Event)

    def abandon(self) -> None:
        """Nobody waits any more."""
        self.is_over.set()
        for job in list(self.jobs):
            self.model.batcher.abandon(job)

    def answer(self, translated: Sequence[str]) -> dict[str, Any]:
        """The body of the answer, in the form of LibreTranslate."""
        return answer_of(self.asked, self.model, translated)

    def run(self) -> None:
        """Translate, in as many rounds as it takes."""
        try:
            self.done.set_result([self._translated(text) for text in self.asked.texts])
        except Exception as error:
            self.done.set_exception(error)

    def _translated(self, text: str) -> str:
        try:
            document: Document = HtmlFile(_BOM + text.encode("utf-8", "replace"), "q")
        except S2SError as error:
            raise RefusedError(400, f"q is not HTML that can be read: {error}") from error
        found = outcomes(document.segments, self._ask, document.accepts)
        return document.render(found, self.target).decode("utf-8").removeprefix("\ufeff")

    def _ask(self, texts: list[str], align: bool) -> list[Translated]:
        if self.is_over.is_set():
            raise too_busy("nobody waits")
        if len(texts) > self.limits.sentences:
            raise RefusedError(400, f"a request may have {self.limits.sentences:,} sentences, not {len(texts):,}")
        job = self.model.batcher.submit(texts, replace(self.wish, align=align))
        self.jobs.append(job)
        if self.is_over.is_set():  # meanwhile
            self.model.batcher.abandon(job)
        return [Translated(one.text, one.alignment or []) for one in job.done.result()]


class Pages:
    """Translates HTML, so many requests at once.

    Args:
        limits: Of requests.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._lock = threading.Lock()
        self._n_there = 0
        self._pool = ThreadPoolExecutor(_AT_ONCE, "html")

    def order(self, asked: Asked, model: Served, wish: Wish, target: str) -> HtmlOrder:
        """Begin to translate.

        Raises:
            RefusedError: More was asked for than there is for HTML, or too many requests wait.
        """
        if asked.details or asked.n_alternatives:
            raise RefusedError(400, "details and alternatives are of format text")
        order = HtmlOrder(asked, model, self._limits, wish, target)
        order.done.set_running_or_notify_cancel()
        with self._lock:
            if self._n_there >= self._limits.waiting:
                raise too_busy("too many requests are waiting")
            self._n_there += 1
        self._pool.submit(order.run).add_done_callback(self._leave)
        return order

    def _leave(self, _future: Future[None]) -> None:
        with self._lock:
            self._n_there -= 1
