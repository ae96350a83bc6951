"""RabbitMQ, as Debian ships it: the management API, where a user is replaced by a PUT that must send the tags along."""

import os
import pathlib
import shutil
import subprocess

import common
from common import NEW, OLD, check

SERVER = "/usr/lib/rabbitmq/bin/rabbitmq-server"
USER = "svc-order@shop"
ADMIN = {"login": "rotation-admin", "password": "Adm1n+of/the=broker"}


def install():
    if not os.path.exists(SERVER):
        env = dict(os.environ, DEBIAN_FRONTEND="noninteractive", RUNLEVEL="1")  # installs, starts nothing
        subprocess.run(["apt-get", "update", "-q"], check=True, stdout=subprocess.DEVNULL)
        subprocess.run(["apt-get", "install", "-q", "-y", "--no-install-recommends", "rabbitmq-server"],
                       check=True, env=env, stdout=subprocess.DEVNULL)


def start(folder, port, tls):
    """A node of its own: name, folders, ports and port mapper are this check's."""
    (folder / "plugins").write_text("[rabbitmq_management].\n")
    (folder / "rabbitmq.conf").write_text(f"""
listeners.tcp = none
management.ssl.port = {port}
management.ssl.ip = 127.0.0.1
management.ssl.cacertfile = {tls}/ca.pem
management.ssl.certfile = {tls}/cert.pem
management.ssl.keyfile = {tls}/key.pem
default_user = {ADMIN["login"]}
default_pass = {ADMIN["password"]}
log.console = true
log.console.level = error
log.file = false
""")
    mapper = str(common.free_port())
    env = {
        "PATH": "/usr/lib/rabbitmq/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(folder), "LANG": "C.UTF-8",
        "RABBITMQ_NODENAME": f"rotabox{port}@localhost", "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"), "RABBITMQ_MNESIA_BASE": str(folder / "data"),
        "RABBITMQ_LOG_BASE": str(folder / "log"), "RABBITMQ_CONF_ENV_FILE": "/dev/null",
        "RABBITMQ_DIST_PORT": str(common.free_port()), "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": '-kernel inet_dist_use_interface {127,0,0,1}',
        "ERL_EPMD_PORT": mapper, "ERL_EPMD_ADDRESS": "127.0.0.1",
    }
    epmd = subprocess.Popen([shutil.which("epmd"), "-port", mapper, "-address", "127.0.0.1"], env=env)
    log = open(folder / "server.log", "wb")
    return subprocess.Popen([SERVER], env=env, stdout=log, stderr=log, start_new_session=True), epmd


def signs_in(server, password):
    status, body = server.ask("GET", "/api/whoami", basic=(USER, password))
    return status == 200 and body["name"] == USER


def main():
    install()
    with common.scratch() as scratch:
        folder = pathlib.Path(scratch)
        port = common.free_port()
        bench = common.Bench(folder, port)
        node, epmd = start(folder, port, folder / "tls")
        try:
            server = common.Https(port, bench.ca)
            admin = (ADMIN["login"], ADMIN["password"])
            server.wait("/api/overview", node, basic=admin)
            path = "/api/users/svc-order%40shop"
            status, _ = server.ask("PUT", path, {"password": OLD, "tags": "monitoring,policymaker"}, basic=admin)
            check(status == 201, "a user with two tags")
            before = server.ask("GET", path, basic=admin)[1]
            check(signs_in(server, OLD) and not signs_in(server, NEW), "the old password signs in")

            bench.policy("rabbit", "guests/rest/pages/rabbitmq.toml", {"api": "RabbitMQ admin"})
            api = {"uid": "api", "title": "RabbitMQ admin", "url": f"https://localhost:{port}", **ADMIN}

            def rotabox(verb, old, new, *expect):
                return bench.rotabox(verb, "rabbit", USER, old, new, api, [ADMIN["password"]], expect)

            rotabox("rehearse", OLD, NEW, 0, "good")
            check(signs_in(server, OLD), "a rehearsal changes nothing")
            result = rotabox("run", OLD, NEW, 0, "rotated")
            check(result["live"] == "new" and signs_in(server, NEW), "the real server accepts the new password")
            check(not signs_in(server, OLD), "and refuses the old one")
            after = server.ask("GET", path, basic=admin)[1]
            check(after["tags"] == before["tags"], f"the tags are as they were: {after['tags']}")
            rotabox("run", OLD, NEW, 0, "already-current")
            rotabox("run", "never-was-Right1", "never-Will-be1", 5, "out-of-sync")
            check(signs_in(server, NEW), "nothing was changed by that")
        except BaseException:
            print((folder / "server.log").read_text(errors="replace")[-4000:])
            raise
        finally:
            common.end(node)
            common.end(epmd)
