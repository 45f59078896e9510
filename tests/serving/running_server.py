"""A server in a thread, around the stored model, which translates number words and animals, backwards."""

import contextlib
import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from s2s.decoding.translator import Translator

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")

from s2s.serving.app import Access, Server
from s2s.serving.batcher import Batcher
from s2s.serving.corrections import Corrections
from s2s.serving.limits import Limits
from s2s.serving.models import Models
from s2s.serving.orders import Served
from s2s.serving.protocol import server

GOLDEN = Path(__file__).parent.parent / "golden"
JSON = {"content-type": "application/json"}


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Running:
    """A server that runs."""

    port: int
    batcher: Batcher
    server: Server

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ask(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Answer:
        """One request, on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        with contextlib.closing(connection):
            data = body if isinstance(body, bytes | type(None)) else json.dumps(body).encode()
            connection.request(method, path, data, {**JSON, **(headers or {})})
            response = connection.getresponse()
            return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())

    def translate(self, **fields: Any) -> Answer:
        return self.ask("POST", "/translate", fields)


Start = Callable[..., Running]


@contextlib.contextmanager
def running(
    translators: dict[str, Translator],
    limits: Limits | None = None,
    access: Access | None = None,
    corrections: Path | None = None,
) -> Iterator[Running]:
    limits = limits or Limits()
    batchers = {name: Batcher(one, limits.waiting) for name, one in translators.items()}
    served = [Served(name, batcher) for name, batcher in batchers.items()]
    languages = [code for model in served for code in (*model.sources, *model.targets)]
    kept = Corrections(corrections, languages, limits.corrections_bytes) if corrections else None
    state = Server(Models(served, limits), limits, access or Access(), kept)
    listener = socket.create_server(("127.0.0.1", 0))
    http_server = server(state.application(), limits, drain_seconds=1)
    thread = threading.Thread(target=http_server.run, kwargs={"sockets": [listener]})
    thread.start()
    while not http_server.started:
        time.sleep(0.005)
    try:
        yield Running(listener.getsockname()[1], served[0].batcher, state)
    finally:
        http_server.should_exit = True
        thread.join()
        for batcher in batchers.values():
            batcher.close()
