"""The description of the server for programs: OpenAPI 3.1."""

from typing import Any

from s2s.serving.limits import Limits
from s2s.version import __version__

_ERROR = {"type": "object", "required": ["error"], "properties": {"error": {"type": "string"}}}
_MEANINGS = {
    400: "A field is missing, of the wrong kind or beyond the limits, or no model translates that.",
    403: "The token is missing or wrong, or it is a page of another site, or a wrong name of the host.",
    404: "Corrections are not taken.",
    408: "The request did not come in time.",
    413: "The body is too long.",
    415: "The body is neither JSON nor a form.",
    503: "There is too much to do: try again after the seconds in Retry-After.",
    500: "Something went wrong in the server.",
    507: "The file of corrections is full or cannot be written.",
}


def description(limits: Limits) -> dict[str, Any]:
    """All paths with what they take and give."""
    text = {"type": "string", "maxLength": limits.characters}
    language = {"type": "string", "maxLength": 200}
    translate = {
        "q": {"oneOf": [text, {"type": "array", "items": text, "maxItems": limits.texts}]},
        "source": {**language, "default": "auto", "description": "A language code; auto is the model's language."},
        "target": {**language, "description": "A language code; left out: the model's first."},
        "format": {"enum": ["text", "html"], "default": "text"},
        "alternatives": {"type": "integer", "minimum": 0, "maximum": limits.beam - 1, "default": 0},
        "api_key": {"type": "string", "description": "The token, if one is needed."},
        "model": {**language, "description": "Name of a model, as /models has it."},
        "beam": {"type": "integer", "minimum": 1, "maximum": limits.beam},
        "details": {"type": "boolean", "default": False, "description": "Words, alignment, confidence, scores."},
    }
    word_pair = {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "integer"}]}
    sentence = {
        "before": {"type": "string", "description": "White space before it."},
        "source": {"type": "string"},
        "translation": {"type": "string"},
        "source_words": {"type": "array", "items": {"type": "string"}},
        "words": {"type": "array", "items": {"type": "string"}},
        "confidence": {
            "type": ["array", "null"],
            "items": {"type": "number", "minimum": 0, "maximum": 1},
            "description": "Of each word: geometric mean of the probabilities of its pieces.",
        },
        "alignment": {"type": "array", "items": word_pair, "description": "Source word, word, both from 0."},
        "candidates": {
            "type": "array",
            "items": _object({"text": {"type": "string"}, "score": {"type": "number"}}),
            "description": "Best first; scores are log-probability / length ^ α.",
        },
        "cut": {"type": "boolean", "description": "Ended by the length limit."},
        "in_parts": {"type": "boolean", "description": "Longer than any sentence in training."},
    }
    one_or_all = {"description": "One for a text, a list for a list of texts."}
    answer = {
        "translatedText": one_or_all,
        "alternatives": one_or_all,
        "detectedLanguage": one_or_all,
        "model": {"type": "string"},
        "details": {**one_or_all, "items": _object(sentence)},
        "milliseconds": {"type": "number"},
    }
    anything = {"type": "string"}
    correction = {
        "source": anything,
        "correction": anything,
        "language": {**language, "description": "Language code of the correction."},
        "machine": {**anything, "description": "What the model said."},
        "model": {**language, "description": "Its name."},
        "source_language": {**language, "description": "Of source; needed if the model knows several."},
    }
    found = {"type": "array", "items": _object({"language": language, "confidence": {"type": "number"}})}
    known = {"code": language, "name": language, "targets": {"type": "array", "items": language}}
    paths = {
        "/translate": _post("Translate texts", translate, ["q"], _object(answer), (400, 403, 408, 413, 415, 503)),
        "/detect": _post("Languages that can be translated; none is detected", {"q": text}, ["q"], found),
        "/corrections": _post(
            "Keep a correction",
            correction,
            [name for name in correction if name != "source_language"],
            _object({"kept": {"type": "boolean"}}),
            (400, 403, 404, 408, 413, 415, 507),
        ),
        "/languages": _get("What can be translated into what", {"type": "array", "items": _object(known)}),
        "/models": _get("The models, and limits", {"type": "object"}),
        "/health": _get("Whether the server is there", _object({"status": {"const": "ok"}})),
        "/metrics": _get("What has happened so far, for Prometheus", {"type": "string"}, "text/plain"),
        "/openapi.json": _get("This description", {"type": "object"}),
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "s2s", "version": __version__, "description": "Machine translation."},
        "paths": paths,
        "components": {"securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
        "security": [{}, {"token": []}],
    }


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def _answers(schema: dict[str, Any], codes: tuple[int, ...], kind: str) -> dict[str, Any]:
    answers: dict[str, Any] = {"200": {"description": "Done.", "content": {kind: {"schema": schema}}}}
    for code in (*codes, 500):
        answers[str(code)] = {"description": _MEANINGS[code], "content": {"application/json": {"schema": _ERROR}}}
    return answers


def _get(summary: str, schema: dict[str, Any], kind: str = "application/json") -> dict[str, Any]:
    return {"get": {"summary": summary, "responses": _answers(schema, (403,), kind)}}


def _post(
    summary: str,
    properties: dict[str, Any],
    required: list[str],
    schema: dict[str, Any],
    codes: tuple[int, ...] = (400, 403, 408, 413, 415),
) -> dict[str, Any]:
    body = {**_object(properties), "required": required}
    kinds = ("application/json", "application/x-www-form-urlencoded", "multipart/form-data")
    content = {kind: {"schema": body} for kind in kinds}
    responses = _answers(schema, codes, "application/json")
    return {"post": {"summary": summary, "requestBody": {"required": True, "content": content}, "responses": responses}}
