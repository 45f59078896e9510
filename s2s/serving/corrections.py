"""Corrections by users, kept as a table that a model can be adapted with."""

import contextlib
import os
import threading
from collections.abc import Sequence
from itertools import repeat
from pathlib import Path

from s2s.errors import DataError, S2SError
from s2s.run_folder import lock_file, writing_to
from s2s.serving.limits import RefusedError


class Corrections:
    """A TSV file to which corrections are appended.

    It has a column for each language, and what the model had said and its name. A row fills the columns of its two
    languages; the others are empty, so that whoever reads pairs of two languages gets those alone.

    Args:
        path: Of the file; it is made if it is not there.
        languages: Of all models.
        most_bytes: Which it may have.

    Raises:
        DataError: It has other columns.
        CannotCreateError, OutputError: It cannot be made.
    """

    def __init__(self, path: Path, languages: Sequence[str], most_bytes: int) -> None:
        self.path, self._languages, self._most_bytes = path, tuple(dict.fromkeys(languages)), most_bytes
        self._lock = threading.Lock()
        header = "\t".join([*self._languages, "machine", "model"]) + "\n"
        if not path.exists():
            with writing_to(path) as file:
                file.write(header.encode())
        with path.open("rb") as file:
            if file.readline(10_000).decode("utf-8", "replace").replace("\r", "") != header:
                raise DataError(
                    f"is no table with the columns {', '.join(header.split())}",
                    where=str(path),
                    hint="these models speak other languages: give another --corrections FILE",
                )

    def add(self, source: str, correction: str, machine: str, languages: tuple[str, str], model: str) -> None:
        """Append a correction, line by line where both texts have as many; it is on the disk when this returns.

        Args:
            source: What was translated.
            correction: How it should be.
            machine: How the model had translated it.
            languages: Of the source and of the others.
            model: Its name.

        Raises:
            RefusedError: The file is full, or cannot be written.
        """
        with self._lock:
            try:
                self._append("".join(self._rows(source, correction, machine, languages, model)))
            except (OSError, S2SError) as error:
                raise RefusedError(507, f"the correction is not kept: {error}") from error

    def _rows(self, source: str, correction: str, machine: str, languages: tuple[str, str], model: str) -> list[str]:
        sources, corrections, machines = (
            [cell for line in text.split("\n") if (cell := _cell(line))] for text in (source, correction, machine)
        )
        if len(sources) != len(corrections):
            sources, corrections, machines = [_cell(source)], [_cell(correction)], [_cell(machine)]
        said = machines if len(machines) == len(sources) else repeat(_cell(machine))
        rows = []
        for one, other, third in zip(sources, corrections, said, strict=False):
            cells = {languages[0]: one, languages[1]: other}
            row = [*(cells.get(language, "") for language in self._languages), third, _cell(model)]
            rows.append("\t".join(row) + "\n")
        return rows

    def _append(self, rows: str) -> None:
        with self.path.open("r+b", buffering=0) as file:  # nothing is left to be written when it is closed
            lock_file(file.fileno(), wait=True)  # of another server: until it is closed
            size = file.seek(0, os.SEEK_END)
            data = rows.encode("utf-8", "replace")
            if size + len(data) > self._most_bytes:
                raise RefusedError(507, "the correction is not kept: the file of corrections is full")
            file.seek(size - 1)
            if file.read(1) != b"\n":  # somebody has edited it
                data = b"\n" + data
            try:
                while data:
                    data = data[file.write(data) :]
                os.fsync(file.fileno())
            except OSError:
                with contextlib.suppress(OSError):
                    os.ftruncate(file.fileno(), size)
                raise


def _cell(text: str) -> str:
    return " ".join(text.split())
