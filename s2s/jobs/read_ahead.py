"""Lines of a stream in chunks, while a thread reads ahead."""

import os
import stat
import threading
from collections import deque
from collections.abc import Iterable, Iterator

CHUNK = 1024
"""Lines that are translated together, at most."""

CHUNK_BYTES = 4 * 1024 * 1024
"""Bytes of theirs after which a chunk ends: what is made of a byte takes some forty."""

_CHUNKS_AHEAD = 4


def chunks(source: Iterable[bytes]) -> Iterator[list[bytes]]:
    """Lines in chunks, of a regular file or a list full ones, so that what is together is always the same.

    Of a pipe a chunk is what is waiting, at least a line: who types a line gets an answer.

    Args:
        source: The lines. An error in it is raised after those before.
    """
    ahead = _ReadAhead(source)
    is_full = _all_is_there(source)
    while chunk := ahead.take(is_full=is_full):
        yield chunk


def _all_is_there(source: Iterable[bytes]) -> bool:
    try:
        return stat.S_ISREG(os.fstat(source.fileno()).st_mode)  # type: ignore[attr-defined]
    except (AttributeError, OSError, ValueError):  # no file at all
        return isinstance(source, list)


class _ReadAhead:
    """What a thread has read and nobody has taken: some chunks at most."""

    def __init__(self, source: Iterable[bytes]) -> None:
        self._waiting: deque[bytes] = deque()
        self._n_bytes = 0
        self._is_over = False
        self._error: BaseException | None = None
        self._changed = threading.Condition()
        threading.Thread(target=self._read, args=(source,), daemon=True, name="read-ahead").start()

    def _read(self, source: Iterable[bytes]) -> None:
        try:
            for line in source:
                with self._changed:
                    self._changed.wait_for(self._has_room)
                    self._waiting.append(line)
                    self._n_bytes += len(line)
                    self._changed.notify_all()
        except BaseException as error:
            self._error = error
        with self._changed:
            self._is_over = True
            self._changed.notify_all()

    def _has_room(self) -> bool:
        return len(self._waiting) < _CHUNKS_AHEAD * CHUNK and self._n_bytes < _CHUNKS_AHEAD * CHUNK_BYTES

    def take(self, *, is_full: bool) -> list[bytes]:
        """The next lines; none at the end.

        Args:
            is_full: Wait for a whole chunk, not for a line alone.
        """
        n_wanted = CHUNK if is_full else 1
        with self._changed:
            self._changed.wait_for(
                lambda: len(self._waiting) >= n_wanted or self._n_bytes >= CHUNK_BYTES or self._is_over
            )
            chunk: list[bytes] = []
            n_bytes = 0
            while self._waiting and len(chunk) < CHUNK and n_bytes < CHUNK_BYTES:
                chunk.append(self._waiting.popleft())
                n_bytes += len(chunk[-1])
            self._n_bytes -= n_bytes
            self._changed.notify_all()
        if not chunk and self._error is not None:
            raise self._error
        return chunk
