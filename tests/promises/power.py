"""What a power cut leaves: written bytes that were not yet synced are gone."""

from pathlib import Path


def lose_what_was_not_synced(log: Path) -> list[Path]:
    """Cut every file back to what was synced of it, by the log of a child that was killed; the files that lost some.

    The worst case of a file system that makes names durable before content. For one that makes them so later, see
    `names_left_to_chance`.
    """
    unsynced: dict[str, int] = {}  # path: size up to which it is safe
    for line in log.read_text("utf-8", "surrogateescape").split("\n")[:-1]:
        what, path, other, size = line.split("\t")
        if what == "write":
            unsynced.setdefault(path, int(size))
        elif what == "truncate":
            unsynced[path] = 0
        elif what == "fsync":
            unsynced.pop(path, None)
        elif what == "rename":
            unsynced = {_moved(name, path, other): size for name, size in unsynced.items() if name != other}
    lost = []
    for name, safe in unsynced.items():
        path = Path(name)
        if path.is_file() and path.stat().st_size > safe:
            with path.open("r+b") as file:
                file.truncate(safe)
            lost.append(path)
    return lost


def names_left_to_chance(log: Path) -> list[str]:
    """Renames to a final name after which the folder was not synced before anything else was renamed or removed.

    A power cut could undo them after what follows has been done. Names within temporary folders do not matter.
    """
    left, waiting = [], ""
    for line in log.read_text("utf-8", "surrogateescape").split("\n")[:-1]:
        what, path, other, _ = line.split("\t")
        if waiting and what == "fsync" and path == str(Path(waiting).parent):
            waiting = ""
        elif what in ("rename", "remove") and "/.tmp-" not in (other or path):
            if waiting:
                left.append(f"{waiting}, before {what} {other or path}")
            waiting = other if what == "rename" and "/.old-" not in other else ""
    return left + ([waiting] if waiting else [])


def _moved(name: str, old: str, new: str) -> str:
    return new + name[len(old) :] if name == old or name.startswith(f"{old}/") else name
