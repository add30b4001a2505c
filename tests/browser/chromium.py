"""One page in a headless Chromium, by its DevTools protocol over two pipes: nothing to install but the browser itself.

The protocol: chromedevtools.github.io/devtools-protocol. Messages are JSON, each ends with a zero byte.
"""

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PATIENCE = 60.0  # ours: seconds for one answer; a browser may start on a busy machine
FLAGS = (
    "--headless=new",
    "--remote-debugging-pipe",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)
# The browser expects its two pipes at 3 and 4.
LAUNCH = "import os, sys; [os.dup2(int(sys.argv[n]), n + 2) for n in (1, 2)]; os.execv(sys.argv[3], sys.argv[3:])"


def executable() -> str | None:
    """Finds the program that CHROMIUM names, or the first of NAMES on the path."""
    variable = os.environ.get("CHROMIUM")
    paths = map(shutil.which, (variable,) if variable else NAMES)
    return next((path for path in paths if path), None)


class Page:
    """A page in the browser. events: what it said and asked for, in order, as the protocol names it."""

    def __init__(self, to: int, back: int) -> None:
        self.events: list[dict[str, Any]] = []
        self._to, self._back, self._buffer, self._requests = to, back, b"", 0
        self._session: str | None = None
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(f"{domain}.enable")

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._requests += 1
        session = {} if self._session is None else {"sessionId": self._session}
        message = {"id": self._requests, "method": method, "params": parameters, **session}
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while (answer := self._next()).get("id") != self._requests:
            self.events.append(answer)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        result: dict[str, Any] = answer["result"]
        return result

    def open(self, url: str, width: int = 1280, height: int = 900) -> None:
        """Returns when the page has loaded."""
        self.resize(width, height)
        self.ask("Page.navigate", url=url)
        while not any(event["method"] == "Page.loadEventFired" for event in self.events):
            self.events.append(self._next())

    def resize(self, width: int, height: int = 900) -> None:
        self.ask(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )

    def emulate(self, media: str = "screen", scheme: str = "light") -> None:
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.ask("Emulation.setEmulatedMedia", media=media, features=features)

    def evaluate(self, expression: str) -> Any:
        answer = self.ask("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(f"{expression}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def press(self, key: str) -> None:
        codes = {"Tab": 9, "Enter": 13, "Escape": 27}
        text = {"text": "\r"} if key == "Enter" else {}
        for kind in ("keyDown", "keyUp"):
            self.ask("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=codes[key], **text)

    def point(self, x: float, y: float) -> None:
        self.ask("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def picture(self, path: Path, whole: bool = False) -> None:
        answer = self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(answer["data"]))

    def complaints(self) -> list[str]:
        """Lists errors and warnings of the console, exceptions, and requests that failed."""
        complaints = []
        for event in self.events:
            method, message = event["method"], event["params"]
            if method == "Runtime.exceptionThrown":
                complaints.append(json.dumps(message["exceptionDetails"]))
            elif method == "Log.entryAdded" and message["entry"]["level"] in ("error", "warning"):
                complaints.append(message["entry"]["text"])
            elif method == "Runtime.consoleAPICalled" and message["type"] in ("error", "warning", "assert"):
                complaints.append(json.dumps(message["args"]))
            elif method == "Network.loadingFailed":
                complaints.append(f"failed: {message['errorText']}")
        return complaints

    def requests(self) -> list[str]:
        request_events = [event["params"] for event in self.events if event["method"] == "Network.requestWillBeSent"]
        return [request["request"]["url"] for request in request_events]

    def _next(self) -> dict[str, Any]:
        end = time.monotonic() + PATIENCE
        while b"\0" not in self._buffer:
            if not select.select([self._back], [], [], max(end - time.monotonic(), 0))[0]:
                raise TimeoutError(f"the browser said nothing for {PATIENCE:g} seconds")
            if not (read := os.read(self._back, 1 << 16)):
                raise ConnectionError("the browser ended")
            self._buffer += read
        message, _, self._buffer = self._buffer.partition(b"\0")
        answer: dict[str, Any] = json.loads(message)
        return answer


NONE = (
    "no Chromium was found, so nothing was checked: install it (Debian: apt-get install -y --no-install-recommends chromium), "
    "or name one with CHROMIUM=PATH"
)


@contextmanager
def browser(folder: Path) -> Iterator[Page]:
    """Opens an empty page in a browser of its own. folder: for the browser's profile and log."""
    program = executable()
    assert program is not None, NONE
    theirs, ours = os.pipe(), os.pipe()
    descriptors = [fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (theirs[0], ours[1])]  # 3 and 4 are still to be given
    command = [
        sys.executable,
        "-c",
        LAUNCH,
        *map(str, descriptors),
        program,
        *FLAGS,
        f"--user-data-dir={folder / 'profile'}",
    ]
    with (folder / "browser.log").open("wb") as log:
        process = subprocess.Popen(
            command, pass_fds=descriptors, stdout=log, stderr=log, env=os.environ | {"HOME": str(folder)}
        )
    for end in (theirs[0], ours[1], *descriptors):
        os.close(end)
    try:
        yield Page(theirs[1], ours[0])
    finally:
        os.close(theirs[1])  # the browser ends with its pipe
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        os.close(ours[0])


if __name__ == "__main__":
    sys.exit(None if executable() else f"test-browser: {NONE}")
