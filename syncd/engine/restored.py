"""A store that was restored from an old copy: bases that may not know of our own writes since it was made.

Where both records were changed since then and differ, either may hold what syncd itself wrote: a person is asked,
whatever the map's owner. Where one was, the other is as the copy knows it, and all goes on as ever. What is not here:
putting the copy in its place (`service.keeping`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from syncd.core.fieldmap import Direction
from syncd.core.model import Side
from syncd.engine.item import Item, again
from syncd.store.store import Tx

RESTORED = "restored"
"""The fact that says when the copy was made, as ISO 8601."""

MARGIN = timedelta(minutes=70)
"""What an index shows late, and what clocks differ by: so far before its horizon a feed may not have been read."""

EPOCH = datetime.fromtimestamp(0, tz=UTC)

REASON = "the store was restored from a copy, and both sides were changed since it was made"


def doubt(tx: Tx, made: datetime | None = None) -> datetime | None:
    """The store is an old copy: doubt every link, and read both sides anew; when it last read, None if it never did.

    `made`: when the copy was made, if that is earlier. Said twice, the earlier one holds while anything is in doubt.
    Nothing is created before both sides were read through (rule 8), so that what was made since then is found, and not
    made again.
    """
    feeds = tx.feeds.all()
    polled = max((feed.polled_at for feed in feeds if feed.polled_at is not None), default=None)
    if polled is None:
        return None
    known = [feed.read_to if feed.backfilled and feed.read_to is not None else EPOCH for feed in feeds]
    since = min([*known, *([made] if made is not None else [])])
    since = max(since, EPOCH + MARGIN) - MARGIN
    before = tx.runs.fact(RESTORED)
    if before is not None and tx.links.any_doubted():
        since = min(since, datetime.fromisoformat(before))
    tx.runs.set_fact(RESTORED, since.isoformat())
    tx.links.doubt()
    tx.snapshots.unread()
    for feed in feeds:
        tx.feeds.reset(feed.system, feed.kind)
    return polled


def doubts(tx: Tx, items: Sequence[Item]) -> Mapping[int, Mapping[str, str]]:
    """By link, the rules that a person is asked about if they differ, and why; none for who is in no doubt.

    What was not read since the copy was restored is read first: an item that has such a record gets a rest.
    """
    doubted = {item.link.id: item for item in items if item.link is not None and item.link.doubted}
    since = tx.runs.fact(RESTORED) if doubted else None
    if since is None:
        return {}
    found: dict[int, Mapping[str, str]] = {}
    for id_, item in doubted.items():
        unread = [side for side, one in item.snapshots.items() if one.record.read_at is None]
        if unread and not all(item.asks(side) for side in unread):
            why = "the store was restored from a copy; it is read once more"
            item.fail(again(item.carried or "doubted", why, after=timedelta(0), reread=True, count=False))
        elif _in_doubt(item, since):
            both = (rule.name for rule in item.m.rules if rule.direction is Direction.BOTH)
            found[id_] = dict.fromkeys(both, REASON)
    return found


def _in_doubt(item: Item, since: str) -> bool:
    """Whether either side may hold what we wrote since: one was changed, and the other one too, or before the copy."""
    changed = {side: _changed(item, side, since) for side in Side}
    waits = {side: item.link is not None and bool(item.link.delta(side)) for side in Side}
    return any(changed.values()) and all(changed[side] or waits[side] for side in Side)


def _changed(item: Item, side: Side, since: str) -> bool:
    """Whether a record was changed after the copy was made, as far as can be told."""
    modified = item.record(side).modified_at
    return modified is None or modified > datetime.fromisoformat(since)


def trust(tx: Tx, items: Iterable[Item]) -> None:
    """What was looked at is in doubt no more: what it was asked about is on the list of conflicts."""
    tx.links.trust(
        item.link.id for item in items if item.link is not None and item.link.doubted and item.plan is not None
    )
