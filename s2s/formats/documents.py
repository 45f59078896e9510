"""A file of any format."""

from collections.abc import Callable

from s2s.errors import UsageError
from s2s.formats.content import Document
from s2s.formats.html import HtmlFile
from s2s.formats.known import FORMATS
from s2s.formats.markdown import MarkdownFile
from s2s.formats.paragraphs import ParagraphFile
from s2s.formats.po import PoFile
from s2s.formats.subtitles import SubtitleFile
from s2s.formats.xliff import XliffFile


def open_document(data: bytes, where: str, form: str) -> Document:
    """Read a file.

    Args:
        data: Its bytes.
        where: Its name, for messages.
        form: One of `FORMATS` but `lines`.

    Raises:
        DataError: It is not in that format.
    """
    readers: dict[str, Callable[[bytes, str], Document]] = {
        "document": ParagraphFile,
        "xliff": XliffFile,
        "po": PoFile,
        "html": HtmlFile,
        "markdown": MarkdownFile,
        "srt": SubtitleFile,
    }
    if form not in readers:
        raise UsageError(f"there is no format {form}; there are: {', '.join(FORMATS)}")
    return readers[form](data, where)
