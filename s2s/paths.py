"""Paths as people write them."""

import os
from pathlib import Path


def at_home(path: str | Path) -> Path:
    """A path whose `~` is the home folder; `~name` stays as it is where there is no such user."""
    return Path(os.path.expanduser(path))  # noqa: PTH111 - Path's raises where there is no such user


def by_name(path: Path) -> Path:
    """A folder by a path that ends in its name, as `.` and `..` do not, so that another can lie beside it."""
    return path if path.name not in ("", "..") else path.resolve()
