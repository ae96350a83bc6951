"""The vendor's own client (PyPI `okta`) against the stand-in Okta: the stand-in is only worth as much as the vendor's code agrees with it.

Run by `make test-vendor`. Environment: STAND_IN (the stand-in's binary), SSL_CERT_FILE is set here. Every check is an assertion; the last line
counts them.
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile

START = """
others = 450
[[user]]
login = "jo@example.test"
email = "jo.doe@mail.example.test"
first-name = "Johanna"
password = 'Old "Pa$s\\w0rd'
[[user]]
login = "gone@example.test"
status = "DEPROVISIONED"
[[user]]
login = "ad@example.test"
provider = "ACTIVE_DIRECTORY"
password = "Where-else-1"
[[user]]
login = "team/bot@example.test"
password = "Sl4sh-in-the-middle"
"""
OLD = 'Old "Pa$s\\w0rd'
passed = 0


def check(truth, what):
    global passed
    assert truth, what
    passed += 1


class StandIn:
    def __init__(self, folder):
        start = os.path.join(folder, "start.toml")
        with open(start, "w", encoding="utf-8") as file:
            file.write(START)
        self.process = subprocess.Popen(
            [os.environ["STAND_IN"], "--dir", folder, "--start", start],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.facts = json.loads(self.process.stdout.readline())

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def end(self):
        self.process.stdin.close()
        assert self.process.wait(timeout=10) == 0


def client(stand_in, token=None):
    from okta.client import Client
    return Client({"orgUrl": stand_in.facts["url"], "token": token or stand_in.facts["token"], "requestTimeout": 20,
                   "rateLimit": {"maxRetries": 0}, "cache": {"enabled": False}})


async def lists(stand_in):
    okta = client(stand_in)
    users, response, error = await okta.list_users()
    check(error is None and len(users) == 200, f"page one has 200: {error}")
    pages = 1
    while response.has_next():
        more, error = await response.next()
        check(error is None and more, f"a next page: {error}")
        users += more
        pages += 1
    check(pages == 3, f"three pages, not {pages}")
    logins = [user["profile"]["login"] if isinstance(user, dict) else user.profile.login for user in users]
    check(len(logins) == 453 and len(set(logins)) == 453, f"each once: {len(logins)}")
    check("gone@example.test" not in logins, "deprovisioned accounts are not listed")

    async def logins_by(**query):
        found, _, error = await okta.list_users(query)
        assert error is None, error
        return [user.profile.login for user in found]

    check(await logins_by(filter='profile.login eq "jo@example.test"') == ["jo@example.test"], "filter by login")
    check(await logins_by(filter='profile.login eq "JO@example.test"') == [], "filter minds the case")
    check(await logins_by(search='profile.login eq "JO@example.test"') == ["jo@example.test"], "search does not")
    check(await logins_by(filter='status eq "DEPROVISIONED"') == ["gone@example.test"], "filter finds the deprovisioned")
    check(await logins_by(q="johan") == ["jo@example.test"], "q is a prefix match")
    check(len(await logins_by(limit="7")) == 7, "limit")
    _, _, error = await okta.list_users({"filter": "profile.login eq jo"})
    check(error.error_code == "E0000031" and error.status == 400, "a filter without quotes is refused")


async def looks(stand_in):
    okta = client(stand_in)
    user, _, error = await okta.get_user("jo@example.test")
    check(error is None and user.status.value == "ACTIVE" and user.credentials.provider.type.value == "OKTA", f"by login: {error}")
    again, _, error = await okta.get_user(user.id)
    check(error is None and again.profile.login == "jo@example.test", "by id")
    short, _, error = await okta.get_user("jo")
    check(error is None and short.id == user.id, "by short name")
    _, _, error = await okta.get_user("nobody@example.test")
    check(error.error_code == "E0000007" and error.status == 404 and error.error_id, "404 with its shape")
    _, _, error = await okta.get_user("team%2Fbot@example.test")
    check(error.status == 404, "a login with a slash is found by id only")
    _, _, error = await client(stand_in, token="00wrong").get_user("jo@example.test")
    check(error.error_code == "E0000011" and error.status == 401, "a wrong token")


async def changes(stand_in):
    okta = client(stand_in)
    user, _, _ = await okta.get_user("jo@example.test")

    def body(old, new):
        return {"oldPassword": {"value": old}, "newPassword": {"value": new}}

    _, _, error = await okta.change_password(user.id, {"oldPassword": OLD, "newPassword": "New-Passw0rd!"})
    check(error.status == 400 and error.error_code == "E0000003", "bare strings, as in the published script, are not the documented body")
    _, _, error = await okta.change_password(user.id, body("wrong", "New-Passw0rd!"))
    check(error.status == 403 and error.error_code == "E0000014", "a wrong old password")
    _, _, error = await okta.change_password(user.id, body(OLD, "short"))
    check(error.error_code == "E0000014" and "requirements" in str(error), "the password policy")
    check(stand_in.ask("jo@example.test")["password"] == OLD, "nothing was changed so far")
    credentials, _, error = await okta.change_password(user.id, body(OLD, "New-Passw0rd!"))
    check(error is None and credentials.provider.type.value == "OKTA", f"changed: {error}")
    check(stand_in.ask("jo@example.test")["password"] == "New-Passw0rd!", "the directory has the new one")
    _, _, error = await okta.change_password(user.id, body("New-Passw0rd!", OLD))
    check(error.error_code == "E0000014" and "recently" in str(error), "history")
    from okta.models import ChangePasswordRequest, PasswordCredential
    typed = ChangePasswordRequest({"oldPassword": PasswordCredential({"value": "New-Passw0rd!"}),
                                   "newPassword": PasswordCredential({"value": "Typed-Passw0rd!"})})
    _, _, error = await okta.change_password(user.id, typed, {"strict": "false"})
    check(error is None, f"the client's own typed request: {error}")
    updated, _, error = await okta.partial_update_user(user.id, {"credentials": {"password": {"value": "Admin-set-1"}}})
    check(error is None and updated.id == user.id, f"an administrator sets it: {error}")
    check(stand_in.ask("jo@example.test")["password"] == "Admin-set-1", "and it is live")
    other, _, _ = await okta.get_user("ad@example.test")
    _, _, error = await okta.change_password(other.id, body("Where-else-1", "New-Passw0rd!"))
    check(error.status == 400, "a password that lives in Active Directory")
    _, error = await okta.clear_user_sessions(user.id)
    check(error is None, f"sessions end: {error}")


async def published_script(stand_in):
    """What the published script does, step by step: list without arguments, pick by e-mail, change. It looks at page one only."""
    okta = client(stand_in)
    users, _, error = await okta.list_users()
    check(error is None, "it lists")
    check(next((user for user in users if user.profile.email == "jo.doe@mail.example.test"), None) is None,
          "it does not find an account beyond the first 200")
    found = next(user for user in users if user.profile.email == "other0007@example.test")
    result, _, error = await okta.change_password(
        found.id, {"oldPassword": {"value": "Passw0rt-of-7"}, "newPassword": {"value": "New-Passw0rd!"}})
    check(error is None and result is not None, f"with documented bodies it works on page one: {error}")
    check(stand_in.ask("other0007@example.test")["password"] == "New-Passw0rd!", "and the password is live")


def main():
    with tempfile.TemporaryDirectory() as folder:
        stand_in = StandIn(folder)
        os.environ["SSL_CERT_FILE"] = stand_in.facts["ca"]
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
            os.environ.pop(name, None)
        import logging
        logging.getLogger("okta-sdk-python").setLevel(logging.CRITICAL)
        for part in (lists, looks, changes, published_script):
            asyncio.run(part(stand_in))
        stand_in.end()
    print(f"vendor client against the stand-in Okta: {passed} passed, 0 failed")


if __name__ == "__main__":
    sys.exit(main())
