"""metrics.jsonl: one JSON object a line, appended while training, cut back to the checkpoint when it resumes."""

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from s2s.errors import DataError, InputMissingError
from s2s.run_folder.writing import reporting_os_errors, write_atomic


def append_line(path: Path, record: Mapping[str, Any]) -> None:
    """Append one record in one write, so that a reader never sees two lines mixed.

    JSON has no infinity and no NaN: such numbers become null.

    Raises:
        OutputError, CannotCreateError: See `reporting_os_errors`.
    """
    finite = {
        key: None if isinstance(value, float) and not math.isfinite(value) else value for key, value in record.items()
    }
    line = json.dumps(finite, ensure_ascii=False, allow_nan=False).encode("utf-8") + b"\n"
    with reporting_os_errors(path):
        number = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
        try:
            rest = line
            while rest:  # a disk that fills up takes a part, and says so at the next try
                rest = rest[os.write(number, rest) :]
        finally:
            os.close(number)


def read_lines(path: Path) -> list[dict[str, Any]]:
    """All records; a last line that was cut off by a crash is left out.

    Raises:
        DataError: A complete line is no JSON object, with its number.
        InputMissingError: The file cannot be read. A missing file has no records.
    """
    return [record for _, record in _parsed(path)]


def drop_after(path: Path, step: int, validated_step: int) -> None:
    """Remove the records of later steps, validations after `validated_step`, and a last line that was cut off.

    A checkpoint may have been saved when its validation was under way, which will then be done again. Records without
    a step stay. Atomic.

    Raises:
        DataError, InputMissingError, OutputError, CannotCreateError: As reading and writing do.
    """
    kept = b"".join(line + b"\n" for line, record in _parsed(path) if not _is_after(record, step, validated_step))
    if path.exists() and path.stat().st_size != len(kept):
        write_atomic(path, kept)


def _is_after(record: dict[str, Any], step: int, validated_step: int) -> bool:
    value = record.get("step")
    return isinstance(value, int) and value > (validated_step if record.get("kind") == "valid" else step)


def _parsed(path: Path) -> list[tuple[bytes, dict[str, Any]]]:
    """Every complete line with its record."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise InputMissingError(f"cannot be read: {error.strerror}", where=str(path)) from error
    parsed = []
    for number, line in enumerate(content.split(b"\n")[:-1], start=1):  # what follows the last \n is cut off
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            record = None
        if not isinstance(record, dict):
            raise DataError("not a JSON object", where=f"{path}:{number}", hint="Delete this line.")
        parsed.append((line, record))
    return parsed
