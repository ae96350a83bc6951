"""The HTML reports of `inspect`, in Chromium: no message on the console, no request, nothing wider than a phone, and paper.

The browser is driven over two pipes (--remote-debugging-pipe): no port is opened. Nothing here waits for a time to pass, only for what the
browser says.
"""

import base64
import json
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
ROTABOX = os.environ["ROTABOX"]
BROWSER = os.environ["BROWSER"]
FOLDER = pathlib.Path(sys.argv[1])

FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-extensions", "--disable-default-apps", "--no-pings",
    "--host-resolver-rules=MAP * ~NOTFOUND", "--remote-debugging-pipe", f"--user-data-dir={FOLDER / 'profile'}",
]

# Text that would be markup, script or a lure, wherever it was written as it stands.
HOSTILE = r"""version = 1
name = "evil"
about = "</p><script>alert(1)</script><img src='https://evil.example/x.png' onerror='alert(2)'> <a href=\"javascript:alert(3)\">here</a>"

[records.api]
url = "url"
secret = { token = "password" }

[[route]]
name = "set"
about = "<style>*{display:none}</style>\u202e\u001b[2J"
for = ["change"]
changes = true
request = "POST {api.url}/users/{user}/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
headers = { authorization = "Bearer {api.token}" }
json = { "</code><iframe src='https://evil.example'>" = "<svg onload=alert(4)>", password = "{new-password}", nickName = "{new-password}" }
expects = { status = 200 }
shows = { all = "", x = "/</td></table><form action='https://evil.example'>" }
"""


class Browser:
    """Chromium, and the messages to and from it: JSON, each ended by a zero byte."""

    def __init__(self):
        to_browser, self.to = os.pipe()
        self.out, from_browser = os.pipe()

        def at_three_and_four():
            # Above what is to be overwritten first.
            high_in, high_out = os.dup(to_browser), os.dup(from_browser)
            import fcntl

            high_in = fcntl.fcntl(high_in, fcntl.F_DUPFD, 10)
            high_out = fcntl.fcntl(high_out, fcntl.F_DUPFD, 10)
            os.dup2(high_in, 3)
            os.dup2(high_out, 4)

        self.process = subprocess.Popen(
            [BROWSER, *FLAGS], preexec_fn=at_three_and_four, close_fds=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env={"HOME": str(FOLDER), "PATH": os.environ["PATH"]},
        )
        os.close(to_browser)
        os.close(from_browser)
        self.rest = b""
        self.number = 0
        self.events = []

    def message(self):
        while b"\0" not in self.rest:
            piece = os.read(self.out, 1 << 16)
            if not piece:
                raise SystemExit("browser: Chromium ended before it answered")
            self.rest += piece
        message, self.rest = self.rest.split(b"\0", 1)
        return json.loads(message)

    def ask(self, method, session=None, **params):
        self.number += 1
        question = {"id": self.number, "method": method, "params": params}
        if session:
            question["sessionId"] = session
        os.write(self.to, json.dumps(question).encode() + b"\0")
        while True:
            message = self.message()
            if message.get("id") == self.number:
                if "error" in message:
                    raise SystemExit(f"browser: {method}: {message['error']}")
                return message["result"]
            self.events.append(message)

    def until(self, method):
        while not any(event.get("method") == method for event in self.events):
            self.events.append(self.message())

    def close(self):
        self.ask("Browser.close")
        self.process.wait()


def check(browser, path, failures):
    target = browser.ask("Target.createTarget", url="about:blank")["targetId"]
    session = browser.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]

    def ask(method, **params):
        return browser.ask(method, session, **params)

    for domain in ["Page", "Runtime", "Log", "Network", "Audits"]:
        ask(f"{domain}.enable")
    for name, width, mobile, scheme in [
        ("phone", 390, True, "light"), ("small phone", 320, True, "light"), ("phone in the dark", 390, True, "dark"),
        ("desk", 1280, False, "light"), ("desk in the dark", 1280, False, "dark"),
    ]:
        browser.events.clear()
        ask("Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=1, mobile=mobile)
        ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        ask("Page.navigate", url=path.as_uri())
        browser.until("Page.loadEventFired")

        def value(expression):
            return ask("Runtime.evaluate", expression=expression, returnByValue=True)["result"]["value"]

        wide = value("document.documentElement.scrollWidth")
        if wide > width:
            failures.append(f"{path.name}: {name}: {wide} pixels wide, and the screen has {width}")
        ground = value("getComputedStyle(document.body).backgroundColor")
        dark = sum(int(part) for part in ground[4:-1].split(",")) < 384
        if dark != (scheme == "dark"):
            failures.append(f"{path.name}: {name}: the ground is {ground}: the style was not taken")
        small = value(
            "[...document.querySelectorAll('main *')].filter(e => e.textContent.trim() && parseFloat(getComputedStyle(e).fontSize) < 12).length"
        )
        if small:
            failures.append(f"{path.name}: {name}: {small} elements with a font below 12 pixels")
        for tag in ["script", "img", "iframe", "form", "svg", "object", "link"]:
            if value(f"document.querySelectorAll('{tag}').length"):
                failures.append(f"{path.name}: {name}: there is an element <{tag}>")
        lost = value("[...document.querySelectorAll('a')].filter(a => !document.querySelector(a.getAttribute('href'))).length")
        if lost:
            failures.append(f"{path.name}: {name}: {lost} links lead nowhere")
        for event in browser.events:
            method, params = event.get("method"), event.get("params", {})
            if method in ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded", "Audits.issueAdded"):
                failures.append(f"{path.name}: {name}: on the console: {json.dumps(params)[:400]}")
            if method == "Network.requestWillBeSent" and params["request"]["url"] != path.as_uri():
                failures.append(f"{path.name}: {name}: it asks for {params['request']['url']}")
        if os.environ.get("SHOTS"):
            shot = ask("Page.captureScreenshot", captureBeyondViewport=True)["data"]
            (pathlib.Path(os.environ["SHOTS"]) / f"{path.stem}-{name.replace(' ', '-')}.png").write_bytes(base64.b64decode(shot))
    pdf = base64.b64decode(ask("Page.printToPDF", printBackground=False)["data"])
    if not pdf.startswith(b"%PDF") or len(pdf) < 10_000:
        failures.append(f"{path.name}: no paper came out")
    if os.environ.get("SHOTS"):
        (pathlib.Path(os.environ["SHOTS"]) / f"{path.stem}.pdf").write_bytes(pdf)
    browser.ask("Target.closeTarget", targetId=target)


def main():
    hostile = FOLDER / "hostile.toml"
    hostile.write_text(HOSTILE)
    broken = FOLDER / "broken.toml"
    broken.write_text(HOSTILE.replace("{api.token}", "{api.tokn}"))
    sources = [hostile, broken, ROOT / "guests/okta/page.toml", ROOT / "guests/rest/pages/entra.toml"]
    sources += [path for path in [pathlib.Path(ROTABOX).parent.parent / "guests/okta.wasm"] if path.exists()]
    reports = []
    for index, source in enumerate(sources):
        report = FOLDER / f"{index}-{source.stem}.html"
        for _ in range(2):
            before = report.read_bytes() if report.exists() else None
            done = subprocess.run([ROTABOX, "inspect", str(source), "--html", str(report)], capture_output=True)
            if done.returncode not in (0, 1):
                raise SystemExit(f"browser: inspect {source}: {done.stderr.decode()}")
        if report.read_bytes() != before:
            raise SystemExit(f"browser: {source}: two reports of one file differ")
        reports.append(report)
    failures = []
    browser = Browser()
    for report in reports:
        check(browser, report, failures)
    browser.close()
    for failure in failures:
        print(f"browser: {failure}", file=sys.stderr)
    if failures:
        raise SystemExit(1)
    print(f"browser: {len(reports)} reports, five screens and paper each: nothing on the console, nothing too wide")


main()
