"""Where sentences end, by a small rule that knows no language."""

import re
from collections.abc import Sequence

_END = re.compile(r"""(?<![.!?…؟।])([.!?…؟।]++["'”’»)\]]*)(\s+)|([。！？｡]+[」』”’）]*)""")
_ABBREVIATION = re.compile(
    r"(?:^|[\s(\"'„“«])(?:"
    r"[^\W\d_]|"  # an initial, and each part of z. B.
    r"(?:[^\W\d_]{1,3}\.)+[^\W\d_]{1,3}|"  # e.g, U.S, p.m
    r"(?:Dr|Mr|Mrs|Ms|Prof|St|Sr|Jr|Hr|Fr|Nr|No|vs|etc|bzw|ca|evtl|ggf|usw|vgl|Abb|Bd|Tel|Str|Inc|Ltd|Co|Corp|Fig|fig"
    r"|Vol|vol|al|approx|Mme|Mlle|Sra|Dra|Sig|Abs|Art|art|Jan|Feb|Apr|Aug|Sept|Sep|Oct|Okt|Nov|Dec|Dez|Gen|Col|Lt|Sgt"
    r"|Rev|Mt|pp|inkl|exkl|max|min|allg|gest|geb)"
    r")$"
)
_IDEOGRAPHIC = (("\u2e80", "\u9fff"), ("\uf900", "\ufaff"), ("\uff00", "\uffef"))
_SPACE = re.compile(r"\s*")
_LOOK = 40  # no abbreviation is as long
_NUMBER = re.compile(r"(?:^|\s)\d{1,3}$")


def sentences(text: str) -> list[tuple[int, int]]:
    """Spans of the sentences of a text, without the white space between them.

    A sentence ends with its mark before white space, if what follows does not begin with a small letter and the mark is
    no point of an abbreviation, an initial or an ordinal; with the marks of Chinese and Japanese anywhere.

    >>> text = "Dr. Ada came on 3. Mai, z. B. at 3.14. She left! Why? "
    >>> [text[start:end] for start, end in sentences(text)]
    ['Dr. Ada came on 3. Mai, z. B. at 3.14.', 'She left!', 'Why?']
    """
    spans = []
    start = len(text) - len(text.lstrip())
    for match in _END.finditer(text):
        if match.start() < start:
            continue
        after = _SPACE.match(text, match.end())
        place = after.end() if after else match.end()
        follows = text[place : place + _LOOK]
        if match[3]:
            end = match.end()
        elif not follows or _goes_on(text[max(start, match.start() - _LOOK) : match.start()], match[1], follows):
            continue
        else:
            end = match.end(1)
        spans.append((start, end))
        start = place
    end = len(text.rstrip())
    if start < end:
        spans.append((start, end))
    return spans


def joined(source: str, spans: Sequence[tuple[int, int]], said: Sequence[str]) -> tuple[str, list[int]]:
    """The translations of a text's sentences, with what stands between these in the source, and where each begins.

    Where nothing stands there, a space does, unless both sides are written without.

    >>> joined("A.  B.", [(0, 2), (4, 6)], ["C.", "D."])
    ('C.  D.', [0, 4])
    """
    parts: list[str] = []
    starts: list[int] = []
    length, last, before = 0, "", 0
    for (start, end), one in zip(spans, said, strict=True):
        space = source[before:start]
        if not space and last and one and not (_is_ideographic(last) and _is_ideographic(one[0])):
            space = " "
        space = space if last else ""
        starts.append(length + len(space))
        parts += [space, one]
        length = starts[-1] + len(one)
        last = (one or space or last)[-1:]
        before = end
    return "".join(parts), starts


def joined_text(source: str, spans: Sequence[tuple[int, int]], said: Sequence[str]) -> str:
    """The text alone; see `joined`."""
    return joined(source, spans, said)[0]


def _is_ideographic(char: str) -> bool:
    return any(first <= char <= last for first, last in _IDEOGRAPHIC)


def _goes_on(before: str, mark: str, follows: str) -> bool:
    """Whether the mark does not end the sentence."""
    first = follows.lstrip("\"'„“«([¿¡")[:1]
    if first.islower():
        return True
    if mark != ".":
        return False
    return bool(_ABBREVIATION.search(before)) or bool(_NUMBER.search(before) and first.isalpha())
