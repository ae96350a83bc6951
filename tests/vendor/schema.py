"""What `inspect --json` and `lint --json` really say, against the schemas that are published in docs/schema."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

import jsonschema

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
ROTABOX = os.environ["ROTABOX"]


def validator(name):
    schema = json.loads((ROOT / "docs/schema" / name).read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def said(*args):
    done = subprocess.run([ROTABOX, *args], capture_output=True, text=True)
    if done.returncode not in (0, 1):
        sys.exit(f"schema: {' '.join(args)}: {done.stderr}")
    again = subprocess.run([ROTABOX, *args], capture_output=True, text=True)
    if again.stdout != done.stdout:
        sys.exit(f"schema: {' '.join(args)}: two answers about one file differ")
    return json.loads(done.stdout)


def main():
    inspected, linted = validator("inspect.schema.json"), validator("lint.schema.json")
    pages = sorted(ROOT.glob("guests/*/page.toml")) + sorted(ROOT.glob("guests/rest/pages/*.toml"))
    pages += sorted(ROOT.glob("runner/page/tests/pages/*.toml"))
    modules = sorted((pathlib.Path(ROTABOX).parent.parent / "guests").glob("*.wasm"))
    count = 0
    with tempfile.TemporaryDirectory() as folder:
        broken = pathlib.Path(folder) / "broken.toml"
        broken.write_text(pages[0].read_text().replace("expects", "expcts"))
        core = pathlib.Path(folder) / "core.wasm"
        core.write_bytes(b"\0asm\x01\0\0\0")
        for file in [*pages, *modules, broken, core]:
            for args, schema in [(["inspect", str(file), "--json"], inspected), (["lint", str(file), "--json"], linted)]:
                if args[0] == "lint" and file not in pages:
                    continue
                mistakes = [f"{error.json_path}: {error.message[:200]}" for error in schema.iter_errors(said(*args))]
                if mistakes:
                    sys.exit(f"schema: {' '.join(args)}: " + "; ".join(mistakes))
                count += 1
    # A schema that lets everything pass would be no schema.
    for spoilt in [{"version": 2}, {"findings": 3}, {"module": {}}, {"more": 1}]:
        if inspected.is_valid(said("inspect", str(pages[0]), "--json") | spoilt):
            sys.exit(f"schema: {spoilt} should not pass")
    print(f"schemas: {count} answers are as published")


main()
