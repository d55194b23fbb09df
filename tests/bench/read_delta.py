"""`python -m tests.bench.read_delta JOBNIMBUS`: read what changed since long ago by our connector; one line of JSON.

In a process that is set up as syncd sets up its own.
"""

from __future__ import annotations

import sys
import time

import orjson

from syncd.cli.common import made_for_records
from syncd.kit.connector import SystemSettings
from syncd_jobnimbus import JobNimbus
from tests.bench.world import SECRET

FIELDS = ("first_name", "last_name", "email", "home_phone", "company", "address_line1", "city", "state_text", "zip")
SINCE = {"high": 1, "settled": 4_000_000_000, "walk": None, "backfill": {"at": None, "done": True}}


def main() -> None:
    """Every page, its records counted."""
    made_for_records()
    settings = SystemSettings(
        system="jobnimbus", secret=SECRET, base_url=sys.argv[1], timezone="UTC", rate="1000000/s"
    )  # fmt: skip
    connector, count = JobNimbus(settings), 0
    began = time.process_time()
    for page in connector.changes("contacts", SINCE, FIELDS, lambda ids: {}):
        count += len(page.records)
    print(orjson.dumps({"records": count, "cpu": time.process_time() - began}).decode())


if __name__ == "__main__":
    main()
