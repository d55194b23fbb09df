"""vdirsyncer's two-way `sync()` between two storages in memory. `with_vdirsyncer.py SIZE CHANGED`.

It links SIZE cards on both sides by their UID, changes CHANGED on each side, and syncs again; one line for each of the
three: first, idle, changes. Where it is ahead: nothing travels, and nothing is stored but a hash for each item; its
decision is forty lines. Where it is not: an item is a whole: two people who edit two fields of one card are a conflict,
the UID must be the same on both sides, and each sync walks through all there is, changed or not.
"""

import asyncio
import json
import sys
import time

from vdirsyncer.storage.memory import MemoryStorage
from vdirsyncer.sync import sync
from vdirsyncer.sync.status import SqliteStatus
from vdirsyncer.vobject import Item

CARD = """BEGIN:VCARD
VERSION:3.0
UID:{number}
FN:Ada Abbott {number}
N:Abbott;Ada;;;
EMAIL:ada.abbott.{number}@example.com
TEL:{number:010}
ORG:Abbott Homes
ADR:;;{number} Oak St;{city};IL;60601;USA
END:VCARD"""


async def main():
    size, changed = map(int, sys.argv[1:])
    sides = MemoryStorage(), MemoryStorage()
    for number in range(size):
        for side in sides:
            await side.upload(Item(CARD.format(number=number, city="Chicago")))
    status = SqliteStatus(":memory:")
    await timed("first", size, sides, status)
    await timed("idle", size, sides, status)
    for place, side in enumerate(sides):
        for number in range(place * changed, (place + 1) * changed):
            item = Item(CARD.format(number=number, city="Aurora"))
            await side.update(item.ident, item, side.items[item.ident][0])
    await timed("changes", 2 * changed, sides, status)


async def timed(what, records, sides, status):
    began = time.process_time()
    await sync(*sides, status, conflict_resolution=None)
    print(json.dumps({"what": what, "records": records, "cpu": time.process_time() - began}))


if __name__ == "__main__":
    asyncio.run(main())
