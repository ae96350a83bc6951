"""The same two calls as the page `pages/two.toml`, as the published Python example is written: requests, one record found by its title."""

import base64
import json
import sys

import requests

ca = sys.argv[1]
for line in sys.stdin:
    params = json.loads(base64.b64decode(line).decode())
    records = json.loads(base64.b64decode(params["records"]).decode())
    api = next(record for record in records if record["title"] == "API Access Details")

headers = {"Authorization": f"Bearer {api['password']}", "Content-Type": "application/json"}
found = requests.get(api["url"] + "/user", params={"email": params["user"]}, headers=headers, verify=ca, timeout=30)
found.raise_for_status()
assert found.json()["id"]
body = json.dumps({"userEmail": params["user"], "newPassword": params["newPassword"]})
changed = requests.post(api["url"] + "/rotate", headers=headers, data=body, verify=ca, timeout=30)
assert changed.status_code == 201, changed.status_code
