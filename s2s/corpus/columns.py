"""Which two columns of a table hold the source and the target side."""

from collections.abc import Sequence
from dataclasses import dataclass

from s2s.corpus.languages import english_name
from s2s.errors import DataError

CONVENTIONS = (
    ("source", "target"),
    ("src", "tgt"),
    ("src", "trg"),
    ("source_text", "target_text"),
    ("source_sentence", "target_sentence"),
    ("sentence", "translation"),
    ("text", "translation"),
    ("source", "translation"),
    ("original", "translation"),
)
"""Usual names of the two columns, after the language codes."""

NESTED = "translation"
"""Column that holds both sides by language, in the form that most datasets on the hub have."""

HINT = "Name them with --source-column and --target-column, in a config with data.source_column and data.target_column."

_MAX_SHOWN = 20


@dataclass(frozen=True)
class Wanted:
    """What is known about the columns.

    Attributes:
        source: Source language.
        target: Target language.
        source_column: Name of the source column, if it was given.
        target_column: Name of the target column, if it was given.
    """

    source: str
    target: str
    source_column: str | None = None
    target_column: str | None = None

    def choose(self, names: Sequence[str]) -> tuple[str, str] | None:
        """Choose from the names of the columns; a column inside another is named `outer.inner`.

        Case does not matter, nor does `_` for `-`. First come the given names, then the language codes, those inside
        `translation`, the languages' English names, and then `CONVENTIONS`; both sides are found in the same way, or
        one is given.

        Returns:
            Names of the source and the target column as they are in `names`, or None if they are not both there.
        """
        holds_both = any(name.startswith(f"{NESTED}.") for name in names)
        by_key = {_key(name): name for name in reversed(names) if not (holds_both and name == NESTED)}
        languages = (self.source, self.target)
        nested = (f"{NESTED}.{self.source}", f"{NESTED}.{self.target}")
        in_english = english_name(self.source) or self.source, english_name(self.target) or self.target
        for source, target in (languages, nested, in_english, *CONVENTIONS):
            chosen = by_key.get(_key(self.source_column or source)), by_key.get(_key(self.target_column or target))
            if chosen[0] is not None and chosen[1] is not None and chosen[0] != chosen[1]:
                return chosen[0], chosen[1]
        return None

    def missing(self, where: str, names: Sequence[str]) -> DataError:
        """The error for columns that are not there; it lists those that are."""
        source = self.source_column or self.source
        target = self.target_column or self.target
        return DataError(
            f"no columns for {source} and {target}; there are: {shown(names)}",
            where=where,
            hint=HINT,
        )


def shown(names: Sequence[str]) -> str:
    """Names of columns as a list, as a terminal can show them."""
    printable = ("".join(char if char.isprintable() else "?" for char in name) for name in names[:_MAX_SHOWN])
    more = f" and {len(names) - _MAX_SHOWN} more" if len(names) > _MAX_SHOWN else ""
    return ", ".join(name if name else "''" for name in printable) + more


def _key(name: str) -> str:
    return name.strip().casefold().replace("_", "-")


def one_line(text: str) -> str:
    r"""A cell of a table as one line: line feeds and carriage returns become spaces.

    >>> one_line("a\r\nb")
    'a b'
    """
    if "\n" in text or "\r" in text:
        return text.replace("\r\n", " ").replace("\n", " ").replace("\r", " ")
    return text
