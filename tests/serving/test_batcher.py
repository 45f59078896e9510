"""Sentences of many requests in one batch: each gets its own, in its order, and nobody waits for who has gone."""

import random
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from s2s.decoding.translation import Translation
from s2s.decoding.translator import Translator
from s2s.serving.batcher import Batcher, Job, Wish
from s2s.serving.limits import RefusedError

WORDS = ["one", "two", "three", "cat", "dog"]


class Gate:
    """In the place of a translator's work: what it is given is noted, and done when it may be."""

    def __init__(self, translator: Translator, monkeypatch: pytest.MonkeyPatch) -> None:
        self.batches: list[list[str]] = []
        self.may = threading.Semaphore(0)
        self.begun = threading.Semaphore(0)
        self.stopped = threading.Event()
        real = translator.translate_lines

        def translate_lines(lines: list[str], options: Any, check_stop: Callable[[], None], **more: Any) -> Any:
            self.batches.append(list(lines))
            self.begun.release()
            while not self.may.acquire(timeout=0.01):
                try:
                    check_stop()
                except BaseException:
                    self.stopped.set()
                    raise
            if "poison" in lines:
                raise ZeroDivisionError("poison")
            return real(lines, options, check_stop, **more)

        monkeypatch.setattr(translator, "translate_lines", translate_lines)

    def let(self, n: int = 1) -> None:
        self.may.release(n)


@pytest.fixture
def gated(translator: Translator, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Batcher, Gate, Wish]]:
    gate = Gate(translator, monkeypatch)
    batcher = Batcher(translator, max_waiting=4, n_workers=1)
    yield batcher, gate, Wish(translator.options(beam=1))
    gate.let(1000)
    batcher.close()


def texts(job: Job) -> list[str]:
    return [translation.text for translation in job.done.result(120)]


def test_many_clients_get_what_they_would_get_alone(translator: Translator) -> None:
    rng = random.Random(1)
    requests = [
        [" ".join(rng.choices(WORDS, k=rng.randint(1, 9))) for _ in range(rng.randint(0, 12))] for _ in range(60)
    ]
    wishes = [Wish(translator.options(beam=beam)) for beam in (1, 3)]
    batcher = Batcher(translator, max_waiting=1000, n_workers=3)
    jobs: list[Job | None] = [None] * len(requests)

    def submit(first: int) -> None:
        for number in range(first, len(requests), 6):
            jobs[number] = batcher.submit(requests[number], wishes[number % 2])

    threads = [threading.Thread(target=submit, args=[first]) for first in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, (request, job) in enumerate(zip(requests, jobs, strict=True)):
        assert job is not None
        alone: list[Translation] = translator.translate_lines(request, wishes[number % 2].options)
        assert texts(job) == [one.text for one in alone]
    batcher.close()
    assert batcher.n_sentences == sum(map(len, requests))
    assert batcher.n_batches < sum(map(bool, requests))  # they were put together


def test_a_long_request_leaves_room_for_a_short_one(gated: tuple[Batcher, Gate, Wish]) -> None:
    batcher, gate, wish = gated
    first = batcher.submit(["one"], wish)
    gate.begun.acquire()
    long = batcher.submit(["two"] * 100, wish)
    short = batcher.submit(["three"], wish)
    gate.let(2)
    gate.begun.acquire()
    assert [texts(first), texts(short)] == [["eins"], ["drei"]]
    assert len(gate.batches[1]) == 64
    assert "three" in gate.batches[1]
    assert not long.done.done()
    gate.let()
    assert texts(long) == ["zwei"] * 100


def test_long_texts_fill_a_batch_by_their_characters(gated: tuple[Batcher, Gate, Wish]) -> None:
    batcher, gate, wish = gated
    batcher.submit(["one"], wish)
    gate.begun.acquire()
    batcher.submit(["two " * 1_250] * 20, wish)  # 5,000 characters each
    short = batcher.submit(["three"], wish)
    gate.let(2)
    gate.begun.acquire()
    gate.begun.acquire()
    assert sum(map(len, gate.batches[1])) < 16_000 + 5_000
    assert "three" in gate.batches[1] + gate.batches[2]
    gate.let(1000)
    assert texts(short) == ["drei"]


def test_other_wishes_wait_for_their_own_batch(gated: tuple[Batcher, Gate, Wish], translator: Translator) -> None:
    batcher, gate, wish = gated
    batcher.submit(["one"], wish)
    gate.begun.acquire()
    jobs = [batcher.submit(["two"], wish), batcher.submit(["cat"], Wish(translator.options(beam=3), align=True))]
    jobs.append(batcher.submit(["three"], wish))
    gate.let(3)
    assert [texts(job) for job in jobs] == [["zwei"], ["Katze"], ["drei"]]
    assert gate.batches[1:] == [["two", "three"], ["cat"]]
    assert jobs[1].done.result()[0].alignment == [(0, 0)]


def test_more_than_may_wait_is_refused_and_who_leaves_makes_room(gated: tuple[Batcher, Gate, Wish]) -> None:
    batcher, gate, wish = gated
    batcher.submit(["one"], wish)
    gate.begun.acquire()
    waiting = [batcher.submit(["two"], wish) for _ in range(4)]
    assert batcher.n_waiting == 4
    with pytest.raises(RefusedError) as refused:
        batcher.submit(["two"], wish)
    assert (refused.value.status, refused.value.retry_after) == (503, 1)
    batcher.abandon(waiting[0])
    last = batcher.submit(["three"], wish)
    gate.let(2)
    assert texts(last) == ["drei"]
    with pytest.raises(RefusedError):
        waiting[0].done.result(0)
    assert gate.batches[1] == ["two", "two", "two", "three"]


def test_a_batch_that_nobody_waits_for_is_stopped(gated: tuple[Batcher, Gate, Wish]) -> None:
    batcher, gate, wish = gated
    job = batcher.submit(["one"], wish)
    gate.begun.acquire()
    batcher.abandon(job)
    assert gate.stopped.wait(120)
    next_one = batcher.submit(["two"], wish)
    gate.let()
    assert texts(next_one) == ["zwei"]
    assert (batcher.n_batches, batcher.n_sentences) == (1, 1)  # what was given up is not counted
    with pytest.raises(RefusedError):
        job.done.result(0)


def test_a_fault_stays_with_its_request(gated: tuple[Batcher, Gate, Wish]) -> None:
    batcher, gate, wish = gated
    batcher.submit(["one"], wish)
    gate.begun.acquire()
    good, bad = batcher.submit(["two"], wish), batcher.submit(["poison", "three"], wish)
    gate.let(4)
    assert texts(good) == ["zwei"]
    with pytest.raises(ZeroDivisionError):
        bad.done.result(120)


def test_what_waits_when_it_closes_is_refused(gated: tuple[Batcher, Gate, Wish]) -> None:
    batcher, gate, wish = gated
    running = batcher.submit(["one"], wish)
    gate.begun.acquire()
    waiting = batcher.submit(["two"], wish)
    closing = threading.Thread(target=batcher.close)
    closing.start()
    with pytest.raises(RefusedError):
        waiting.done.result(120)
    gate.let()
    closing.join()
    assert texts(running) == ["eins"]
    with pytest.raises(RefusedError):
        batcher.submit(["two"], wish)


def test_who_waits_cannot_make_a_worker_stumble(translator: Translator) -> None:
    batcher = Batcher(translator, max_waiting=1000, n_workers=2)
    wish = Wish(translator.options(beam=1))
    for number in range(200):
        job = batcher.submit(["one"], wish)
        assert not job.done.cancel()
        if number % 2:
            batcher.abandon(job)
    assert texts(batcher.submit(["two"], wish)) == ["zwei"]
    assert batcher.is_alive
    batcher.close()
