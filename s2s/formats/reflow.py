"""Break a text into as many lines as its source has."""

from collections.abc import Callable

from s2s.formats.content import Content, Piece, Tag, merged
from s2s.formats.protect import things


def reflow(content: Content, widths: list[int], breaks: list[str], may_begin: Callable[[str, int], bool]) -> Content:
    """Put line breaks, as tags, in the place of spaces, so that lines are as long as the source's, in proportion.

    Args:
        content: In one line.
        widths: Length of each line of the source.
        breaks: What stands between two lines, one less.
        may_begin: Whether a line may begin with this text, from this place on.

    Returns:
        The content; with fewer lines if there are fewer places to break it.
    """
    total = sum(len(piece) for piece in content if isinstance(piece, str))
    wanted: list[float] = []
    for width in widths[:-1]:
        wanted.append((wanted[-1] if wanted else 0.0) + width * total / max(1, sum(widths)))
    places: list[tuple[int, int, int]] = []  # length before, piece, offset of a space
    length = 0
    for number, piece in enumerate(content):
        if isinstance(piece, str):
            fixed = {offset for thing in things(piece) for offset in range(thing.start, thing.end)}
            for offset, char in enumerate(piece):
                inside = (offset > 0 or number > 0) and offset not in fixed
                if char == " " and inside and may_begin(piece, offset + 1):
                    places.append((length + offset, number, offset))
            length += len(piece)
    chosen: dict[tuple[int, int], str] = {}
    at = 0  # both go up: what is before the nearest place for one is not for the next
    for target, text in zip(wanted, breaks, strict=True):
        while at + 1 < len(places) and abs(places[at + 1][0] - target) < abs(places[at][0] - target):
            at += 1
        if at < len(places):
            chosen[places[at][1:]] = text
        at += 1
    out: list[Piece] = []
    for number, piece in enumerate(content):
        if isinstance(piece, str):
            for offset, char in enumerate(piece):
                there = chosen.get((number, offset))
                out.append(char if there is None else Tag(there))
        else:
            out.append(piece)
    return merged(out)
