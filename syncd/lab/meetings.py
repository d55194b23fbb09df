"""No two workers on one link at a time, shown from the journal's fences.

Every claim has a fence, greater than all before it, and every write stands in the journal under its claim's fence. So
the writes of a link must come in the order of their fences, and a write under a new fence must not be opened before
every write of an older fence was closed: whoever comes later settles first. Two processes may be in one pair at once
where a machine is so busy that one overran its lease; the fences are what keeps them apart.
What is not here: what the writes say (`causes`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import pairwise

from syncd.core.model import Side
from syncd.engine.world import World
from syncd.lab.laws import Breach
from syncd.store.journal import Intent

CLOCKS = timedelta(seconds=2)
"""A write opens on its vendor's clock, which is known to about a second, and closes on ours."""


def meetings(world: World) -> list[Breach]:
    """Links on which two claims worked at once."""
    with world.store.read() as tx:
        intents = tx.journal.recent(limit=10_000_000)[::-1]
    by_link: dict[tuple[str, object], list[Intent]] = defaultdict(list)
    for intent in intents:
        by_link[intent.map, intent.link or (intent.side, intent.source_id)].append(intent)
    return [breach for several in by_link.values() for breach in _claims(several)]


def _claims(intents: list[Intent]) -> Iterable[Breach]:
    """Writes of one link, oldest first."""
    latest: datetime | None = None
    for before, after in pairwise(intents):
        if after.fence < before.fence:
            yield _breach(after, f"fence {after.fence} wrote after fence {before.fence}")
        elif after.fence > before.fence:
            open_ = [one for one in intents if one.fence < after.fence and one.outcome is None]
            latest = max((one.closed_at for one in intents if one.fence < after.fence and one.closed_at), default=None)
            if open_ or (latest is not None and latest > after.opened_at + CLOCKS):
                what = f"write {open_[0].id} of an older fence was open" if open_ else f"an older one ended at {latest}"
                yield _breach(after, f"fence {after.fence} began at {after.opened_at}, and {what}")


def _breach(intent: Intent, text: str) -> Breach:
    ids = {intent.side: intent.record_id, intent.side.other: intent.source_id}
    return Breach(law="two at one link", map=intent.map, left=ids[Side.LEFT], right=ids[Side.RIGHT], rule=None,
                  text=f"write {intent.id}: {text}")  # fmt: skip
