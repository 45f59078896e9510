"""Connections: not too many, and none that takes its time to say what it wants."""

import asyncio
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from s2s.serving.limits import Limits

_FULL_BODY = b'{"error": "too many connections are open"}'
_FULL = (
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\nretry-after: 1\r\nconnection: close\r\n"
    b"content-length: %d\r\n\r\n%s" % (len(_FULL_BODY), _FULL_BODY)
)


def patient_protocol(limits: Limits) -> type[asyncio.Protocol]:
    """HTTP/1.1 with these limits of connections."""

    class Patient(H11Protocol):
        """Ends a connection on which no whole head of a request comes in time, or an answer is not taken."""

        _until_request: asyncio.TimerHandle | None = None
        _until_taken: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            if len(self.connections) >= limits.connections:
                transport.write(_FULL)
                transport.close()
                self.transport = transport
                return
            super().connection_made(transport)
            self._until_request = self._abort_later()

        def data_received(self, data: bytes) -> None:
            if self.flow is None:  # refused above
                return
            super().data_received(data)
            if self.cycle is not None and not self.cycle.response_complete:
                _cancel(self._until_request)

        def pause_writing(self) -> None:
            super().pause_writing()
            _cancel(self._until_taken)
            self._until_taken = self._abort_later()

        def resume_writing(self) -> None:
            super().resume_writing()
            _cancel(self._until_taken)

        def on_response_complete(self) -> None:
            super().on_response_complete()
            if self.cycle.response_complete:  # else the next request had come already, and is answered now
                _cancel(self._until_request)
                self._until_request = self._abort_later()

        def connection_lost(self, exc: Exception | None) -> None:
            _cancel(self._until_request)
            _cancel(self._until_taken)
            if self.flow is not None:
                super().connection_lost(exc)

        def _abort_later(self) -> asyncio.TimerHandle:
            # closing would wait until the client has taken what is left
            return self.loop.call_later(limits.reading_seconds, self.transport.abort)

    return Patient


def _cancel(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()


def server(application: Any, limits: Limits, *, drain_seconds: int = 5) -> uvicorn.Server:
    """An HTTP server for an ASGI application.

    Args:
        application: Which answers.
        limits: Of connections.
        drain_seconds: When it is to stop, what was begun has so long.
    """
    config = uvicorn.Config(
        application,
        http=patient_protocol(limits),
        ws="none",
        lifespan="off",
        log_level="critical",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=drain_seconds,
        h11_max_incomplete_event_size=16 * 1024,
    )
    return uvicorn.Server(config)
