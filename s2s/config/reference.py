"""Renders `docs/configuration.md` from the schema: `python -m s2s.config.reference > docs/configuration.md`."""

import sys
from typing import Any

from s2s.config.options import Option, options, sections
from s2s.config.presets import PRESETS

_START = """\
# Configuration

This page is made from the schema (`s2s/config/schema.py`) by `python -m s2s.config.reference`; a test keeps it so.

A config is a YAML file. Only what has no default is needed: `run`, and in `data` the languages, `train` and `valid`.
The model's preset gives sizes and recipe, and whatever the config says wins over it. Any option can be set on the
command line as well: `--set train.max_steps=100`, `--set 'data.train=[a.tsv,b.tsv]'`.

```yaml
run: runs/demo
data:
  source: en
  target: de
  train: data/train.{en,de}
  valid: data/dev.{en,de}
model:
  preset: tiny
```

The YAML is strict. Only `true` and `false` are booleans, so `no` is Norwegian; `1e-4` is a number; `0123` and `8_000`
are text. Equal keys, anchors, aliases, tags, tabs and a second document are errors. A mistake is reported with file,
line and column, all mistakes at once.

`s2s config explain train.warmup_steps` says on the command line what stands here. `configs/s2s.schema.json`, which
`s2s schema` prints, lets an editor complete keys, show their meaning and mark mistakes; the first line of a config says
where it is: `# yaml-language-server: $schema=s2s.schema.json`.

`runs/NAME/resolved.yaml` holds every value of a run: those given and those filled in.
"""


def render() -> str:
    """The whole page."""
    parts = [_START, _section("Top", "", options()["run"].key)]
    for name, section in sections().items():
        about = (section.__doc__ or "").strip()
        parts.append(_section(f"`{name}`", about, f"{name}."))
    return "\n".join([*parts, _presets()])


def _section(title: str, about: str, prefix: str) -> str:
    rows = [_row(option) for key, option in options().items() if key.startswith(prefix)]
    table = _table(["Key", "Value", "Default", "Meaning"], rows)
    return f"## {title}\n\n{about}\n\n{table}" if about else f"## {title}\n\n{table}"


def _row(option: Option) -> list[str]:
    if option.required:
        default = "**needed**"
    elif option.from_preset:
        default = "from the preset"
    elif option.default is None:
        default = "none"
    else:
        default = f"`{show(option.default)}`"
    return [f"`{option.key}`", option.kind, default, option.meaning]


def _presets() -> str:
    keys = [(section, name) for section, values in next(iter(PRESETS.values())).items() for name in values]
    rows = [
        [f"`{section}.{name}`", *(show(preset[section][name]) for preset in PRESETS.values())] for section, name in keys
    ]
    about = (
        "What each preset fills in. With `train.max_minutes` and no `train.max_steps` the time alone says when to stop."
    )
    return f"## Presets\n\n{about}\n\n{_table(['Key', *(f'`{name}`' for name in PRESETS)], rows)}"


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def show(value: Any) -> str:
    """A value as it stands in a config."""
    if isinstance(value, bool):
        return str(value).lower()
    return "null" if value is None else str(value)


if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8", newline="\n")  # type: ignore[union-attr] # the same bytes everywhere
    sys.stdout.write(render())
