"""Reads a config file and `--set` overrides into a checked `Config`, and writes one out again.

Every mistake is reported at once, each with its place. pydantic and PyYAML are imported inside the functions, so that
importing this module costs nothing.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from s2s.errors import ConfigError, InputMissingError

if TYPE_CHECKING:
    from s2s.config.mistakes import Mistake
    from s2s.config.schema import Config


class _Place(NamedTuple):
    """Where a value was given: a sort key (file before overrides, then line and column) and its text."""

    order: tuple[int, int, int]
    text: str


def load_config(path: Path, overrides: Sequence[str] = ()) -> "Config":
    """Read a config.

    Args:
        path: A YAML file.
        overrides: `KEY=VALUE` each, such as `train.max_steps=100` or `data.train=[a.tsv,b.tsv]`. They win over the
            file; of two with the same key the last wins. A value is a list if it starts with `[`, text if it is
            quoted, and else what it would be unquoted in YAML, except that `{ } : #` mean nothing special.

    Raises:
        InputMissingError: The file is not there or cannot be read.
        ConfigError: One line for every mistake.
    """
    from s2s.config.mistakes import printable

    return _parse(_read(path), printable(str(path)), overrides)


def with_overrides(config: "Config", overrides: Sequence[str]) -> "Config":
    """A config with `KEY=VALUE` overrides, checked as if it had been read from a file.

    Raises:
        ConfigError: One line for every mistake.
    """
    return _parse(dump_config(config).encode(), "the config", overrides)


def _parse(content: bytes, name: str, overrides: Sequence[str]) -> "Config":
    from pydantic import ValidationError

    from s2s.config.mistakes import broken_sections, find_mistakes, show_key
    from s2s.config.options import sections
    from s2s.config.schema import Config
    from s2s.config.strict_yaml import parse_document

    document = parse_document(content, name)
    data = document.data
    places = {key: _Place((0, *at), f"{name}:{at[0]}:{at[1]}") for key, at in document.places.items()}
    found: list[tuple[_Place, str]] = [
        (
            _Place((0, *second), f"{name}:{second[0]}:{second[1]}"),
            f"{show_key('.'.join(map(str, key)))}: given twice, first in line {first[0]}",
        )
        for key, second, first in document.duplicates
    ]
    for section in sections():
        if section in data and data[section] is None:  # "train:" with all its options commented out
            data[section] = {}
    broken = broken_sections(data)
    found += [_located(mistake, places) for mistake in broken]
    for key, _ in broken:
        data[str(key[0])] = {}
    for number, override in enumerate(overrides):
        place = _Place((1, number, 0), f"--set {show_key(override)}")
        problem = _apply(override, data, places, place)
        if problem:
            found.append((place, problem))
    try:
        config = Config.model_validate(data)
    except ValidationError as error:
        # A section that is not there as such lacks all its keys: it is reported already.
        hushed = tuple(f"{key[0]}." for key, _ in broken)
        found += [
            _located(mistake, places)
            for mistake in find_mistakes(data, error)
            if not (": missing" in mistake[1] and mistake[1].startswith(hushed))
        ]
    if found:
        raise _report(found)
    return config


def dump_config(config: "Config") -> str:
    """Write every value as YAML, in the order of the schema; `load_config` reads an equal config from it."""
    from s2s.config.strict_yaml import to_yaml

    return (
        f"# Every value: what was given, and the rest from the preset and the defaults.\n{to_yaml(config.model_dump())}"
    )


def differences(old: "Config", new: "Config") -> list[tuple[str, Any, Any]]:
    """The options that differ: dotted key, old value, new value."""
    before, after = flat(old), flat(new)
    return [(key, before[key], after[key]) for key in before if before[key] != after[key]]


def flat(config: "Config") -> dict[str, Any]:
    """Every value by its dotted key."""
    values: dict[str, Any] = {}
    for name, value in config.model_dump().items():
        if isinstance(value, dict):
            values.update({f"{name}.{key}": item for key, item in value.items()})
        else:
            values[name] = value
    return values


def _read(path: Path) -> bytes:
    from s2s.config.strict_yaml import MAX_BYTES

    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except IsADirectoryError:
        inside = path / "config.yaml"
        hint = f"Its config is {inside}" if inside.is_file() else _neighbours(path)
        raise InputMissingError(f"{path} is a folder, not a config file", hint=hint) from None
    except FileNotFoundError:
        raise InputMissingError(f"there is no config {path}", hint=_neighbours(path)) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise InputMissingError(f"the config {path} cannot be read: {reason}") from None


def _neighbours(path: Path) -> str | None:
    """A hint with the config that was probably meant, or those that are there."""
    from difflib import get_close_matches

    here = {entry.name: entry for folder in (path.parent, Path("configs")) for entry in sorted(folder.glob("*.y*ml"))}
    close = get_close_matches(path.name, here, n=1) or get_close_matches(path.stem, here, n=1, cutoff=0.5)
    if close:
        return f"Did you mean {here[close[0]]}?"
    return f"There are: {', '.join(str(entry) for entry in list(here.values())[:8])}" if here else None


def _apply(override: str, data: dict[str, Any], places: dict[Any, _Place], place: _Place) -> str | None:
    """Put one override into `data`; returns what is wrong with it, or None."""
    from s2s.config.mistakes import show_key, unknown_key
    from s2s.config.options import options, sections
    from s2s.config.strict_yaml import parse_value

    key, equals, text = override.partition("=")
    key = key.strip()
    if not equals:
        return "expected KEY=VALUE, for example --set train.max_steps=100"
    if key in sections():
        return f"{key} is a section; set one of its options, for example {key}.{_example(key)}=…"
    path = tuple(key.split("."))
    if key not in options():
        return unknown_key(path)[1]
    try:
        value = parse_value(text, key)
    except ConfigError as error:
        return f"{show_key(key)}: {error.what}" + (f". {error.hint}" if error.hint else "")
    target = data
    for part in path[:-1]:
        target = target.setdefault(part, {})
    target[path[-1]] = value
    places[path] = place
    return None


def _example(section: str) -> str:
    from s2s.config.options import options

    return next(key for key in options() if key.startswith(f"{section}.")).partition(".")[2]


def _located(mistake: "Mistake", places: dict[Any, _Place]) -> tuple[_Place, str]:
    """Find the place of a mistake: of the item, its key, its section, or the top of the file."""
    path, text = mistake
    while path and path not in places:
        path = path[:-1]
    return places[path], text


def _report(found: list[tuple[_Place, str]]) -> ConfigError:
    """One error of all mistakes, in the order of the file."""
    from s2s.config.mistakes import MAX_SHOWN

    lines = [f"{place.text}: {text}" for place, text in sorted(found)]
    if len(lines) > MAX_SHOWN:
        lines[MAX_SHOWN:] = [f"… and {len(lines) - MAX_SHOWN} more mistakes"]
    return ConfigError("\n".join(lines), hint="docs/configuration.md lists every option.")
