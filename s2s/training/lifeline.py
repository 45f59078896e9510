"""Lifelines: a connection between rank 0 and every other rank, by which each learns at once that the other is gone.

A rank that is killed says nothing, and who waits for it in a collective operation of torch may wait for minutes. But
the kernel closes a dead process's connections, and its probes (TCP keepalive) notice a host that is down. So a thread
on each side reads its lifeline: a line of JSON is a message, its end is a death. No process has to be scheduled to
prove that it lives, so that nothing is mistaken for a death that is only slow.

Messages down: `news` (what rank 0 tells the others), `end` (leave with this code). Up: `signal` (asked to stop),
`failed` (an error, in words).
"""

import contextlib
import hmac
import json
import os
import queue
import socket
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, NoReturn

from s2s.console import say
from s2s.errors import UsageError

LOST_CODE = 71
"""Exit code of a job that lost a rank: sysexits.h calls it an error of the system."""

_JOIN_SECONDS = 300.0  # to wait for the others: they start together, but a slow disk may load torch for minutes
_LAST_SECONDS = 30.0  # for rank 0 to finish the checkpoint that it writes; for its last words after `end`
_GONE = "is gone: killed, out of memory, or its host is down; the same command goes on from the last checkpoint"


@dataclass(frozen=True)
class Member:
    """A rank, and where it runs."""

    number: int
    host: str
    pid: int

    def __str__(self) -> str:
        return f"rank {self.number} (process {self.pid} on {self.host})"


class _Connection:
    """A socket as lines of JSON."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._lines = connection.makefile("rb")
        self._lock = threading.Lock()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        # a host that is down is noticed after 10 + 4 × 5 seconds
        # (and, where something has been sent to it, after as long)
        options = {"TCP_KEEPIDLE": 10, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 4, "TCP_KEEPALIVE": 10}
        for name, value in {**options, "TCP_USER_TIMEOUT": 30_000}.items():
            if hasattr(socket, name):
                connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)

    def timeout(self, seconds: float | None) -> None:
        """Give up reading after so many seconds."""
        self._socket.settimeout(seconds)

    def send(self, kind: str, content: dict[str, Any]) -> None:
        """Send a message; that nobody is there is noticed by reading."""
        line = json.dumps({"kind": kind, **content}).encode() + b"\n"
        with self._lock, contextlib.suppress(OSError):
            self._socket.sendall(line)

    def receive(self) -> dict[str, Any] | None:
        """The next message; none if the other side is gone."""
        try:
            message = json.loads(self._lines.readline())
        except (OSError, ValueError):  # the end is an empty line, which is no JSON
            return None
        return message if isinstance(message, dict) else None

    def close(self) -> None:
        """Hang up."""
        self._lines.close()
        self._socket.close()

    def leave_open(self) -> None:
        """Let the kernel hang up when this process is really gone, and not before."""
        self._socket.detach()


class Center:
    """Rank 0's side.

    Args:
        n_ranks: How many ranks there are, rank 0 included.
        everywhere: Listen on every network of this host, not only to processes of this host.
        token: What proves that somebody belongs to us.
    """

    def __init__(self, n_ranks: int, everywhere: bool, token: str) -> None:
        self._token, self._n_ranks = token, n_ranks
        self._listener = _listen(everywhere)
        self.port: int = self._listener.getsockname()[1]
        self.members: dict[int, Member] = {0: Member(0, socket.gethostname(), os.getpid())}
        self.lost = threading.Event()
        self.lost_code = LOST_CODE
        self.on_signal: Callable[[int, Member], None] | None = None
        self._others: dict[int, _Connection] = {}
        self.writing = threading.Lock()
        """Held while something is written that a loss shall not cut off."""
        self._released = self._ended = False
        self._lock = threading.Lock()

    def wait_for_all(self) -> None:
        """Wait until every rank has called, then watch over them.

        Raises:
            UsageError: If some do not come.
        """
        until = time.monotonic() + _JOIN_SECONDS
        with self._listener:
            while len(self.members) < self._n_ranks:
                self._listener.settimeout(max(0.001, until - time.monotonic()))
                try:
                    connection, _ = self._listener.accept()
                except TimeoutError:
                    raise self._who_is_missing() from None
                self._admit(_Connection(connection))
        members = [asdict(member) for member in self.members.values()]
        for number, other in self._others.items():
            other.send("welcome", {"members": members})
            threading.Thread(target=self._watch, args=(number, other), daemon=True).start()

    def _admit(self, connection: _Connection) -> None:
        connection.timeout(10)
        hello = connection.receive() or {}
        connection.timeout(None)
        if not hmac.compare_digest(str(hello.get("token", "")).encode(), self._token.encode()):
            connection.close()  # not one of us
            return
        member = Member(int(hello["number"]), str(hello["host"]), int(hello["pid"]))
        self.members[member.number], self._others[member.number] = member, connection

    def _who_is_missing(self) -> UsageError:
        missing = ", ".join(str(number) for number in range(self._n_ranks) if number not in self.members)
        return UsageError(
            f"of {self._n_ranks} ranks these did not come within {_JOIN_SECONDS:.0f} s: {missing}",
            hint="is the same command started on every host, and can they reach each other?",
        )

    def _watch(self, number: int, other: _Connection) -> None:
        member = self.members[number]
        while (message := other.receive()) is not None:
            if message["kind"] == "signal" and self.on_signal is not None:
                self.on_signal(int(message["number"]), member)
            if message["kind"] == "failed":
                self._lose(f"{member} failed: {message['text']}", int(message["code"]))
        self._lose(f"{member} {_GONE}", LOST_CODE)

    def _lose(self, what: str, code: int) -> None:
        """Say which rank is lost, and end the job: its collective operations would never return."""
        with self._lock:
            if self._released or self.lost.is_set():
                return
            self.lost_code = code
            self.lost.set()
            say(f"error: {what}")
            self._send("end", {"code": code})
        self.writing.acquire(timeout=_LAST_SECONDS)
        _leave(code)

    def tell(self, content: dict[str, Any]) -> None:
        """Give news to all others."""
        self._send("news", content)

    def _send(self, kind: str, content: dict[str, Any]) -> None:
        for other in self._others.values():
            other.send(kind, content)

    def release(self) -> None:
        """From now on nobody is missed. Once lost, leave with the others."""
        with self._lock:
            self._released |= not self.lost.is_set()
        if not self._released:
            _leave(self.lost_code)

    def end(self, code: int) -> None:
        """Send the others away with an exit code; from now on nobody is missed. Once lost, leave with them."""
        with self._lock:
            if not self.lost.is_set():
                if not self._ended:
                    self._send("end", {"code": code})
                    for other in self._others.values():
                        other.leave_open()
                self._released = self._ended = True
                return
        _leave(self.lost_code)


class Outpost:
    """The side of a rank other than 0.

    Args:
        number: Of this rank.
        address: Host and port of rank 0.
        token: See `Center`.

    Raises:
        OSError: If rank 0 cannot be reached.
    """

    def __init__(self, number: int, address: tuple[str, int], token: str) -> None:
        self.member = Member(number, socket.gethostname(), os.getpid())
        connection = socket.create_connection(address, timeout=_JOIN_SECONDS)
        connection.settimeout(None)
        self._center = _Connection(connection)
        self._center.send("hello", {**asdict(self.member), "token": token})
        welcome = self._center.receive()
        if welcome is None:
            raise ConnectionError("rank 0 hung up")
        self.members = {entry["number"]: Member(**entry) for entry in welcome["members"]}
        self._news: queue.Queue[dict[str, Any]] = queue.Queue()
        self._released = threading.Event()
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        while (message := self._center.receive()) is not None:
            if message["kind"] == "end":
                self._end(int(message["code"]))
            self._news.put(message)
        if not self._released.is_set():
            # one rank of each host says it; who was named before may be gone too, but then its host is
            here = [number for number, member in self.members.items() if number and member.host == self.member.host]
            if self.member.number == min(here):
                print(f"error: {self.members[0]} {_GONE}", file=sys.__stderr__, flush=True)
            _leave(LOST_CODE)

    def _end(self, code: int) -> None:
        self._released.set()
        if code == 0:
            return  # the main thread is waiting for just this
        # leave after rank 0: torchrun sends a signal to who is left when the first leaves, and rank 0 has a last word
        self._center.timeout(_LAST_SECONDS)
        self._center.receive()
        _leave(code)

    def hear(self) -> dict[str, Any]:
        """Wait for news, however long.

        Raises:
            SystemExit: If the job is over.
        """
        message = self._news.get()
        if message["kind"] == "end":
            raise SystemExit(message["code"])
        return message

    def wait_for_end(self, seconds: float | None = None) -> None:
        """Wait until rank 0 ends the job; return only if it does not within so many seconds."""
        until = None if seconds is None else time.monotonic() + seconds
        while until is None or time.monotonic() < until:
            with contextlib.suppress(queue.Empty):
                message = self._news.get(timeout=None if until is None else max(0.001, until - time.monotonic()))
                if message["kind"] == "end":
                    raise SystemExit(message["code"])

    def pass_on(self, number: int) -> None:
        """Tell rank 0 that this rank was asked to stop."""
        self._center.send("signal", {"number": number})

    def report(self, text: str, code: int) -> None:
        """Tell rank 0 that this rank cannot go on."""
        self._center.send("failed", {"text": text, "code": code})


def _listen(everywhere: bool) -> socket.socket:
    """A socket that the other ranks can call, by IPv6 too where there is such a thing."""
    if everywhere and socket.has_dualstack_ipv6():
        with contextlib.suppress(OSError):
            return socket.create_server(("", 0), family=socket.AF_INET6, dualstack_ipv6=True)
    return socket.create_server(("" if everywhere else "127.0.0.1", 0))


def _leave(code: int) -> NoReturn:
    """End the process whatever its other threads are doing: one that waits for a dead rank cannot be woken up."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            stream.flush()
    os._exit(code)
