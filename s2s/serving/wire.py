"""What comes over the wire: bodies read within limits, fields checked, what is wrong said in words."""

import asyncio
import json
from dataclasses import dataclass
from email.message import Message
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request

from s2s.serving.limits import Limits, RefusedError

Fields = dict[str, Any]
_FORM, _MULTIPART = "application/x-www-form-urlencoded", "multipart/form-data"
_MAX_PARTS, _MAX_HEAD = 1_000, 1_000
_THROWN_AWAY = 8 * 1024 * 1024
_YES, _NO = (True, "true", "True", "1"), (None, False, "false", "False", "0", "")


@dataclass(frozen=True)
class Asked:
    """A request for translations.

    Attributes:
        texts: To translate.
        is_list: Whether the answer is a list.
        source: Language code, or `auto`.
        target: Language code, or none if it was left out.
        n_alternatives: Further translations of each text.
        beam: Hypotheses kept, or none for the model's default.
        model: Name, or none for the first that knows the languages.
        details: Whether words, alignment and confidence are wanted.
        is_html: Whether the texts are HTML.
    """

    texts: list[str]
    is_list: bool
    source: str
    target: str | None
    n_alternatives: int
    beam: int | None
    model: str | None
    details: bool
    is_html: bool


async def read_fields(request: Request, limits: Limits) -> Fields:
    """The fields of a request: its body, a JSON object or a form, and its query.

    Raises:
        RefusedError: It is too long, comes too slowly, or is neither.
        ClientDisconnect: The client has gone.
    """
    body = await _read_body(request, limits)
    query = _form(request.scope["query_string"])
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if not body.strip():
        return query
    if kind == _FORM:
        return {**query, **_form(body)}
    if kind == _MULTIPART:
        return {**query, **_multipart(request.headers["content-type"], body)}
    if kind not in ("", "application/json", "text/json"):
        raise RefusedError(415, f"send application/json or {_FORM}, not {kind[:100]}")
    try:
        content = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise RefusedError(400, f"the body is not JSON: {str(error)[:200]}") from None
    if not isinstance(content, dict):
        raise RefusedError(400, "the body is to be a JSON object")
    return {**query, **content}


def _form(text: bytes) -> Fields:
    try:
        pairs = parse_qsl(text.decode("utf-8"), keep_blank_values=True, max_num_fields=1000, errors="replace")
    except ValueError as error:
        raise RefusedError(400, f"the form cannot be read: {error}") from None
    return _gathered(pairs)


def _multipart(kind: str, body: bytes) -> Fields:
    """The fields of a form in parts (RFC 7578), which are not looked into; their heads are short.

    The library that reads heads takes time that grows with the square of their length, so they are refused before.
    """
    boundary = _header("content-type", kind.encode("utf-8", "replace")).get_boundary()
    _, *parts = (b"\r\n" + body).split(b"\r\n--" + (boundary or "").encode("utf-8", "replace"))
    if not boundary or not parts or len(parts) > _MAX_PARTS:
        raise RefusedError(400, f"the form cannot be read: it has no parts, or over {_MAX_PARTS:,}")
    pairs = []
    for part in parts:
        if part.startswith(b"--"):  # the end
            break
        head, separator, content = part.partition(b"\r\n\r\n")
        if not separator:
            raise RefusedError(400, "the form cannot be read: a part has no head, or is cut off")
        for line in head.split(b"\r\n"):
            title, _, value = line.partition(b":")
            if title.strip().lower() == b"content-disposition":
                name = _header("content-disposition", value).get_param("name", header="content-disposition")
                if isinstance(name, str):
                    pairs.append((name, content.decode("utf-8", "replace")))
    return _gathered(pairs)


def _header(name: str, value: bytes) -> Message:
    if len(value) > _MAX_HEAD:
        raise RefusedError(400, f"the form cannot be read: its {name} has over {_MAX_HEAD:,} bytes")
    message = Message()
    message[name] = value.decode("utf-8", "replace").strip().replace("\r", " ").replace("\n", " ")
    return message


def _gathered(pairs: list[tuple[str, str]]) -> Fields:
    """Fields by name; one that comes several times is a list."""
    fields: Fields = {}
    for key, value in pairs:
        fields[key] = [*_listed(fields[key]), value] if key in fields else value
    return fields


async def _read_body(request: Request, limits: Limits) -> bytes:
    body = bytearray()
    n_bytes = 0
    try:
        async with asyncio.timeout(limits.reading_seconds):
            async for chunk in request.stream():
                n_bytes += len(chunk)
                # somewhat more than it may have is taken and thrown away, or the client would not get to read why
                if n_bytes > limits.body_bytes + _THROWN_AWAY:
                    break
                if n_bytes <= limits.body_bytes:
                    body += chunk
    except TimeoutError:
        raise RefusedError(
            408, f"the request did not come within {limits.reading_seconds:g} seconds", close=True
        ) from None
    if n_bytes > limits.body_bytes:
        raise RefusedError(413, f"a request may have {limits.body_bytes:,} bytes", close=True)
    return bytes(body)


def asked(fields: Fields, limits: Limits) -> Asked:
    """What a body asks for.

    Raises:
        RefusedError: A field is missing, of the wrong kind, or beyond the limits.
    """
    given = fields.get("q")
    texts: list[Any] = _listed(given)
    if not all(isinstance(text, str) for text in texts):
        raise RefusedError(400, "q is to be a text or a list of texts")
    if len(texts) > limits.texts:
        raise RefusedError(400, f"q may have {limits.texts} texts, not {len(texts):,}")
    for text in texts:
        if len(text) > limits.characters:
            raise RefusedError(400, f"a text may have {limits.characters:,} characters, not {len(text):,}")
    form = word_of(fields, "format") or "text"
    if form not in ("text", "html"):
        raise RefusedError(400, f"format {form[:20]} is not known here: send text or html")
    n_alternatives = _number(fields, "alternatives", 0, limits.beam - 1) or 0
    beam = _number(fields, "beam", 1, limits.beam)
    if beam is not None and n_alternatives >= beam:
        raise RefusedError(400, f"{n_alternatives} alternatives need a beam of {n_alternatives + 1}")
    return Asked(
        texts,
        isinstance(given, list),
        word_of(fields, "source") or "auto",
        word_of(fields, "target"),
        n_alternatives,
        beam,
        word_of(fields, "model"),
        _flag(fields, "details"),
        form == "html",
    )


def text_of(fields: Fields, name: str, most: int) -> str:
    """A field that is a text of at most so many characters.

    Raises:
        RefusedError: It is not.
    """
    value = fields.get(name)
    if not isinstance(value, str):
        raise RefusedError(400, f"{name} is to be a text")
    if len(value) > most:
        raise RefusedError(400, f"{name} may have {most:,} characters, not {len(value):,}")
    return value


def _flag(fields: Fields, name: str) -> bool:
    """A field that is yes or no; no if it is missing."""
    value = fields.get(name)
    if isinstance(value, int | str | None) and (value in _YES or value in _NO):
        return value in _YES
    raise RefusedError(400, f"{name} is to be true or false")


def word_of(fields: Fields, name: str) -> str | None:
    """A short field, or none if it is missing or empty."""
    value = fields.get(name)
    if value is None or value == "":
        return None
    if not isinstance(value, str) or len(value) > 200:
        raise RefusedError(400, f"{name} is to be a short text")
    return value


def _number(fields: Fields, name: str, low: int, high: int) -> int | None:
    """A whole number within bounds, in a form also as text; none if it is missing or empty."""
    value = fields.get(name)
    if value is None or value == "":
        return None
    if isinstance(value, str) and value.isdecimal() and value.isascii() and len(value) < 10:
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise RefusedError(400, f"{name} is to be a whole number from {low} to {high}")
    return value


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
