#!/bin/bash
# What a PAM admin sees: approve a rotator, rehearse, rotate an account of a stand-in Okta over real TLS.
# Everything is under target/demo; nothing outside is touched. `make demo` builds what this needs first.
set -euo pipefail
cd "$(dirname "$0")/.."
target=$(cd "${CARGO_TARGET_DIR:-target}" && pwd)
demo=$target/demo
rm -rf "$demo"
mkdir -p "$demo"
export PATH="$target/debug:$PATH"

heading() { printf '\n\033[1m== %s\033[0m\n' "$*"; }
show() { printf '\033[2m$ %s\033[0m\n' "$*"; }
die() { echo "demo: $*" >&2; exit 1; }

heading "A stand-in Okta on loopback, with a certificate of its own authority and 250 other accounts"
coproc OKTA { exec stand-in-okta --dir "$demo"; }
okta_in=${OKTA[1]} okta_out=${OKTA[0]} okta_pid=$OKTA_PID
trap 'exec {okta_in}>&-; wait "$okta_pid" 2>/dev/null || true' EXIT # it ends when its stdin closes
read -r facts <&"$okta_out"
fact() { python3 -c 'import json, sys; print(json.loads(sys.argv[1])[sys.argv[2]])' "$facts" "$1"; }
url=$(fact url) token=$(fact token)
echo "$url, account jo@example.test"
account() { echo jo@example.test >&"$okta_in" && read -r line <&"$okta_out" && echo "$line"; }
old='Old-Passw0rd!' new='N3w"pa$s\w0rd & <é> %41+'

# what is true for this host: the authority, and that this name may be on loopback
cat > "$demo/rotabox.toml" <<TOML
[network]
ca    = "$demo/ca.pem"
roots = "none"

[[network.open]]
host    = "localhost"
network = "127.0.0.0/8"
port    = ${url##*:}
TOML

heading "Approve: the page is shown, what only the operator knows is given, the policy is written"
cp "$target/guests/okta.wasm" "$demo/okta.wasm"
show "rotabox approve okta.wasm --name okta-prod --record 'api=title:Okta API Access Details' --host api=${url#https://} --allow '*@example.test' --except rotation-admin@example.test --reconcile never"
rotabox approve "$demo/okta.wasm" --name okta-prod --policies "$demo/policies" --yes \
    --record 'api=title:Okta API Access Details' --host "api=${url#https://}" \
    --allow '*@example.test' --except rotation-admin@example.test --reconcile never < /dev/null
show "cat okta-prod.toml"
cat "$demo/policies/okta-prod.toml"

# the line that the gateway pipes, as the published guide sets the records up
params() {
    python3 - "$url" "$token" "$old" "$new" <<'PYTHON'
import base64, json, sys
url, token, old, new = sys.argv[1:]
encode = lambda value: base64.b64encode(json.dumps(value).encode()).decode()
records = [
    {"uid": "cfg", "title": "Lab PAM Configuration"},
    {"uid": "usr", "title": "Jo", "login": "jo@example.test", "password": old, "NOOP": "True"},
    {"uid": "api", "title": "Okta API Access Details", "login": "svc", "password": token, "url": url},
]
print(encode({"providerRecordUid": "cfg", "resourceRecordUid": "", "userRecordUid": "usr", "user": "jo@example.test",
              "oldPassword": old, "newPassword": new, "records": encode(records)}))
PYTHON
}
line=$(params)
rotate() { printf '%s\n' "$line" | rotabox "$@" --policies "$demo/policies" --config "$demo/rotabox.toml"; }
sign_in() {
    local status
    status=$(python3 - "$url" "$demo/ca.pem" "$1" <<'PYTHON'
import json, ssl, sys, urllib.error, urllib.request
url, ca, password = sys.argv[1:]
body = json.dumps({"username": "jo@example.test", "password": password}).encode()
request = urllib.request.Request(url + "/api/v1/authn", body, {"Content-Type": "application/json"})
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}),
                                     urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=ca)))
try:
    print(opener.open(request).status)
except urllib.error.HTTPError as error:
    print(error.code)
PYTHON
    )
    printf '  a sign-in with %-26s is answered with %s\n' "$1" "$status"
    [ "$status" = "$2" ] || die "expected $2"
}

heading "Rehearse: everything but the change"
show 'echo "$PARAMS" | rotabox rehearse okta-prod'
rotate rehearse okta-prod > "$demo/rehearsal.json" || die "the rehearsal failed"
sign_in "$old" 200

heading "Run, as the gateway does: one base64 line on stdin"
show 'echo "$PARAMS" | rotabox run okta-prod'
rotate run okta-prod > "$demo/result.json" || die "the run failed"
sign_in "$old" 401
sign_in "$new" 200
echo "  the account, by Okta's own book: $(account)"

heading "The result line, and that no secret is in it"
cat "$demo/result.json"
for secret in "$old" "$new" "$token"; do
    ! grep -qF -- "$secret" "$demo/result.json" "$demo/rehearsal.json" || die "a secret came out"
done

heading "Run again, with the vault still at the old password: nothing is changed twice"
rotate run okta-prod > /dev/null || die "the second run failed"

heading "The same policy, and a module that somebody changed by one byte"
printf '\0' >> "$demo/okta.wasm"
if rotate run okta-prod > /dev/null; then die "a changed module ran"; else echo "exit $?"; fi

printf '\nAll of it is in %s.\n' "$demo"
