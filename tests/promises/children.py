"""Processes that run a command of s2s, or a function, and can be killed and disturbed from outside.

A server process imports everything once and forks for each child, which therefore starts within milliseconds. It has
`faults.c` preloaded, which does nothing until a child arms it.
"""

import contextlib
import ctypes
import errno
import multiprocessing
import multiprocessing.connection
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
NOTE, KILL, FAIL_ONCE, FAIL_FROM = range(4)
PRELOADED = [
    "s2s.cli",
    "s2s.jobs.train",
    "s2s.jobs.translate",
    "s2s.jobs.score",
    "s2s.config.schema",
    "s2s.config.mistakes",
]
PRELOADED += ["torch._dynamo", "sentencepiece", "sacrebleu", "safetensors.torch", "small_corpus", "children"]


# starting a process asks all others how they ended, and the answer can be read once only
_ONE_AT_A_TIME = threading.Lock()


@dataclass(frozen=True)
class Fault:
    """What is to go wrong in a child.

    Attributes:
        root: Only calls on paths below this folder count.
        kind: NOTE, KILL, FAIL_ONCE or FAIL_FROM.
        at: The number of the call.
        error: With FAIL, the system's error number.
        log: File to note the calls in.
    """

    root: Path
    kind: int = NOTE
    at: int = -1
    error: int = errno.ENOSPC
    log: Path | None = None


@dataclass(frozen=True)
class Done:
    """How a child ended; a negative code is the signal that killed it."""

    code: int
    stdout: bytes
    stderr: str


class Child:
    """A running child."""

    def __init__(self, server: "Server", function: Callable[..., Any], arguments: tuple[Any, ...], **how: Any) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self.process = server.context.Process(
            target=_live, args=(function, arguments, Path(self._folder.name), server.faults), kwargs=how
        )
        with _ONE_AT_A_TIME:
            self.process.start()
        assert self.process.pid is not None
        self.pid = self.process.pid

    def send(self, number: int) -> None:
        """Send a signal, if it is still there."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def wait(self) -> Done:
        """Wait for its end."""
        multiprocessing.connection.wait([self.process.sentinel])
        with _ONE_AT_A_TIME:
            self.process.join()
        folder = Path(self._folder.name)
        out, err = (folder / name for name in ("out", "err"))
        code = self.process.exitcode
        assert code is not None
        done = Done(code, *(path.read_bytes() if path.exists() else b"" for path in (out,)), _text(err))
        self._folder.cleanup()
        self.process.close()
        return done


def _text(path: Path) -> str:
    return path.read_text("utf-8", "replace") if path.exists() else ""


class Server:
    """Starts children.

    Args:
        folder: For the compiled faults.
    """

    def __init__(self, folder: Path) -> None:
        self.context: ForkServerContext = multiprocessing.get_context("forkserver")
        self.context.set_forkserver_preload(PRELOADED)
        self.faults = _compile(folder / "faults.so")
        before = dict(os.environ)
        os.environ |= {
            "OMP_NUM_THREADS": "1",
            "PYTHONPATH": os.pathsep.join(map(str, (ROOT, HERE.parent, HERE))),
            "LD_PRELOAD": str(self.faults or ""),
        }
        try:
            self.call(_nothing)
        finally:
            os.environ.clear()
            os.environ.update(before)

    def start(self, *command: object, cwd: Path, **how: Any) -> Child:
        """Start `s2s COMMAND` in a folder. `how`: see `_live`."""
        return Child(self, _command, (list(map(str, command)), cwd), **how)

    def s2s(self, *command: object, cwd: Path, **how: Any) -> Done:
        """Run `s2s COMMAND` to its end."""
        return self.start(*command, cwd=cwd, **how).wait()

    def call(self, function: Callable[..., Any], *arguments: Any, **how: Any) -> Done:
        """Run a function of a test module to its end; what it prints is the result."""
        return Child(self, function, arguments, **how).wait()


def _compile(library: Path) -> Path | None:
    """Compile `faults.c`; None where that is not possible."""
    if sys.platform != "linux":
        return None
    command = ["cc", "-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o", library, HERE / "faults.c", "-ldl"]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except FileNotFoundError:
        return None
    return library


def _nothing() -> None:
    pass


def _command(arguments: list[str], cwd: Path) -> None:
    from s2s.cli import main

    os.chdir(cwd)
    sys.argv = ["s2s", *arguments]
    main()


def _live(
    function: Callable[..., Any],
    arguments: tuple[Any, ...],
    folder: Path,
    library: Path | None,
    *,
    stdin: bytes = b"",
    environment: dict[str, str] | None = None,
    fault: Fault | None = None,
    setup: tuple[Callable[..., None], tuple[Any, ...]] | None = None,
    clock_jumps: bool = False,
    network_log: Path | None = None,
) -> None:
    """The life of a child: its streams, its faults, its function."""
    (folder / "in").write_bytes(stdin)
    for number, name, flags in ((0, "in", os.O_RDONLY), (1, "out", os.O_WRONLY), (2, "err", os.O_WRONLY)):
        os.dup2(os.open(folder / name, flags | os.O_CREAT | os.O_APPEND), number)
    sys.stdin, sys.stdout = os.fdopen(0, "r", encoding="utf-8"), os.fdopen(1, "w", encoding="utf-8")
    sys.stderr = os.fdopen(2, "w", 1, encoding="utf-8", errors="backslashreplace")
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ |= environment or {}
    if setup is not None:
        setup[0](*setup[1])
    if fault is not None or clock_jumps or network_log is not None:
        faults = ctypes.CDLL(str(library))
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        if fault is not None:
            log = os.open(fault.log, flags) if fault.log else -1
            root = os.fsencode(fault.root.resolve())
            faults.faults_arm(root, fault.kind, ctypes.c_long(fault.at), fault.error, log)
        if clock_jumps:
            faults.faults_jump()
        if network_log is not None:
            faults.faults_watch_network(os.open(network_log, flags))
    try:
        function(*arguments)
    finally:
        sys.stdout.flush()
