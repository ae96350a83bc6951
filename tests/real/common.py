"""What the checks against real servers share: certificates, free ports, a policy folder, the params line, plain HTTPS."""

import base64
import hashlib
import http.client
import json
import os
import pathlib
import socket
import ssl
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
OLD = "Old-Passw0rd-of-the-account"
# one password that finds most mistakes of escaping, in whatever language a server speaks
NEW = 'N3w"pa$s\\w0rd & <é> %41+'
TRIES = 240  # of a quarter of a second each: how long a server may take to start

passed = 0


def check(truth, what):
    global passed
    assert truth, what
    passed += 1


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Https:
    """Plain requests to one server, trusting one authority."""

    def __init__(self, port, ca):
        self.port = port
        self.context = ssl.create_default_context(cafile=str(ca))

    def ask(self, method, path, body=None, headers=(), basic=None):
        headers = dict(headers)
        if basic:
            headers["Authorization"] = "Basic " + base64.b64encode(":".join(basic).encode()).decode()
        if body is not None:
            headers["Content-Type"] = "application/json"
            body = json.dumps(body).encode()
        connection = http.client.HTTPSConnection("localhost", self.port, context=self.context, timeout=20)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            text = answer.read().decode()
            return answer.status, json.loads(text) if text.startswith(("{", "[")) else text
        finally:
            connection.close()

    def wait(self, path, process, **kwargs):
        """Until the server answers at all."""
        for _ in range(TRIES):
            assert process.poll() is None, f"the server ended with {process.returncode}"
            try:
                return self.ask("GET", path, **kwargs)
            except OSError:
                time.sleep(0.25)
        raise AssertionError("the server did not answer in time")


class Bench:
    """A folder with certificates, a policy folder and a host file, and the real binary."""

    def __init__(self, folder, port):
        self.folder = pathlib.Path(folder)
        self.port = port
        (self.folder / "policies").mkdir()
        subprocess.run([TARGET / "debug/stand-in-ca", "--dir", self.folder / "tls", "localhost", "127.0.0.1"], check=True)
        self.ca = self.folder / "tls/ca.pem"
        openings = "".join(f'[[network.open]]\nhost = "localhost"\nnetwork = "{network}"\nport = {port}\n'
                           for network in ("127.0.0.0/8", "::1/128"))
        (self.folder / "rotabox.toml").write_text(f'[network]\nca = "{self.ca}"\nroots = "none"\n{openings}')

    def policy(self, name, page, records, allow="svc-*"):
        module = TARGET / "guests/rest.wasm"
        page = ROOT / page
        (self.folder / f"policies/{name}.toml").write_text(
            f'version = 1\n[rotator]\nmodule = "{module}"\nsha256 = ["{digest(module)}"]\n'
            f'page = "{page}"\npage-sha256 = ["{digest(page)}"]\n'
            + "".join(f'[records.{record}]\ntitle = "{title}"\nhosts = ["localhost:{self.port}"]\n' for record, title in records.items())
            + f'[account]\nallow = ["{allow}"]\n[limits]\ndeadline = 60\nsettle = 0.2\n')

    def rotabox(self, verb, name, user, old, new, api, secrets, expect):
        """Runs the binary as the gateway would; the result line."""
        records = [{"uid": "cfg", "title": "Lab PAM Configuration"},
                   {"uid": "usr", "title": user, "login": user, "password": old}, api]
        params = {"providerRecordUid": "cfg", "resourceRecordUid": "", "userRecordUid": "usr", "user": user,
                  "oldPassword": old, "newPassword": new, "records": base64.b64encode(json.dumps(records).encode()).decode()}
        line = base64.b64encode(json.dumps(params).encode()) + b"\n"
        ran = subprocess.run(
            [os.environ.get("ROTABOX_BIN", TARGET / "debug/rotabox"), verb, name,
             "--policies", self.folder / "policies", "--config", self.folder / "rotabox.toml"],
            input=line, capture_output=True, timeout=120)
        stdout, stderr = ran.stdout.decode(), ran.stderr.decode()
        for secret in [old, new, *secrets]:
            for form in (secret, json.dumps(secret)[1:-1], base64.b64encode(secret.encode()).decode()):
                check(form not in stdout + stderr, f"a secret came out of `{verb} {name}`")
        check(stdout.count("\n") == 1, f"one result line:\n{stdout}\n{stderr}")
        result = json.loads(stdout)
        check((ran.returncode, result["outcome"]) == expect, f"{expect} expected:\n{stdout}\n{stderr}")
        return result


def digest(path):
    return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()


def end(process):
    """Ends a process that was started here, by its id."""
    process.terminate()
    try:
        process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def scratch():
    base = TARGET / "scratch"
    base.mkdir(parents=True, exist_ok=True)
    return tempfile.TemporaryDirectory(dir=base, prefix="real-")
