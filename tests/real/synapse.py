"""Matrix Synapse, from PyPI: the admin API, where a PUT would create a user and a reset would sign out every device."""

import hashlib
import hmac
import pathlib
import subprocess
import sys

import common
from common import NEW, OLD, TARGET, check

VENV = TARGET / "synapse-venv"
USER = "@svc-order:rotabox.test"
SHARED = "registration-Shared_secret"


def install():
    if not (VENV / "bin/synapse_homeserver").exists():
        subprocess.run([sys.executable, "-m", "venv", VENV], check=True)
        subprocess.run([VENV / "bin/pip", "install", "-q", "--disable-pip-version-check", "matrix-synapse==1.163.2"], check=True)


def start(folder, port, tls):
    (folder / "homeserver.yaml").write_text(f"""
server_name: rotabox.test
report_stats: false
pid_file: {folder}/pid
tls_certificate_path: {tls}/cert.pem
tls_private_key_path: {tls}/key.pem
signing_key_path: {folder}/signing.key
media_store_path: {folder}/media
registration_shared_secret: {SHARED}
macaroon_secret_key: a-secret-of-this-check-only
form_secret: another-secret-of-this-check-only
trusted_key_servers: []
suppress_key_server_warning: true
database: {{name: sqlite3, args: {{database: {folder}/homeserver.db}}}}
listeners:
  - {{port: {port}, type: http, tls: true, bind_addresses: [127.0.0.1], resources: [{{names: [client]}}]}}
rc_login:
  address: {{per_second: 1000, burst_count: 1000}}
  account: {{per_second: 1000, burst_count: 1000}}
  failed_attempts: {{per_second: 1000, burst_count: 1000}}
""")
    log = open(folder / "server.log", "wb")
    main = [VENV / "bin/python", "-m", "synapse.app.homeserver", "-c", folder / "homeserver.yaml"]
    subprocess.run([*main, "--generate-keys"], check=True, stdout=log, stderr=log)
    return subprocess.Popen(main, cwd=folder, stdout=log, stderr=log, start_new_session=True)


def register(server, name, password, admin):
    """By the shared secret: the way that Synapse offers before there is any user. Answers the access token."""
    nonce = server.ask("GET", "/_synapse/admin/v1/register")[1]["nonce"]
    words = [nonce, name, password, "admin" if admin else "notadmin"]
    mac = hmac.new(SHARED.encode(), "\0".join(words).encode(), hashlib.sha1).hexdigest()
    status, made = server.ask("POST", "/_synapse/admin/v1/register",
                              {"nonce": nonce, "username": name, "password": password, "admin": admin, "mac": mac})
    check(status == 200, f"registered: {made}")
    return made["access_token"]


def signs_in(server, password):
    identifier = {"type": "m.id.user", "user": USER}
    status, body = server.ask("POST", "/_matrix/client/v3/login", {"type": "m.login.password", "identifier": identifier, "password": password})
    return status == 200 and body["user_id"] == USER


def main():
    install()
    with common.scratch() as scratch:
        folder = pathlib.Path(scratch)
        port = common.free_port()
        bench = common.Bench(folder, port)
        process = start(folder, port, folder / "tls")
        try:
            server = common.Https(port, bench.ca)
            server.wait("/_matrix/client/versions", process)
            token = register(server, "rotation-admin", "Adm1n-of-the-homeserver", True)
            device = register(server, "svc-order", OLD, False)
            check(signs_in(server, OLD) and not signs_in(server, NEW), "the old password signs in")

            bench.policy("synapse", "guests/rest/pages/synapse.toml", {"hs": "Synapse admin"}, allow="@svc-*:rotabox.test")
            api = {"uid": "api", "title": "Synapse admin", "url": f"https://localhost:{port}", "password": token}

            def rotabox(verb, old, new, *expect):
                return bench.rotabox(verb, "synapse", USER, old, new, api, [token], expect)

            rotabox("rehearse", OLD, NEW, 0, "good")
            result = rotabox("run", OLD, NEW, 0, "rotated")
            check(result["live"] == "new" and signs_in(server, NEW), "the real server accepts the new password")
            check(not signs_in(server, OLD), "and refuses the old one")
            status, who = server.ask("GET", "/_matrix/client/v3/account/whoami", headers={"Authorization": f"Bearer {device}"})
            check(status == 200, f"the user's own device is still signed in: {who}")
            rotabox("run", OLD, NEW, 0, "already-current")
            rotabox("run", "never-was-Right1", "never-Will-be1", 5, "out-of-sync")
        except BaseException:
            print((folder / "server.log").read_text(errors="replace")[-4000:])
            raise
        finally:
            common.end(process)
