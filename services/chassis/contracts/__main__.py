"""`python -m services.chassis.contracts write | check | release`.

write: bring `proto/` and the golden events up to date · check: say what differs or breaks, exit code 1 ·
release: take the contracts as they are now for the released ones.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence

from services.chassis.contracts.publish import Publisher
from services.chassis.contracts.shapes import ContractError
from services.chassis.service import Service

CATALOGUE = "services.catalogue"
"""Where all services are listed; loaded by name, for the chassis knows no service."""


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="contracts", description=__doc__.partition("\n")[0])
    parser.add_argument("action", choices=["write", "check", "release"])
    action = parser.parse_args(arguments).action
    services: Sequence[Service] = importlib.import_module(CATALOGUE).SERVICES
    try:
        return _ACTIONS[action](Publisher(services))
    except ContractError as error:
        sys.stderr.write(f"{error}\n")
        return 1


def write(publisher: Publisher) -> int:
    for path in publisher.write():
        sys.stdout.write(f"wrote {path}\n")
    return 0


def check(publisher: Publisher) -> int:
    return _told(publisher.problems())


def release(publisher: Publisher) -> int:
    """Refused while anything is wrong but the want of a release, so that only what `check` passes is released."""
    if _told(publisher.obstacles()):
        return 1
    sys.stdout.write(f"released {publisher.release()}\n")
    return 0


def _told(problems: Sequence[str]) -> int:
    for problem in problems:
        sys.stderr.write(f"{problem}\n")
    return 1 if problems else 0


_ACTIONS = {"write": write, "check": check, "release": release}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
