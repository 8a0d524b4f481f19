"""Shows a page in headless Chromium over a pipe: its picture, its DOM and what it asked the network for.

Chromium is driven by the DevTools protocol on two file descriptors (messages end with a NUL byte), which needs no
port, no driver and no package, and lets a page be seen as narrow as a phone: a headless window cannot be.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.atomic import write_bytes
from harness.errors import BrowserError
from harness.proc import end_group

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = (
    "--headless",
    "--no-sandbox",  # as root there is none; the only page shown is our own
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
)
TIMEOUT = 60.0  # seconds for an answer
PICTURE = (1280, 1400)  # pixels: the head of the page, as the README shows it


def find() -> Path | None:
    """The browser's program, or None."""
    return next((Path(found) for name in NAMES if (found := shutil.which(name))), None)


@dataclass(slots=True)
class Tab:
    """One page. `requests` holds every URL that it asked for."""

    _send: int
    _receive: int
    _session: str = ""
    _next: int = 0
    _buffer: bytes = b""
    requests: list[str] = field(default_factory=list)
    _loaded: bool = False

    def call(self, method: str, **params: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
        """Call one method of the protocol and return its result; BrowserError if it says no or says nothing."""
        self._next += 1
        message: dict[str, Any] = {"id": self._next, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._send, json.dumps(message).encode() + b"\0")
        end = time.monotonic() + TIMEOUT
        while True:
            answer = self._read(end)
            if answer.get("id") == self._next:
                break
        if "error" in answer:
            raise BrowserError(f"chromium refused {method}: {answer['error'].get('message')}")
        return dict(answer["result"])

    def _read(self, end: float) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._receive], [], [], max(0.0, end - time.monotonic()))
            part = os.read(self._receive, 1 << 20) if ready else b""
            if not part:
                raise BrowserError("chromium ended or did not answer in time")
            self._buffer += part
        raw, self._buffer = self._buffer.split(b"\0", 1)
        message: dict[str, Any] = json.loads(raw)
        if message.get("method") == "Network.requestWillBeSent":
            self.requests.append(message["params"]["request"]["url"])
        self._loaded = self._loaded or message.get("method") == "Page.loadEventFired"
        return message

    def open(self, page: Path, width: int, height: int, *, dark: bool = False, print_: bool = False) -> None:
        """Show `page` in a window of width x height CSS pixels and wait until it is loaded."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Runtime"):
            self.call(f"{domain}.enable")
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=2 if width < 600 else 1,
            mobile=width < 600,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", media="print" if print_ else "", features=[scheme])
        self._loaded = False
        self.call("Page.navigate", url=page.resolve().as_uri())
        end = time.monotonic() + TIMEOUT
        while not self._loaded:
            self._read(end)

    def evaluate(self, script: str) -> Any:  # noqa: ANN401 - any JSON value
        """The value of a JavaScript expression in the page."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise BrowserError(f"the page's script failed: {answer['exceptionDetails'].get('text')}")
        return answer["result"].get("value")

    def screenshot(self, *, whole: bool = False) -> bytes:
        """A PNG of the window, or of the whole page."""
        answer = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        return base64.b64decode(answer["data"])


@contextmanager
def chromium() -> Iterator[Tab]:
    """A headless browser with an empty profile for one page; BrowserError if there is none or it does not start."""
    program = find()
    if program is None:
        raise BrowserError(f"no browser found; looked for {', '.join(NAMES)}")
    with tempfile.TemporaryDirectory(prefix="redwoodtj-", ignore_cleanup_errors=True) as profile:
        theirs_in, send = os.pipe()
        receive, theirs_out = os.pipe()
        process = _start(program, profile, theirs_in, theirs_out)
        try:
            yield Tab(send, receive)
        except BrokenPipeError:
            raise BrowserError("chromium ended before it showed the page") from None
        finally:
            os.close(send)
            os.close(receive)
            end_group(process)


def _start(program: Path, profile: str, theirs_in: int, theirs_out: int) -> subprocess.Popen[str]:
    # The protocol's descriptors are 3 and 4 in the child; copies above 9 keep one dup2 from closing the other's end.
    read, write = (fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in (theirs_in, theirs_out))

    def place() -> None:
        os.dup2(read, 3)
        os.dup2(write, 4)

    try:
        return subprocess.Popen(
            [str(program), *FLAGS, f"--user-data-dir={profile}", "about:blank"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            text=True,
            close_fds=False,  # all of ours are close-on-exec (PEP 446)
            preexec_fn=place,
            start_new_session=True,
        )
    except OSError as problem:
        raise BrowserError(f"cannot run {program}: {problem.strerror}") from None
    finally:
        for end in (read, write, theirs_in, theirs_out):
            os.close(end)


def picture(page: Path, to: Path, *, dark: bool = False, size: tuple[int, int] = PICTURE) -> None:
    """Write a PNG of the page's head."""
    with chromium() as tab:
        tab.open(page, *size, dark=dark)
        write_bytes(to, tab.screenshot())
