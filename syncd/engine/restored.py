"""A store that was restored from an old copy: bases that may not know of our own writes since it was made.

Where both records were changed since then and differ, either may hold what syncd itself wrote: a person is asked,
whatever the map's owner. Where one was, the other is as the copy knows it, and all goes on as ever. What is not here:
putting the copy in its place (`service.keeping`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from syncd.core.fieldmap import Direction
from syncd.core.model import Side
from syncd.engine.item import Item, again
from syncd.store.store import Tx

RESTORED = "restored"
"""The fact that says when the copy was made, as ISO 8601."""

MARGIN = timedelta(minutes=10)
"""Clocks differ, and a copy's last poll lies behind the copy."""

REASON = "the store was restored from a copy, and both sides were changed since it was made"


def doubt(tx: Tx) -> datetime | None:
    """The store is an old copy: doubt every link, and read both sides anew; when it was made, as far as it says so.

    Nothing is created before both sides were read through (rule 8), so that what was made since then is found, and not
    made again.
    """
    feeds = tx.feeds.all()
    made = max((feed.polled_at for feed in feeds if feed.polled_at is not None), default=None)
    if made is None:
        return None
    tx.runs.set_fact(RESTORED, (made - MARGIN).isoformat())
    tx.links.doubt()
    tx.snapshots.unread()
    for feed in feeds:
        tx.feeds.reset(feed.system, feed.kind)
    return made


def doubts(tx: Tx, items: Sequence[Item]) -> Mapping[int, Mapping[str, str]]:
    """By link, the rules that a person is asked about if they differ, and why; none for who is in no doubt.

    What was not read since the copy was restored is read first: an item that has such a record gets a rest.
    """
    doubted = [item for item in items if item.link is not None and item.link.doubted]
    since = tx.runs.fact(RESTORED) if doubted else None
    if since is None:
        return {}
    found: dict[int, Mapping[str, str]] = {}
    for item in doubted:
        unread = [side for side, one in item.snapshots.items() if one.record.read_at is None]
        if unread and not all(item.asks(side) for side in unread):
            why = "the store was restored from a copy; it is read once more"
            item.fail(again("doubted", why, after=timedelta(0), reread=True, count=False))
        elif item.link is not None and all(_changed(item, side, since) for side in Side):
            both = (rule.name for rule in item.m.rules if rule.direction is Direction.BOTH)
            found[item.link.id] = dict.fromkeys(both, REASON)
    return found


def _changed(item: Item, side: Side, since: str) -> bool:
    """Whether a record was changed after the copy was made, as far as can be told."""
    modified = item.record(side).modified_at
    return modified is None or modified > datetime.fromisoformat(since)


def trust(tx: Tx, items: Iterable[Item]) -> None:
    """What was looked at is in doubt no more: what it was asked about is on the list of conflicts."""
    tx.links.trust(
        item.link.id for item in items if item.link is not None and item.link.doubted and item.plan is not None
    )
