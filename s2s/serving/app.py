"""The routes: LibreTranslate's, health, metrics, a description, and the page."""

import asyncio
import hmac
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from s2s.console import say
from s2s.decoding.translation import Translation
from s2s.serving.corrections import Corrections
from s2s.serving.counters import Counters
from s2s.serving.limits import Limits, RefusedError, too_busy
from s2s.serving.models import Models
from s2s.serving.openapi import description
from s2s.serving.orders import Served, TextOrder
from s2s.serving.pages import HtmlOrder
from s2s.serving.wire import asked, read_fields, text_of, word_of

_PAGE = {
    "/": ("page.html", "text/html"),
    "/page.css": ("page.css", "text/css"),
    "/page.js": ("page.js", "text/javascript"),
}
_HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}

Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True)
class Access:
    """Who may ask.

    Attributes:
        token: Which clients have to know, if there is one.
        hosts: Names by which the server may be called; none for any. A page of another site that has had its name
            pointed at this machine would call it by its own.
    """

    token: str | None = None
    hosts: frozenset[str] | None = None

    def check(self, request: Request) -> None:
        """Refuse what comes by a wrong name, or from a page of another site.

        Raises:
            RefusedError: It does.
        """
        given = request.headers.get("host", "")
        if self.hosts is not None and _name(given) not in self.hosts:
            raise RefusedError(403, "the server is not called by its name")
        origin = request.headers.get("origin")
        is_other = origin is not None and origin.partition("://")[2] != given
        if request.method != "GET" and is_other and self.token is None:  # a browser does not add the token by itself
            raise RefusedError(403, "pages of other sites may not ask here")

    def check_token(self, request: Request, in_body: object = None) -> None:
        """Refuse who does not know the token.

        Raises:
            RefusedError: It is missing or wrong.
        """
        if self.token is None:
            return
        scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
        given = bearer if scheme.lower() == "bearer" else in_body
        if not isinstance(given, str) or not hmac.compare_digest(given.encode("utf-8", "replace"), self.token.encode()):
            # LibreTranslate's clients know this status
            raise RefusedError(403, "a token is needed: Authorization: Bearer TOKEN, or the field api_key")


@dataclass
class Server:
    """What the routes share.

    Attributes:
        models: Which translate.
        limits: Of requests.
        access: Who may ask.
        corrections: Where corrections go; none if they are not taken.
        counters: What has happened so far.
    """

    models: Models
    limits: Limits
    access: Access
    corrections: Corrections | None = None
    counters: Counters = field(default_factory=Counters)

    def application(self) -> Starlette:
        """The server as an ASGI application."""
        posts = {"/translate": self.translate, "/detect": self.detect, "/corrections": self.correct}
        gets = {
            "/languages": self.languages,
            "/models": self.about,
            "/health": self.health,
            "/metrics": self.metrics,
            "/openapi.json": self.openapi,
            **dict.fromkeys(_PAGE, self.page),
        }
        routes = [Route(path, self._guarded(path, handler), methods=["POST"]) for path, handler in posts.items()]
        routes += [Route(path, self._guarded(path, handler), methods=["GET"]) for path, handler in gets.items()]
        if self.access.token is not None:
            routes += [Route(path, self._guarded(path, _preflight), methods=["OPTIONS"]) for path in [*posts, *gets]]
        application = Starlette(routes=routes, exception_handlers={404: _not_found, 405: _not_found})
        application.router.redirect_slashes = False
        return application

    def _guarded(self, path: str, handler: Handler) -> Handler:
        """A handler whose refusals are answered in words, and whose every answer is counted."""

        async def guarded(request: Request) -> Response:
            begun = time.perf_counter()
            try:
                self.access.check(request)
                response = await handler(request)
            except RefusedError as error:
                response = _refusal(error)
            except ClientDisconnect:
                response = Response(status_code=499)  # nobody reads it
            except Exception as error:
                say(f"{path}: this is a bug in s2s: {type(error).__name__}")
                response = JSONResponse({"error": "something went wrong in the server"}, 500)
            response.headers.update({**_HEADERS, **response.headers})
            if self.access.token is not None:
                response.headers["access-control-allow-origin"] = "*"
            self.counters.answered(path, response.status_code, time.perf_counter() - begun)
            return response

        return guarded

    async def translate(self, request: Request) -> Response:
        """Translate texts."""
        fields = await read_fields(request, self.limits)
        self.access.check_token(request, fields.get("api_key"))
        wanted = asked(fields, self.limits)
        begun = time.perf_counter()
        order = self.models.order(wanted)
        # each kind of order makes its answer of what itself has found
        answer = order.answer(await self._found(request, order))  # type: ignore[arg-type]
        if wanted.details:
            answer["milliseconds"] = round(1000 * (time.perf_counter() - begun), 1)
        return JSONResponse(answer)

    async def _found(self, request: Request, order: TextOrder | HtmlOrder) -> list[Translation] | list[str]:
        """Wait for an order as long as the client does, and not too long."""
        done: asyncio.Future[Any] = asyncio.wrap_future(order.done)
        gone: asyncio.Future[Any] = asyncio.ensure_future(_until_gone(request))
        try:
            both: list[asyncio.Future[Any]] = [done, gone]
            await asyncio.wait(both, timeout=self.limits.seconds, return_when=asyncio.FIRST_COMPLETED)
            if done.done():
                found: list[Translation] | list[str] = done.result()
                return found
            if gone.done():
                raise ClientDisconnect
            raise too_busy(f"this was not translated within {self.limits.seconds:g} seconds: send less, or later")
        finally:
            order.abandon()
            gone.cancel()
            done.cancel()

    async def detect(self, request: Request) -> Response:
        """LibreTranslate's question for a text's language, which is not found out: those that can be translated."""
        fields = await read_fields(request, self.limits)
        self.access.check_token(request, fields.get("api_key"))
        text_of(fields, "q", self.limits.characters)
        return JSONResponse([{"language": code, "confidence": 0.0} for code in self.models.sources()])

    async def correct(self, request: Request) -> Response:
        """Keep a correction."""
        fields = await read_fields(request, self.limits)
        self.access.check_token(request, fields.get("api_key"))
        if self.corrections is None:
            raise RefusedError(404, "this server takes no corrections")
        names = ("source", "correction", "machine", "language", "model")
        source, correction, machine, language, name = (text_of(fields, one, self.limits.body_bytes) for one in names)
        if not source.strip() or not correction.strip():
            raise RefusedError(400, "source and correction are to have text")
        model = self.models.named(name)
        if language not in model.targets:
            raise RefusedError(400, f"{model.name} does not translate into that language")
        languages = _source_of(model, word_of(fields, "source_language"), language), language
        await asyncio.to_thread(self.corrections.add, source, correction, machine, languages, name)
        return JSONResponse({"kept": True})

    async def languages(self, _request: Request) -> Response:
        """What can be translated into what, in the form of LibreTranslate."""
        return JSONResponse(self.models.languages())

    async def about(self, _request: Request) -> Response:
        """What the page has to know."""
        limits = {"beam": self.limits.beam, "characters": self.limits.characters}
        answer: dict[str, Any] = {"models": [model.facts() for model in self.models.models], "limits": limits}
        answer["token"] = self.access.token is not None
        answer["corrections"] = self.corrections is not None
        return JSONResponse(answer)

    async def health(self, _request: Request) -> Response:
        """Whether the server is there, and can translate."""
        if not all(model.batcher.is_alive for model in self.models.models):
            raise RefusedError(500, "a thread that translates has ended: start the server again")
        return JSONResponse({"status": "ok"})

    async def metrics(self, request: Request) -> Response:
        """What has happened so far, in the form of Prometheus."""
        self.access.check_token(request)
        return PlainTextResponse(self.counters.text(self.models.models), media_type="text/plain; version=0.0.4")

    async def openapi(self, _request: Request) -> Response:
        """A description of all this."""
        return JSONResponse(description(self.limits))

    async def page(self, request: Request) -> Response:
        """The page and its parts."""
        name, kind = _PAGE[request.url.path]
        content = resources.files("s2s.serving").joinpath("static", name).read_bytes()
        return Response(content, media_type=kind)


def _source_of(model: Served, said: str | None, target: str) -> str:
    """The language of what was translated: the model's, or which of its several was said.

    Raises:
        RefusedError: It was not said and there are several, the model does not know it, or it is the target's.
    """
    possible = [source for source in model.sources if source != target]
    if said is None and len(possible) == 1:
        return possible[0]
    if said in possible:
        return said
    if not possible:
        raise RefusedError(400, f"{model.name} translates from {target} too: the two sides cannot be told apart")
    wrong = "is to be said" if said is None else "is not one"
    raise RefusedError(
        400, f"source_language {wrong}: {model.name} translates into {target} from {', '.join(possible)}"
    )


async def _until_gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _refusal(error: RefusedError) -> Response:
    headers = {}
    if error.retry_after is not None:
        headers["retry-after"] = str(error.retry_after)
    if error.close:
        headers["connection"] = "close"
    what = error.what.encode("utf-8", "replace").decode()  # it may repeat what is no text
    return JSONResponse({"error": what}, error.status, headers)


async def _preflight(_request: Request) -> Response:
    """A browser asks whether a page of another site may: with the token it may."""
    methods, fields = "GET, POST", "authorization, content-type"
    headers = {"access-control-allow-methods": methods, "access-control-allow-headers": fields}
    return Response(status_code=204, headers=headers)


async def _not_found(request: Request, error: Exception) -> Response:
    status = getattr(error, "status_code", 404)
    what = "there is nothing of this name" if status == 404 else f"{request.method} is not what this takes"
    headers = {**_HEADERS, **(getattr(error, "headers", None) or {}), "connection": "close"}
    return JSONResponse({"error": f"{what}; /openapi.json says what there is"}, status, headers)


def _name(host: str) -> str:
    """A host without its port, in lower case."""
    host = host.strip().lower()
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0]
