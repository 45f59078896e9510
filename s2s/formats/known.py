"""The formats by name and by the endings of files."""

from pathlib import Path

LINES = "lines"
FORMATS = (LINES, "document", "xliff", "po", "html", "markdown", "srt")
ENDINGS = {
    ".xliff": "xliff",
    ".xlf": "xliff",
    ".sdlxliff": "xliff",
    ".mqxliff": "xliff",
    ".mxliff": "xliff",
    ".po": "po",
    ".pot": "po",
    ".html": "html",
    ".htm": "html",
    ".xhtml": "html",
    ".md": "markdown",
    ".markdown": "markdown",
    ".srt": "srt",
    ".vtt": "srt",
}


def format_of(name: str) -> str:
    """The format by a file's ending; `lines` for all that is not known.

    >>> format_of("a.XLF"), format_of("a.txt"), format_of("-")
    ('xliff', 'lines', 'lines')
    """
    return ENDINGS.get(Path(name).suffix.lower(), LINES)
