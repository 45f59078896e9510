"""An option of the config in words, for the command line."""

from s2s.config.options import Option, options
from s2s.config.presets import PRESETS
from s2s.config.reference import show
from s2s.config.suggest import suggest
from s2s.errors import UsageError


def explain(key: str) -> str:
    """What an option is, or all options that begin so: `train.warmup`, `decode`.

    Raises:
        UsageError: There is none; names the likely one.
    """
    key = key.rstrip(".")
    found = [option for name, option in options().items() if name == key]
    found = found or [option for name, option in options().items() if name.startswith((f"{key}.", f"{key}_"))]
    if not found:
        likely = suggest(key, options())
        hint = f"did you mean {likely}?" if likely else "docs/configuration.md lists all options"
        raise UsageError(f"there is no option {key}", hint=hint)
    return "\n\n".join(_text(option) for option in found)


def _text(option: Option) -> str:
    lines = [option.key, f"  {option.meaning}", f"  It is {option.kind}."]
    section, _, name = option.key.partition(".")
    if option.required:
        lines.append("  It has to be given.")
    elif option.from_preset:
        values = ", ".join(f"{preset} {show(given[section][name])}" for preset, given in PRESETS.items())
        lines.append(f"  Left out, the preset gives it: {values}.")
    else:
        lines.append(f"  Left out: {'none' if option.default is None else show(option.default)}.")
    lines.append(f"  On the command line: --set {option.key}=…")
    return "\n".join(lines)
