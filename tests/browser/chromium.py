"""A headless Chromium over its own pipe: no driver, no port, nothing between the test and the browser.

page = browser.page(path); page.press("j"); page.run("document.title")
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-extensions",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
    "--no-default-browser-check", "--remote-debugging-pipe", "--hide-scrollbars",
)  # fmt: skip
NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
CODES = {"Enter": 13, "Escape": 27, "Tab": 9, "ArrowDown": 40, "ArrowUp": 38, "Home": 36, "End": 35}


def found() -> str:
    return next((path for name in NAMES if (path := shutil.which(name))), "")


class Browser:
    def __init__(self, profile: Path) -> None:
        ours, theirs = os.pipe(), os.pipe()
        # It reads descriptor 3 and writes 4. Ours may have these numbers by chance: first out of their way.
        reads, writes = (fcntl.fcntl(one, fcntl.F_DUPFD_CLOEXEC, 10) for one in (ours[0], theirs[1]))
        self._process = subprocess.Popen(
            [found(), *FLAGS, f"--user-data-dir={profile}"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(3, 4),
            preexec_fn=lambda: (os.dup2(reads, 3), os.dup2(writes, 4)),
            env={"PATH": os.environ["PATH"], "HOME": str(profile), "TZ": "UTC", "LANG": "C.UTF-8"},
        )
        for one in (ours[0], theirs[1], reads, writes):
            os.close(one)
        self._to, self._from = open(ours[1], "wb"), open(theirs[0], "rb")  # noqa: SIM115 - they close in `close`
        self._rest = b""
        self._number = 0
        self.events: list[dict[str, Any]] = []

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        self._from.close()
        self._to.close()

    def call(self, method: str, session: str = "", **params: Any) -> dict[str, Any]:
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        message |= {"sessionId": session} if session else {}
        self._to.write(json.dumps(message).encode() + b"\0")
        self._to.flush()
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                assert "error" not in answer, (method, answer["error"])
                return answer["result"]
            self.events.append(answer)

    def wait_for(self, method: str, session: str) -> None:
        while not any(one.get("method") == method and one.get("sessionId") == session for one in self.events):
            self.events.append(self._next())

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            part = os.read(self._from.fileno(), 1 << 20)
            assert part, f"the browser is gone ({self._process.poll()})"
            self._rest += part
        message, self._rest = self._rest.split(b"\0", 1)
        return json.loads(message)

    def page(self, path: Path, **look: Any) -> Page:
        return Page(self, path, **look)


class Page:
    """`problems` holds what the page complained of, `requests` all that it asked for beside itself."""

    def __init__(self, browser: Browser, path: Path, width: int = 1440, height: int = 900, **look: str) -> None:
        self._browser = browser
        target = browser.call("Target.createTarget", url="about:blank")["targetId"]
        self._target = target
        self._session = browser.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.call(f"{domain}.enable")
        self.size(width, height)
        self.look(**look)
        self.url = path.as_uri()
        self.call("Page.navigate", url=self.url)
        self.arrived()

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        return self._browser.call(method, self._session, **params)

    def arrived(self) -> None:
        self._browser.wait_for("Page.loadEventFired", self._session)
        self.settle()

    def close(self) -> None:
        self._browser.call("Target.closeTarget", targetId=self._target)

    def size(self, width: int, height: int) -> None:
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def look(self, scheme: str = "light", media: str = "screen") -> None:
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.call("Emulation.setEmulatedMedia", media=media, features=features)

    def settle(self) -> None:
        """Until what was drawn in answer to the last input stands there."""
        self.run("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def run(self, expression: str) -> Any:
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def text(self, selector: str) -> str:
        return self.run(f"document.querySelector({json.dumps(selector)}).innerText")

    def texts(self, selector: str) -> list[str]:
        """Of all that have a place on the page, be they in sight or not: what is far below isn't drawn, and has no
        innerText."""
        seen = f"[...document.querySelectorAll({json.dumps(selector)})].filter((node) => node.offsetParent)"
        return self.run(f"{seen}.map((node) => node.textContent)")

    def press(self, *keys: str) -> None:
        for key in keys:
            text = {"text": "\r" if key == "Enter" else key} if key == "Enter" or len(key) == 1 else {}
            given = {"key": key, "windowsVirtualKeyCode": CODES.get(key, 0), **text}
            self.call("Input.dispatchKeyEvent", type="keyDown", **given)
            self.call("Input.dispatchKeyEvent", type="keyUp", key=key)
        self.settle()

    def type(self, text: str) -> None:
        self.call("Input.insertText", text=text)
        self.settle()

    def click(self, selector: str) -> None:
        self.run(f"document.querySelector({json.dumps(selector)}).click()")
        self.settle()

    def picture(self, path: Path, whole: bool = False) -> None:
        shot = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(shot["data"]))

    def printed(self) -> bytes:
        return base64.b64decode(self.call("Page.printToPDF", preferCSSPageSize=True)["data"])

    @property
    def requests(self) -> list[str]:
        asked = self._mine("Network.requestWillBeSent")
        return [one["request"]["url"] for one in asked if one["request"]["url"] != self.url]

    @property
    def problems(self) -> list[str]:
        thrown = [str(one["exceptionDetails"]) for one in self._mine("Runtime.exceptionThrown")]
        return thrown + [one["entry"]["text"] for one in self._mine("Log.entryAdded")]

    def _mine(self, method: str) -> list[dict[str, Any]]:
        told = [one for one in self._browser.events if one.get("sessionId") == self._session]
        return [one["params"] for one in told if one["method"] == method]
