"""Turns what pydantic finds wrong with a config into one plain sentence per mistake.

pydantic only says which values do not fit. The words come from `options.py`, so that every message says what the
option takes and what it was given, and unknown keys get a suggestion.
"""

import re
from collections.abc import Iterable
from typing import Any

from pydantic import ValidationError

from s2s.config.options import Option, options, sections
from s2s.config.strict_yaml import KeyPath
from s2s.config.suggest import suggest

MAX_SHOWN = 40
"""More mistakes than this are counted, not listed."""

Mistake = tuple[KeyPath, str]
"""Where it is (the path of a key, or of its section) and what is wrong."""


def broken_sections(data: dict[str, Any]) -> list[Mistake]:
    """The sections of `data` that are no mapping, such as `train: 5`."""
    return [
        ((name,), f"{name}: expected a section of options such as {_first(name)}, given {show_value(data[name])}")
        for name in sections()
        if name in data and not isinstance(data[name], dict)
    ]


def unknown_key(path: KeyPath, value: Any = None) -> Mistake:
    """The mistake that there is no such key."""
    dotted = ".".join(map(str, path))
    section, _, name = dotted.partition(".")
    if dotted in options() and (section, name) != path:
        return path, f"{show_key(dotted)}: in a file this is `{name}:` within `{section}:`; dots are for --set"
    guess = suggest(dotted, [*options(), *sections()], section=isinstance(value, dict))
    return path, f"{show_key(dotted)}: unknown key" + (f"; did you mean {guess}?" if guess else "")


def find_mistakes(data: dict[str, Any], error: ValidationError) -> list[Mistake]:
    """Every mistake in `data`, from the error that validating it gave.

    A required key is not called missing if an unknown one looks like a misspelling of it.
    """
    unknown: list[Mistake] = []
    missing: dict[str, Mistake] = {}
    wrong: dict[KeyPath, Mistake] = {}
    for detail in error.errors(include_url=False):
        path: KeyPath = detail["loc"][:2]
        if detail["type"] == "extra_forbidden":
            if len(unknown) < MAX_SHOWN:
                unknown.append(unknown_key(path, detail["input"]))
            else:
                unknown.append((path, "unknown key"))
        elif detail["type"] == "missing":
            missing[".".join(map(str, path))] = _missing(path)
        elif detail["type"] == "value_error":
            message = str(detail["ctx"]["error"])
            wrong[(*path, message)] = _contradiction(data, path, message)
        else:
            mistake = _wrong_value(data, detail["loc"])
            if len(mistake[0]) > len(path):  # of a union's errors, those that name a list item
                wrong.pop(path, None)
                wrong[mistake[0]] = mistake
            elif not any(key[: len(path)] == path for key in wrong):
                wrong[path] = mistake
    meant = {text.rpartition("did you mean ")[2].rstrip("?") for _, text in unknown}
    return [*unknown, *wrong.values(), *(mistake for key, mistake in missing.items() if key not in meant)]


def show_key(key: str) -> str:
    """A key as it can be printed: no control characters, not endless."""
    return _clip(printable(key))


def printable(text: str) -> str:
    """Text without what a terminal would obey."""
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)


def show_value(value: Any) -> str:
    """A value from the config in a few words, safe to print."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return _clip(str(value))
        case str():
            return f'the text "{show_key(value)}"' if value else "empty text"
        case dict():
            return "a section"
        case _:
            return "a list" if value else "an empty list"


def _missing(path: KeyPath) -> Mistake:
    dotted = ".".join(map(str, path))
    if dotted in sections():
        needed = [
            option.key for option in options().values() if option.key.startswith(f"{dotted}.") and option.required
        ]
        return path[:-1], f"{dotted}: missing section; it needs {', '.join(needed)}"
    return path[:-1], f"{dotted}: missing. {options()[dotted].meaning}"


def _wrong_value(data: dict[str, Any], location: KeyPath) -> Mistake:
    """A value of the wrong type or out of range; `location` may go on into a list and a union's branch."""
    path, within = location[:2], location[2:]
    option = options()[".".join(map(str, path))]
    value: Any = data
    for part in path:
        value = value[part]
    index = within[-1] if within and isinstance(within[-1], int) else None
    if index is not None and isinstance(value, list):
        item = show_value(value[index])
        return (*path, index), f"{option.key}: expected {option.kind}; item {index + 1} is {item}"
    return path, f"{option.key}: expected {option.kind}, given {show_value(value)}{_help(option, value)}"


def _help(option: Option, value: Any) -> str:
    """What was probably meant by a wrong value."""
    if isinstance(value, str) and option.choices:
        from difflib import get_close_matches

        close = get_close_matches(value.lower(), option.choices, n=1, cutoff=0.5)
        return f"; did you mean {close[0]}?" if close else ""
    if "whole number" in option.kind:
        if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
            return f"; write {int(value)}"
        if (
            isinstance(value, str)
            and len(value) < 20
            and re.fullmatch(r"0*[1-9][0-9]*([_,' ][0-9]{3})*", value, re.ASCII)
        ):
            return f"; write {int(re.sub('[^0-9]', '', value))}"
    if option.kind == "true or false" and isinstance(value, str):
        meant = {"yes": "true", "on": "true", "no": "false", "off": "false"}.get(value.lower())
        return f"; write {meant}" if meant else ""
    return ""


def _contradiction(data: dict[str, Any], path: KeyPath, message: str) -> Mistake:
    """Values that do not go together; placed at the first of them that the config gives, else at their section."""
    named = _paths_in(message, path)
    given = [place for place in named if _has(data, place)]
    place = next(iter(given), named[0][:1] if named else path)
    return place, f"{'.'.join(map(str, path))}: {message}" if path else message


def _paths_in(message: str, section: KeyPath) -> list[KeyPath]:
    words = [word.strip(".") for word in re.findall(r"[a-z_.0-9]+", message)]
    dotted = [word if "." in word else ".".join([*map(str, section), word]) for word in words]
    return [tuple(key.split(".")) for key in dotted if key in options()]


def _has(data: dict[str, Any], path: Iterable[str | int]) -> bool:
    value: Any = data
    for part in path:
        if not isinstance(value, dict) or part not in value:
            return False
        value = value[part]
    return True


def _first(section: str) -> str:
    return next(key for key in options() if key.startswith(f"{section}."))


def _clip(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."
