"""The published Okta script: list the users, pick one by e-mail address, change the password with the old one as proof.

What differs from the published text: bodies are the documented objects (the API refuses bare strings), the error paths exit
with 1, and its prints for debugging are gone. It verifies nothing, as published.
"""

import asyncio
import base64
import json
import sys

from okta.client import Client as OktaClient

for base64_params in sys.stdin:
    params = json.loads(base64.b64decode(base64_params).decode())
    records = json.loads(base64.b64decode(params.get("records")).decode())
    record = next((record for record in records if record["title"] == "Okta API Access Details"), None)

client = OktaClient({"orgUrl": record.get("url"), "token": record.get("password")})


async def get_okta_user_by_email(email):
    users, _, err = await client.list_users()
    if err:
        sys.exit(f"# Error: {err}")
    return next((user for user in users if user.profile.email == email), None)


async def rotate(user_id, old_password, new_password):
    request = {"oldPassword": {"value": old_password}, "newPassword": {"value": new_password}}
    _, _, err = await client.change_password(user_id, request)
    if err:
        sys.exit(f"# Error: {err}")


async def main():
    user = await get_okta_user_by_email(params.get("user"))
    if user is None:
        sys.exit("# Error: user not found")
    await rotate(user.id, params.get("oldPassword"), params.get("newPassword"))


asyncio.run(main())
