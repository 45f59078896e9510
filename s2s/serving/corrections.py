"""Corrections by users, kept as a table that a model can be adapted with."""

import contextlib
import os
import threading
from pathlib import Path

from s2s.errors import S2SError
from s2s.run_folder import writing_to
from s2s.serving.limits import RefusedError

_HEADER = ("source", "target", "language", "machine", "model")


class Corrections:
    """A TSV file to which corrections are appended.

    Args:
        path: Of the file; it is made by the first correction.
        most_bytes: Which it may have.
    """

    def __init__(self, path: Path, most_bytes: int) -> None:
        self.path, self._most_bytes = path, most_bytes
        self._lock = threading.Lock()

    def add(self, source: str, correction: str, language: str, machine: str, model: str) -> None:
        """Append a line; it is on the disk when this returns.

        Args:
            source: What was translated.
            correction: How it should be.
            language: Of the correction.
            machine: How the model had translated it.
            model: Its name.

        Raises:
            RefusedError: The file is full, or cannot be written.
        """
        cells = [_cell(text) for text in (source, correction, language, machine, model)]
        with self._lock:
            try:
                self._append("\t".join(cells) + "\n")
            except (OSError, S2SError) as error:
                raise RefusedError(507, f"the correction is not kept: {error}") from error

    def _append(self, line: str) -> None:
        if not self.path.exists():
            with writing_to(self.path) as file:
                file.write(("\t".join(_HEADER) + "\n").encode())
        with self.path.open("r+b") as file:
            size = file.seek(0, os.SEEK_END)
            data = line.encode("utf-8", "replace")
            if size + len(data) > self._most_bytes:
                raise RefusedError(507, "the correction is not kept: the file of corrections is full")
            if size:
                file.seek(size - 1)
                if file.read(1) != b"\n":  # a line that was cut off when the disk was full
                    data = b"\n" + data
            try:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            except OSError:
                with contextlib.suppress(OSError):
                    os.ftruncate(file.fileno(), size)
                raise


def _cell(text: str) -> str:
    return " ".join(text.split())
