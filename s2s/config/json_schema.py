"""The schema for editors: they complete keys, show their meaning and mark mistakes while one writes a config."""

import json
from typing import Any

from s2s.config.options import options
from s2s.config.schema import Config


def json_schema() -> str:
    """The config's JSON Schema (draft 2020-12). What the preset gives need not be there, and text is YAML's."""
    schema = Config.model_json_schema()
    known = options()
    for name, part in [("", schema), *((key, _section(schema, key)) for key in schema["properties"])]:
        if part is None:
            continue
        for field, entry in part.get("properties", {}).items():
            entry.pop("title", None)
            option = known.get(f"{name}.{field}" if name else field)
            if option is not None and option.from_preset:
                entry.pop("default", None)  # it depends on the preset
        needed = [field for field in part.get("required", []) if _is_needed(f"{name}.{field}" if name else field)]
        part["required"] = needed
        part.pop("title", None)
    # a section that has nothing that must be there may be left out
    schema["required"] = [field for field in schema["properties"] if _is_needed(field)]
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "s2s config", **schema}
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


def _section(schema: dict[str, Any], name: str) -> dict[str, Any] | None:
    """The part of the schema that a section's key refers to; none for a plain option."""
    reference = schema["properties"][name].get("$ref")
    found: dict[str, Any] | None = schema["$defs"][reference.rsplit("/", 1)[1]] if reference else None
    return found


def _is_needed(key: str) -> bool:
    """Whether an option has to be given, or some option of a section."""
    return any(option.required for name, option in options().items() if name == key or name.startswith(f"{key}."))
