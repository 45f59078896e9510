"""What a client may ask for, and what it is told when it asks for more."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Bounds of everything that a request can make grow.

    Attributes:
        body_bytes: Of a request's body.
        texts: Texts of a request.
        characters: Of a text.
        sentences: Of a request.
        beam: Hypotheses kept, and so the most alternatives.
        waiting: Requests that have not been begun.
        seconds: From a request's arrival to its answer.
        reading_seconds: For a client to send a request.
        connections: Open at the same time.
        corrections_bytes: Of the file of corrections.
    """

    body_bytes: int = 256 * 1024
    texts: int = 64
    characters: int = 5_000
    sentences: int = 2_000
    beam: int = 8
    waiting: int = 256
    seconds: float = 30.0
    reading_seconds: float = 10.0
    connections: int = 512
    corrections_bytes: int = 64 * 1024 * 1024


class RefusedError(Exception):
    """A request that is not answered as it wishes.

    Args:
        status: Of HTTP.
        what: What is wrong, for the client's user.
        retry_after: Seconds after which it may be tried again, if so.
        close: Whether the connection ends, as the rest of the request is not read.
    """

    def __init__(self, status: int, what: str, *, retry_after: int | None = None, close: bool = False) -> None:
        super().__init__(what)
        self.status, self.what, self.retry_after, self.close = status, what, retry_after, close


def too_busy(what: str) -> RefusedError:
    """The server has more to do than it can: 503, to be tried again."""
    return RefusedError(503, what, retry_after=1)
