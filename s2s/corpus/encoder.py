"""Encoding many texts: by this process, or by one process per core, with the same result.

Python runs on one core a process, and of what encoding takes a good part is Python. So chunks of a large corpus go to
worker processes and come back in order. The workers are plain child processes that read requests from their standard
input and write answers to their standard output: nothing is pickled, the user's main program is not run again, and
they end when this process does, whatever its end. A small corpus is done before a worker would have started.
"""

import base64
import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import IO, Any, Self

import numpy as np

from s2s.console import say
from s2s.corpus.cleaning import Sides, key_of
from s2s.corpus.seen import Keys
from s2s.corpus.vocabulary import Vocabularies, Vocabulary
from s2s.runtime import n_cores
from s2s.symbols import UNK

N_CHUNKS_ALONE = 4
"""Chunks that this process encodes itself before it starts workers."""

_AHEAD = 3  # chunks on their way for each worker
_N_COUNTS = 8  # numbers of a pair in an answer: pieces, words, unknown pieces, blankness, of both sides
_LENGTH = 8  # bytes of the number before each message

Texts = tuple[list[str], list[str]]
"""Source and target sides of some pairs."""


@dataclass(frozen=True)
class EncodedChunk:
    """Some pairs, encoded. Numbers per side come as (source, target).

    Attributes:
        ids: All ids one after the other, uint32.
        lengths: Pieces of each pair.
        words: Runs of characters between white space.
        unknown: Pieces that stand for something the vocabulary does not have.
        blank: Whether there is nothing but white space; such a side has no ids.
        keys: Hash sum of each pair's text.
    """

    ids: Sides[np.uint32]
    lengths: Sides[np.int64]
    words: Sides[np.int64]
    unknown: Sides[np.int64]
    blank: Sides[np.bool_]
    keys: Keys

    @classmethod
    def of(cls, texts: Texts, vocabularies: Vocabularies) -> Self:
        """Encode."""
        sides = [_encode_side(*side) for side in zip((vocabularies.src, vocabularies.tgt), texts, strict=True)]
        keys = np.fromiter(map(key_of, *texts), dtype=np.uint64, count=len(texts[0]))
        ids, lengths, words, unknown, blank = zip(*sides, strict=True)
        return cls(ids, lengths, words, unknown, blank, keys)

    def to_bytes(self) -> bytes:
        """For the way between processes."""
        counts = np.array([*self.lengths, *self.words, *self.unknown, *self.blank], dtype=np.int32)
        return b"".join(array.tobytes() for array in (counts, self.keys, *self.ids))

    @classmethod
    def from_bytes(cls, content: bytes, n: int) -> Self:
        """The reverse of `to_bytes`, for `n` pairs."""
        counts = np.frombuffer(content, dtype=np.int32, count=_N_COUNTS * n).reshape(_N_COUNTS, n).astype(np.int64)
        keys = np.frombuffer(content, dtype=np.uint64, count=n, offset=4 * _N_COUNTS * n)
        ids = np.frombuffer(content, dtype=np.uint32, offset=(4 * _N_COUNTS + 8) * n)
        src, tgt = np.split(ids, [int(counts[0].sum())])
        blank = counts[6] != 0, counts[7] != 0
        return cls((src, tgt), (counts[0], counts[1]), (counts[2], counts[3]), (counts[4], counts[5]), blank, keys)


def _encode_side(vocabulary: Vocabulary, texts: list[str]) -> Any:
    """Ids, lengths, words, unknown pieces and blankness of one side."""
    blank = np.fromiter((not text or text.isspace() for text in texts), dtype=np.bool_, count=len(texts))
    encoded = vocabulary.encode_all(texts)
    for index in np.flatnonzero(blank):
        encoded[index] = []
    n = len(texts)
    lengths = np.fromiter(map(len, encoded), dtype=np.int64, count=n)
    ids = np.fromiter((id_ for one in encoded for id_ in one), dtype=np.uint32, count=int(lengths.sum()))
    words = np.fromiter((len(text.split()) for text in texts), dtype=np.int64, count=n)
    ends = np.concatenate(([0], np.cumsum(ids == UNK)))[np.cumsum(lengths)]
    return ids, lengths, words, np.diff(ends, prepend=0), blank


def encode_chunks(
    chunks: Iterable[Texts], vocabularies: Vocabularies, n_processes: int | None = None
) -> Iterator[EncodedChunk]:
    """Encode chunks of pairs as a stream, in order.

    Args:
        chunks: Texts, none of them empty. A few are read ahead of what is given back.
        vocabularies: Of both sides.
        n_processes: Worker processes; 1 for none, None for as many as there are cores.
    """
    n_processes = n_processes or n_cores()
    rest = iter(chunks)
    for chunk in rest if n_processes == 1 else islice(rest, N_CHUNKS_ALONE):
        yield EncodedChunk.of(chunk, vocabularies)
    first = next(rest, None)
    if first is None:
        return
    with _Workers(vocabularies, n_processes) as workers:
        pending: deque[Future[EncodedChunk]] = deque([workers.encode(first)])
        for chunk in rest:
            pending.append(workers.encode(chunk))
            if len(pending) > _AHEAD * n_processes:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()


class _Workers:
    """Worker processes, each with a thread here that talks to it."""

    def __init__(self, vocabularies: Vocabularies, n: int) -> None:
        self._vocabularies = vocabularies
        self._threads = ThreadPoolExecutor(n, "encode")
        self._started: list[_Worker] = []
        self._free: queue.SimpleQueue[_Worker | None] = queue.SimpleQueue()
        self._ended = False
        for _ in range(n):
            self._threads.submit(self._start)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._ended = True
        for worker in self._started:
            worker.process.kill()
        self._threads.shutdown(cancel_futures=True)
        for worker in self._started:
            worker.close()

    def encode(self, texts: Texts) -> Future[EncodedChunk]:
        """Encode some pairs as soon as a worker is free."""
        return self._threads.submit(self._encode, texts)

    def _start(self) -> None:
        worker = None
        try:
            if not self._ended:
                worker = _Worker()
                self._started.append(worker)
                worker.send(_models_of(self._vocabularies))
        except OSError:  # no process can be started here
            worker = None
        finally:
            self._free.put(worker)

    def _encode(self, texts: Texts) -> EncodedChunk:
        worker = self._free.get()
        try:
            if worker is not None:
                worker.send(json.dumps(texts).encode())
                return EncodedChunk.from_bytes(worker.receive(), len(texts[0]))
        except (OSError, EOFError):
            if self._ended:
                raise
            say("warning: a process that encodes text ended; going on without it")
            worker = None
        finally:
            self._free.put(worker)
        return EncodedChunk.of(texts, self._vocabularies)


class _Worker:
    """A process that runs `serve`, seen from here."""

    def __init__(self) -> None:
        # it shall find the same modules as we do, wherever it was started
        program = f"import sys; sys.path[:] = {sys.path!r}; from s2s.corpus.encoder import serve; serve()"
        command = [sys.executable, "-I", "-c", program]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def send(self, message: bytes) -> None:
        if self.process.stdin is not None:
            _write(self.process.stdin, message)

    def receive(self) -> bytes:
        """Its answer.

        Raises:
            EOFError: It has ended.
        """
        answer = self.process.stdout and _read(self.process.stdout)
        if not answer:
            raise EOFError
        return answer

    def close(self) -> None:
        with contextlib.suppress(OSError):  # what was still to be written
            self.process.__exit__(None, None, None)


def serve() -> None:
    """What a worker process does: read the vocabularies, then texts, and answer, until there is nothing to read."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to all; the first process decides
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library may print is no answer
    models = json.loads(_read(requests))
    src, *others = [Vocabulary(base64.b64decode(model)) for model in models]
    vocabularies = Vocabularies(src, others[0] if others else src)
    with contextlib.suppress(BrokenPipeError):
        while request := _read(requests):
            _write(answers, EncodedChunk.of(json.loads(request), vocabularies).to_bytes())


def _models_of(vocabularies: Vocabularies) -> bytes:
    both = [vocabularies.src] if vocabularies.shared else [vocabularies.src, vocabularies.tgt]
    return json.dumps([base64.b64encode(vocabulary.model).decode() for vocabulary in both]).encode()


def _write(pipe: IO[bytes], message: bytes) -> None:
    pipe.write(len(message).to_bytes(_LENGTH, "little"))
    pipe.write(message)
    pipe.flush()


def _read(pipe: IO[bytes]) -> bytes:
    """The next message; nothing at the end, and if it is cut off."""
    n = int.from_bytes(pipe.read(_LENGTH), "little")
    message = pipe.read(n)
    return message if len(message) == n else b""
