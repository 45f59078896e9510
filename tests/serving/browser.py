"""A Chromium without a window, spoken to through a pipe in its DevTools protocol: no library is needed."""

import base64
import contextlib
import fcntl
import json
import os
import select
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PATIENCE = 120.0  # seconds; only what would never come is given up

KEYS = {"Enter": 13, "ArrowRight": 39, "ArrowLeft": 37, "Tab": 9}


class Browser:
    """A page in Chromium.

    Attributes:
        errors: What went to the console as an error, or was thrown.
        requested: All addresses that were asked for.
    """

    def __init__(self, read: int, write: int) -> None:
        self._read, self._write = read, write
        self._buffer = b""
        self._number = 0
        self._session: str | None = None
        self.errors: list[str] = []
        self.requested: list[str] = []

    def attach(self) -> None:
        """Open an empty page and listen to all that happens in it."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> Any:
        """Call a method of the protocol; its result."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            got = self._message()
            if got.get("id") == self._number:
                assert "error" not in got, got["error"]
                return got["result"]
            self._note(got)

    def _message(self) -> dict[str, Any]:
        until = time.monotonic() + PATIENCE
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._read], [], [], max(0.0, until - time.monotonic()))
            chunk = os.read(self._read, 1 << 20) if ready else b""
            if not chunk:
                raise AssertionError("Chromium says nothing any more")
            self._buffer += chunk
        message, _, self._buffer = self._buffer.partition(b"\0")
        found: dict[str, Any] = json.loads(message)
        return found

    def _note(self, event: dict[str, Any]) -> None:
        method, parameters = event.get("method"), event.get("params", {})
        if method == "Log.entryAdded" and parameters["entry"]["level"] == "error":
            self.errors.append(f"{parameters['entry']['source']}: {parameters['entry']['text']}")
        elif method == "Runtime.exceptionThrown":
            self.errors.append(json.dumps(parameters["exceptionDetails"]))
        elif method == "Runtime.consoleAPICalled" and parameters["type"] == "error":
            self.errors.append(json.dumps(parameters["args"]))
        elif method == "Network.requestWillBeSent":
            self.requested.append(parameters["request"]["url"])

    def js(self, expression: str) -> Any:
        """The value of an expression in the page, awaited if it is a promise."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait(self, expression: str) -> None:
        """Until an expression is true in the page."""
        until = time.monotonic() + PATIENCE
        while not self.js(f"Boolean({expression})"):
            assert time.monotonic() < until, f"never true: {expression}; {self.js('document.body.innerText')}"
            time.sleep(0.02)

    def open(self, address: str) -> None:
        """Go to an address."""
        self.call("Page.navigate", url=address)
        self.wait(f"location.href.startsWith({json.dumps(address)}) && document.readyState === 'complete'")

    def look(self, *, dark: bool = False, width: int = 1280, height: int = 900) -> None:
        """Set the size of the window and the colours that the user prefers."""
        features = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.call("Emulation.setEmulatedMedia", features=features)
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def picture(self, path: Path) -> None:
        """Write what is seen as PNG."""
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", captureBeyondViewport=True)["data"]))

    def hover(self, selector: str, number: int = 0) -> None:
        """Move the mouse onto the n-th element of a selector."""
        element = f"document.querySelectorAll({json.dumps(selector)})[{number}]"
        self.js(f"{element}.scrollIntoView({{block: 'center'}})")
        box = self.js(
            f"(() => {{const r = {element}.getClientRects()[0]; return [r.x + r.width/2, r.y + r.height/2]}})()"
        )
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=box[0], y=box[1])

    def click(self, selector: str) -> None:
        """Press and release the mouse on an element."""
        self.hover(selector)
        element = f"document.querySelector({json.dumps(selector)})"
        box = self.js(
            f"(() => {{const r = {element}.getClientRects()[0]; return [r.x + r.width/2, r.y + r.height/2]}})()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=box[0], y=box[1], button="left", clickCount=1)

    def type(self, text: str) -> None:
        """Put text where the focus is, as from a keyboard."""
        self.call("Input.insertText", text=text)

    def press(self, key: str, *, control: bool = False, shift: bool = False) -> None:
        """Press and release a key."""
        modifiers = 2 * control + 8 * shift
        for kind in ("keyDown", "keyUp"):
            more: dict[str, Any] = {"text": "\r"} if key == "Enter" and kind == "keyDown" and not control else {}
            self.call(
                "Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=KEYS[key],
                modifiers=modifiers, **more,
            )  # fmt: skip


@contextlib.contextmanager
def chromium(profile: Path) -> Iterator[Browser]:
    """A running Chromium with an empty page."""
    assert CHROMIUM is not None
    theirs_read, ours_write = os.pipe()
    ours_read, theirs_write = os.pipe()
    # out of the way of 3 and 4, which Chromium reads and writes
    high = [fcntl.fcntl(number, fcntl.F_DUPFD, 100) for number in (theirs_read, theirs_write)]
    actions = [(os.POSIX_SPAWN_DUP2, high[0], 3), (os.POSIX_SPAWN_DUP2, high[1], 4)]
    with (profile / "log").open("wb") as log:
        actions += [(os.POSIX_SPAWN_DUP2, log.fileno(), 1), (os.POSIX_SPAWN_DUP2, log.fileno(), 2)]
        flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]
        flags += ["--disable-background-networking", "--disable-component-update", "--disable-extensions"]
        call = [CHROMIUM, *flags, "--remote-debugging-pipe", f"--user-data-dir={profile}", "about:blank"]
        process = os.posix_spawn(CHROMIUM, call, {**os.environ}, file_actions=actions, setpgroup=0)
    for number in (theirs_read, theirs_write, *high):
        os.close(number)
    try:
        browser = Browser(ours_read, ours_write)
        browser.attach()
        yield browser
    finally:
        os.killpg(process, signal.SIGKILL)
        os.waitpid(process, 0)
        os.close(ours_read)
        os.close(ours_write)
