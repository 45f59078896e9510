"""Sentences of many requests translated together.

Worker threads, one for each core, take what is waiting: sentences of several requests at a time, some of each, so that
a long text does not hold up a short one. A request whose client has gone leaves the queue, and a batch that nobody
waits for any more ends at its next step.
"""

import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass

import torch

from s2s.decoding.search import SearchOptions
from s2s.decoding.translation import Translation
from s2s.decoding.translator import Translator
from s2s.runtime import set_threads
from s2s.serving.limits import too_busy

_SENTENCES, _CHARACTERS = 64, 16_000  # of a batch, at most; what comes meanwhile waits as long as a batch takes


@dataclass(frozen=True)
class Wish:
    """How sentences are to be translated; those with the same wish are translated together.

    Attributes:
        options: How to search.
        align: Whether words are aligned and have a confidence.
        to: The target language, for a model that knows several.
    """

    options: SearchOptions
    align: bool = False
    to: str | None = None


class Job:
    """The sentences of a request.

    Args:
        sentences: Without line breaks.
        wish: How to translate them.

    Attributes:
        done: Has the translations in the end, or why there are none.
    """

    def __init__(self, sentences: Sequence[str], wish: Wish) -> None:
        self.sentences, self.wish = sentences, wish
        self.done: Future[list[Translation]] = Future()
        self.done.set_running_or_notify_cancel()  # from now on who waits cannot cancel it: a worker would stumble
        self.n_taken = 0
        self.is_abandoned = False
        self.found: dict[int, Translation] = {}

    @property
    def n_left(self) -> int:
        """Sentences that no worker has taken."""
        return len(self.sentences) - self.n_taken


@dataclass(frozen=True)
class _Part:
    """Some sentences of a job."""

    job: Job
    places: range

    @property
    def sentences(self) -> Sequence[str]:
        return self.job.sentences[self.places.start : self.places.stop]


class _AbandonedError(Exception):
    """Nobody waits for any sentence of a batch."""


class Batcher:
    """A model and the threads that translate with it.

    Args:
        translator: The model.
        max_waiting: Jobs that have not been begun, at most.
        n_workers: Threads; none for as many as torch has, or one where it is not the processor that translates.

    Attributes:
        n_sentences: Translated so far.
        n_batches: In which they were.
    """

    def __init__(self, translator: Translator, max_waiting: int, n_workers: int | None = None) -> None:
        self.translator, self.max_waiting = translator, max_waiting
        self.n_sentences = self.n_batches = 0
        self._lock = threading.Condition()
        self._jobs: deque[Job] = deque()  # those with sentences that no worker has taken
        self._is_closed = False
        self._n_free = 0
        on_processor = next(translator.bundle.transformer.parameters()).device.type == "cpu"
        self.n_workers = n_workers or (torch.get_num_threads() if on_processor else 1)
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(self.n_workers)]
        for thread in self._threads:
            thread.start()

    @property
    def is_alive(self) -> bool:
        """Whether all workers are there."""
        return all(thread.is_alive() for thread in self._threads)

    @property
    def n_waiting(self) -> int:
        """Jobs that have not been begun."""
        with self._lock:
            return sum(not job.n_taken for job in self._jobs)

    def submit(self, sentences: Sequence[str], wish: Wish) -> Job:
        """Let sentences be translated.

        Raises:
            RefusedError: Too many jobs wait.
        """
        job = Job(sentences, wish)
        if not sentences:
            job.done.set_result([])
            return job
        with self._lock:
            if self._is_closed:
                raise too_busy("the server is stopping")
            if sum(not other.n_taken for other in self._jobs) >= self.max_waiting:
                raise too_busy("too many requests are waiting")
            self._jobs.append(job)
            self._lock.notify()
        return job

    def abandon(self, job: Job) -> None:
        """Nobody waits for a job any more: what is not begun is not done."""
        with self._lock:
            job.is_abandoned = True
            if job in self._jobs:
                self._jobs.remove(job)
        self._fail(job, too_busy("nobody waits"))

    def close(self) -> None:
        """End the threads; what they are at is finished, what waits is refused."""
        with self._lock:
            self._is_closed = True
            waiting = list(self._jobs)
            self._jobs.clear()
            self._lock.notify_all()
        for job in waiting:
            self._fail(job, too_busy("the server is stopping"))
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        if self.n_workers > 1:
            set_threads(1)
        while batch := self._take():
            self._translate(batch)

    def _take(self) -> list[_Part]:
        """The next batch; none when there is to be no more."""
        with self._lock:
            self._n_free += 1
            self._lock.wait_for(lambda: self._jobs or self._is_closed)
            self._n_free -= 1
            if not self._jobs:
                return []
            wish = self._jobs[0].wish
            alike = [job for job in self._jobs if job.wish == wish]
            n_left = sum(job.n_left for job in alike)
            room = min(_SENTENCES, -(-n_left // (1 + self._n_free)))  # what is left is for those who are free too
            batch: list[_Part] = []
            characters = _CHARACTERS
            while room and characters > 0 and alike:
                share = max(1, room // len(alike))
                for job in alike:
                    if not room or characters <= 0:
                        break
                    first = job.n_taken
                    while job.n_taken - first < min(share, room) and job.n_left and characters > 0:
                        characters -= len(job.sentences[job.n_taken])
                        job.n_taken += 1
                    part = _Part(job, range(first, job.n_taken))
                    room -= len(part.places)
                    batch.append(part)
                alike = [job for job in alike if job.n_left]
            served = {id(part.job) for part in batch}
            kept = [job for job in self._jobs if job.n_left]  # those that had a share go behind those that had none
            self._jobs = deque(sorted(kept, key=lambda job: id(job) in served))
            if self._jobs:
                self._lock.notify()
            return batch

    def _translate(self, batch: list[_Part]) -> None:
        def check_stop() -> None:
            if all(part.job.is_abandoned for part in batch):
                raise _AbandonedError

        wish = batch[0].job.wish
        try:
            found = iter(
                self.translator.translate_lines(
                    [sentence for part in batch for sentence in part.sentences],
                    wish.options,
                    check_stop,
                    align=wish.align,
                    to=wish.to,
                )
            )
        except _AbandonedError:
            return
        except Exception as error:
            if len(batch) == 1:
                self._fail(batch[0].job, error)
                self.abandon(batch[0].job)
            else:  # one text's fault is not the others'
                for part in batch:
                    self._translate([part])
            return
        with self._lock:  # before anybody has an answer, who may ask for the counts then
            self.n_batches += 1
            self.n_sentences += sum(len(part.places) for part in batch)
        for part in batch:
            translations = [next(found) for _ in part.places]
            with self._lock:
                found_so_far, n = part.job.found, len(part.job.sentences)
                found_so_far.update(zip(part.places, translations, strict=True))
                if len(found_so_far) == n and not part.job.done.done():
                    part.job.done.set_result([found_so_far[place] for place in range(n)])

    def _fail(self, job: Job, error: Exception) -> None:
        with self._lock:
            if not job.done.done():
                job.done.set_exception(error)
