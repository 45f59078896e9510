"""`s2s serve`: models behind HTTP, and a page to try them."""

import contextlib
import ipaddress
import os
import re
import socket
from collections.abc import Sequence
from pathlib import Path

from s2s.console import say
from s2s.decoding.translator import Translator
from s2s.errors import CannotCreateError, UsageError
from s2s.jobs.translate import say_that_pytorch_translates

HERE = "127.0.0.1"
_HERE_NAMES = frozenset({"127.0.0.1", "localhost", "[::1]"})


def serve(
    runs: Sequence[Path],
    *,
    host: str = HERE,
    port: int = 8000,
    token: str | None = None,
    corrections: Path | None = None,
    device: str = "auto",
    int8: bool = False,
    seconds: float = 30.0,
    waiting: int = 256,
) -> None:
    """Answer requests until a signal comes.

    Args:
        runs: Models; the first is the default.
        host: Address to listen at; another than this machine's own needs a token.
        port: Of TCP; 0 for any that is free, which is then said.
        token: Which clients have to know.
        corrections: TSV file to which corrections are appended; none if they are not taken.
        device: Where the models run.
        int8: Whether linear maps are in 8 bits.
        seconds: A request is given up after so many.
        waiting: Requests that may wait for each model.

    Raises:
        UsageError: Others could use the models without a token, or Starlette or Uvicorn is not installed.
        DataError: The file of corrections is another.
        CannotCreateError: The port cannot be had.
    """
    try:
        from s2s.serving.app import Access, Server
        from s2s.serving.batcher import Batcher
        from s2s.serving.corrections import Corrections
        from s2s.serving.limits import Limits
        from s2s.serving.models import Models
        from s2s.serving.orders import Served
        from s2s.serving.protocol import server
    except ModuleNotFoundError as error:
        raise UsageError(
            f"{error.name} is needed and is not installed", hint="In the folder of s2s: pip install '.[serve]'"
        ) from None
    token = token or None
    if token is not None and not re.fullmatch("[!-~]+", token):
        raise UsageError("the token is to have letters, digits and signs of ASCII, without spaces")
    is_local = _is_local(host)
    if not is_local and not token:
        raise UsageError(
            f"at {host} others can use the model, and no token is set",
            hint="give --token or S2S_TOKEN, which clients then have to know, or leave out --host",
        )
    limits = Limits(seconds=seconds, waiting=waiting)
    if corrections is not None and not corrections.absolute().parent.is_dir():
        raise CannotCreateError("there is no such folder", where=str(corrections.absolute().parent))
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(_listen(host, port))
        served = []
        for name, run in zip(_names(runs), runs, strict=True):
            translator = Translator.load(run, device, int8=int8)
            translator.translate(["a"], to=next(iter(translator.bundle.targets), None))  # what is slow once is done now
            batcher = Batcher(translator, limits.waiting)
            stack.callback(batcher.close)
            served.append(Served(name, batcher))
        access = Access(token, _HERE_NAMES | {host.lower()} if is_local and not token else None)
        languages = [code for model in served for code in (*model.sources, *model.targets)]
        kept = Corrections(corrections, languages, limits.corrections_bytes) if corrections else None
        application = Server(Models(served, limits), limits, access, kept).application()
        address = f"http://{f'[{host}]' if ':' in host else host}:{listener.getsockname()[1]}"
        for model in served:
            say(f"{model.name}: {model.translator.bundle.source} → {', '.join(model.targets)}")
        if any(model.translator.by_pytorch for model in served):
            say_that_pytorch_translates()
        if kept:
            say(f"corrections: {kept.path}")
        say(f"page and API: {address}  (Ctrl-C ends it)")
        server(application, limits).run(sockets=[listener])


def _names(runs: Sequence[Path]) -> list[str]:
    """A name for each model: that of its folder, with a number where two have the same."""
    names: list[str] = []
    for run in runs:
        plain = str(run) if str(run).startswith("hf:") else run.resolve().name
        name, number = plain, 2
        while name in names:
            name, number = f"{plain}-{number}", number + 1
        names.append(name)
    return names


def _is_local(host: str) -> bool:
    """Whether only this machine's own programs reach an address."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _listen(host: str, port: int) -> socket.socket:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        # with the protocol named, asyncio sends at once what is written; else answers wait 40 ms for the client's word
        listener = socket.socket(found[0], socket.SOCK_STREAM, found[2])
    except OSError as error:
        raise UsageError(f"{host} is no address of this machine: {error.strerror}") from None
    try:
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(found[4])
        listener.listen(512)
    except OSError as error:
        listener.close()
        raise CannotCreateError(
            error.strerror or str(error),
            where=f"{host}:{port}",
            hint="another program may be there: give another --port",
        ) from None
    return listener
