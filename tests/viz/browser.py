"""A headless Chromium driven through the DevTools protocol, with the network switched off."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
_FLAGS = (
    "--headless", "--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader",
    "--remote-debugging-port=0", "--remote-allow-origins=*", "--hide-scrollbars",
    "--disable-background-networking", "--no-first-run", "about:blank",
)


class Browser:
    """One page of a fresh browser profile."""

    def __init__(self, page: Path, width: int = 1000, height: int = 640) -> None:
        self._profile = tempfile.mkdtemp(prefix="anlan-browser-")
        self._process = subprocess.Popen(
            [str(CHROMIUM), f"--user-data-dir={self._profile}", *_FLAGS],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self._number = 0
        self.messages: list[dict[str, Any]] = []
        self._socket = self._connect()
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=1, mobile=width < 600)
        self.call("Network.emulateNetworkConditions", offline=True, latency=0,
                  downloadThroughput=0, uploadThroughput=0)
        self.call("Page.navigate", url=page.as_uri())

    def _connect(self) -> Any:
        import websocket

        port_file = Path(self._profile) / "DevToolsActivePort"
        for _ in range(300):
            if port_file.exists() and "\n" in port_file.read_text():
                break
            time.sleep(0.1)
        port = port_file.read_text().splitlines()[0]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/json") as answer:
            pages = [t for t in json.load(answer) if t["type"] == "page"]
        return websocket.create_connection(pages[0]["webSocketDebuggerUrl"], timeout=120)

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Send one command and return its result; other messages are kept."""
        self._number += 1
        self._socket.send(json.dumps({"id": self._number, "method": method, "params": params}))
        while True:
            message = json.loads(self._socket.recv())
            if message.get("id") == self._number:
                assert "error" not in message, message
                return dict(message["result"])
            self.messages.append(message)

    def js(self, expression: str) -> Any:
        """Value of an expression in the page; promises are awaited."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True,
                           awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait(self, expression: str, seconds: float = 90.0) -> None:
        """Wait until an expression is true."""
        end = time.monotonic() + seconds
        while not self.js(expression):
            assert time.monotonic() < end, f"never true: {expression}; {self.complaints()}"
            time.sleep(0.1)

    def picture(self) -> bytes:
        """PNG of the page, after two drawn frames."""
        self.js("new Promise(r => requestAnimationFrame(() => requestAnimationFrame(() => "
                "setTimeout(r, 300))))")
        return base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])

    def map_picture(self) -> bytes:
        """PNG of the page with every panel hidden: only the canvas is left."""
        self.js("document.getElementById('app').style.display = 'none'")
        shot = self.picture()
        self.js("document.getElementById('app').style.display = ''")
        return shot

    def key(self, key: str) -> None:
        """Press and release a key."""
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, text=key if len(key) == 1 else "")

    def click(self, selector: str, at: float = 0.5) -> None:
        """Click an element at a share of its width."""
        x, y = self.js(
            f"(() => {{ const b = document.querySelector({selector!r}).getBoundingClientRect();"
            f" return [b.x + b.width * {at}, b.y + b.height / 2]; }})()")
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left",
                      clickCount=1)

    def complaints(self) -> list[str]:
        """Console errors and warnings, exceptions and log entries so far."""
        out = []
        for message in self.messages:
            params = message.get("params", {})
            if message.get("method") == "Runtime.exceptionThrown":
                out.append(str(params["exceptionDetails"])[:500])
            elif message.get("method") == "Runtime.consoleAPICalled" and params["type"] in (
                    "error", "warning", "assert"):
                out.append(str([a.get("value", a.get("description")) for a in params["args"]]))
            elif message.get("method") == "Log.entryAdded" and params["entry"]["level"] in (
                    "error", "warning"):
                out.append(params["entry"]["text"])
        return out

    def requests(self) -> list[str]:
        """Addresses asked for, without data: and blob:."""
        urls = [m["params"]["request"]["url"] for m in self.messages
                if m.get("method") == "Network.requestWillBeSent"]
        return [url for url in urls if not url.startswith(("data:", "blob:"))]

    def close(self) -> None:
        """End the browser."""
        self._socket.close()
        self._process.terminate()
        self._process.wait(timeout=20)
        shutil.rmtree(self._profile, ignore_errors=True)

    def __enter__(self) -> Browser:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
