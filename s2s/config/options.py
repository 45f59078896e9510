"""What the schema says about each option, in words: for error messages and for the reference page."""

from dataclasses import dataclass
from functools import cache
from typing import Any

from s2s.config.presets import PRESETS
from s2s.config.schema import Config, Section

_NOT_EMPTY = ", not empty"


@dataclass(frozen=True, slots=True)
class Option:
    """One option of the config.

    Args:
        key: Its dotted key, for example `train.max_steps`.
        kind: The values it takes, in words, for example `a whole number from 1 to 256`.
        meaning: What it does.
        default: The value when neither config nor preset give one.
        required: The config has to give it.
        from_preset: The model preset gives it when the config does not.
        choices: The words it takes, if only these.
    """

    key: str
    kind: str
    meaning: str
    default: Any
    required: bool
    from_preset: bool
    choices: tuple[str, ...]


def sections() -> dict[str, type[Section]]:
    """The parts of the config in their order: data, vocab, model, train, decode."""
    fields = Config.model_fields.items()
    return {
        name: field.annotation
        for name, field in fields
        if isinstance(field.annotation, type) and issubclass(field.annotation, Section)
    }


@cache
def options() -> dict[str, Option]:
    """Every option by its dotted key, in the order of the schema."""
    parts = sections()
    found = {}
    for name in Config.model_fields:
        if name in parts:
            found.update({option.key: option for option in _options_of(parts[name], f"{name}.")})
        else:
            found.update({option.key: option for option in _options_of(Config, "") if option.key == name})
    return found


def _options_of(section: type[Section], prefix: str) -> list[Option]:
    schema = section.model_json_schema()
    required = schema.get("required", [])
    preset = next(iter(PRESETS.values())).get(prefix.rstrip("."), {})
    return [
        Option(
            key=f"{prefix}{name}",
            kind=_words(entry),
            meaning=entry.get("description", ""),
            default=entry.get("default"),
            required=name in required and name not in preset,
            from_preset=name in preset,
            choices=tuple(entry.get("enum", ())),
        )
        for name, entry in schema["properties"].items()
    ]


def _words(schema: dict[str, Any]) -> str:
    """A JSON schema in words."""
    if "anyOf" in schema:
        words = " or ".join(_words(part) for part in schema["anyOf"] if part.get("type") != "null")
        return words.replace(_NOT_EMPTY, "") + _NOT_EMPTY if _NOT_EMPTY in words else words
    if "enum" in schema:
        return "one of " + ", ".join(schema["enum"])
    match schema.get("type"):
        case "integer":
            return f"a whole number{_range(schema)}"
        case "number":
            return f"a number{_range(schema)}"
        case "boolean":
            return "true or false"
        case "string":
            if "maxLength" in schema:
                return f"text of {schema.get('minLength', 0)} to {schema['maxLength']} characters"
            return f"text{_NOT_EMPTY}" if schema.get("minLength") else "text"
        case "array":
            return f"a list of texts{_NOT_EMPTY}" if schema.get("minItems") else "a list of texts"
    return "a section"


def _range(schema: dict[str, Any]) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    start = f" from {_figure(low)}" if low is not None else f" above {_figure(above)}" if above is not None else ""
    if high is not None:
        return f"{start} to {_figure(high)}" if low is not None else f"{start}, at most {_figure(high)}"
    if below is not None:
        return f"{start} to below {_figure(below)}" if low is not None else f"{start}, below {_figure(below)}"
    return start.replace(" from", " of at least")


def _figure(number: float) -> str:
    if number >= 1e9 and number % 1e9 == 0:
        return f"{number:g}".replace("e+0", "e")
    return f"{int(number):,}" if number == int(number) else f"{number:g}"
