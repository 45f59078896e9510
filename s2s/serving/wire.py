"""What comes over the wire: bodies read within limits, fields checked, what is wrong said in words."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request

from s2s.serving.limits import Limits, RefusedError

Fields = dict[str, Any]
_FORM = "application/x-www-form-urlencoded"


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
    """

    texts: list[str]
    is_list: bool
    source: str
    target: str | None
    n_alternatives: int
    beam: int | None
    model: str | None
    details: bool


async def read_fields(request: Request, limits: Limits) -> Fields:
    """The fields of a request's body, which is a JSON object or a form in URL encoding.

    Raises:
        RefusedError: It is too long, comes too slowly, or is neither.
        ClientDisconnect: The client has gone.
    """
    body = await _read_body(request, limits)
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind == _FORM:
        try:
            pairs = parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=1000, errors="replace")
        except ValueError as error:
            raise RefusedError(400, f"the form cannot be read: {error}") from None
        fields: Fields = {}
        for key, value in pairs:
            fields[key] = [*_listed(fields[key]), value] if key in fields else value
        return fields
    if kind not in ("", "application/json", "text/json"):
        raise RefusedError(415, f"send application/json or {_FORM}, not {kind[:100]}")
    try:
        content = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise RefusedError(400, f"the body is not JSON: {str(error)[:200]}") from None
    if not isinstance(content, dict):
        raise RefusedError(400, "the body is to be a JSON object")
    return content


async def _read_body(request: Request, limits: Limits) -> bytes:
    too_long = RefusedError(413, f"a request may have {limits.body_bytes:,} bytes", close=True)
    declared = request.headers.get("content-length", "0")
    if declared.isdecimal() and int(declared[:20]) > limits.body_bytes:
        raise too_long
    body = bytearray()
    try:
        async with asyncio.timeout(limits.reading_seconds):
            async for chunk in request.stream():
                body += chunk
                if len(body) > limits.body_bytes:
                    raise too_long
    except TimeoutError:
        raise RefusedError(
            408, f"the request did not come within {limits.reading_seconds:g} seconds", close=True
        ) from None
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
    form = _word(fields, "format") or "text"
    if form != "text":
        raise RefusedError(400, f"format {form[:20]} is not known here: send text")
    n_alternatives = _number(fields, "alternatives", 0, limits.beam - 1) or 0
    beam = _number(fields, "beam", 1, limits.beam)
    if beam is not None and n_alternatives >= beam:
        raise RefusedError(400, f"{n_alternatives} alternatives need a beam of {n_alternatives + 1}")
    return Asked(
        texts,
        isinstance(given, list),
        _word(fields, "source") or "auto",
        _word(fields, "target"),
        n_alternatives,
        beam,
        _word(fields, "model"),
        fields.get("details") in (True, "true", "1"),
    )


def text_of(fields: Fields, name: str, limits: Limits) -> str:
    """A field that is a text within the limits.

    Raises:
        RefusedError: It is not.
    """
    value = fields.get(name)
    if not isinstance(value, str):
        raise RefusedError(400, f"{name} is to be a text")
    if len(value) > limits.characters:
        raise RefusedError(400, f"{name} may have {limits.characters:,} characters, not {len(value):,}")
    return value


def _word(fields: Fields, name: str) -> str | None:
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
