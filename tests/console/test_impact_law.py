"""What the console says a changed map would do is what a run then does, record by record, field by field.

A small world is put back as it was, people edit some of its records, a map is changed. The preview and the impact are
taken from the store alone; then the map is taken and applied, and what was written is compared. What is not here: the
pages (`test_maps_page`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, assume, event, example, given, note, settings

from syncd.app import App
from syncd.console import draft
from syncd.core.fieldmap import FieldMap
from syncd.core.model import Action, Side, Value
from syncd.engine.world import World
from syncd.lab.stage import PAIR
from syncd.service import mapfiles
from syncd.service.impact import Impact, impact
from syncd.service.mapfiles import Checked
from syncd.store.links import Link
from syncd.store.marks import PARKED
from tests.conftest import LONG
from tests.console.again import Again, again
from tests.console.whims import ALL_ARE_LEADS, DRAFTS, EDITS, FILED, LEADS, NAMED, Edit

BY_ID = re.compile(r"/objects/.*/batch/read$|\{jnid\}$")
LATER = 15.0
"""Seconds after which both vendors tell of an edit."""


@dataclass(slots=True)
class Said:
    """What the previews said: writes by link and side, the rules that are asked about, and those that are not read."""

    writes: dict[tuple[int, Side], dict[str, Value]] = field(default_factory=dict)
    asked: set[tuple[int, str]] = field(default_factory=set)
    parked: set[int] = field(default_factory=set)
    unread: set[int] = field(default_factory=set)
    made: int = 0


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Again]:
    """The world that each example begins in."""
    with again(tmp_path_factory.mktemp("law"), LEADS) as made:
        yield made


def _do(home: Again, app: App, edits: Sequence[Edit]) -> None:
    """People edit, and all of it is synced by the map of before."""
    for one in edits:
        vendor = home.stage.left if one.side is Side.LEFT else home.stage.right
        records = vendor.records(one.kind)
        record = records[one.number % len(records)]
        vendor.act("update", one.kind, id=record.get("jnid", record.get("id")), fields=dict(one.fields))
    if edits:
        home.pass_by(LATER)
    app.once()


def _checked(app: App, name: str, text: str) -> Checked:
    """What the page says of a text."""
    file = mapfiles.one(app.config, PAIR, name)
    assert file is not None
    return mapfiles.checked(app.config, file, text, lambda system, kind: app.connectors[system].describe(kind))


def _tell(app: App, name: str, text: str) -> None:
    """What was changed, for whoever reads a failure."""
    file = mapfiles.one(app.config, PAIR, name)
    assert file is not None
    for line in mapfiles.compared(mapfiles.text_of(file), text):
        if line.kind in "+-":
            note(line.kind + line.text)


def _links(app: App, key: str) -> list[Link]:
    with app.ready_store.read() as tx:
        return tx.links.all(key)


def _said(world: World, m: FieldMap, links: Sequence[Link]) -> Said:
    """The preview of every linked record."""
    said = Said()
    with world.store.read() as tx:
        for link in links:
            look = draft.look(world, tx, m, str(m.left.ref(link.left_id)))
            assert look is not None
            if look.unread:
                said.unread.add(link.id)
            for one in look.rules:
                if one.writes is not None:
                    said.writes.setdefault((link.id, one.writes), {})[str(one.rule.field(one.writes))] = one.value
                if one.verdict == "conflict":
                    said.asked.add((link.id, one.rule.name))
            if look.parked:
                said.parked.add(link.id)
    return said


def _applied(app: App, key: str) -> None:
    """The map is taken, and carried to all of its records, until there is nothing more to do."""
    app.once()
    (pair,) = app.pairs(PAIR)
    with app.ready_store.begin() as tx:  # a run by this map: else `map apply` waits until a daemon has read it
        tx.runs.end(tx.runs.start(pair.name, pair.mode, pair.digest, app.clock()), "done", {}, app.clock())
    app.map_apply(key)
    app.once()


def _done(app: App, m: FieldMap, links: Sequence[Link], since: int) -> Said:
    """What was written since, and what stands on the lists now, of these links."""
    ids = {link.id for link in links}
    done = Said()
    with app.ready_store.read() as tx:
        for intent in reversed(tx.journal.recent(limit=10_000)):
            if intent.id > since and intent.outcome == "written" and intent.map == m.key:
                done.made += intent.action is Action.CREATE
                if intent.action is Action.UPDATE and intent.link is not None and intent.link in ids:
                    done.writes.setdefault((intent.link, intent.side), {}).update(intent.fields)
        done.asked = {(row.link, row.rule) for row in tx.conflicts.list(states=["open"], map_key=m.key, limit=10_000)}
        parked = {mark.side: set() for mark in tx.marks.resting(PARKED, m.key)}
        for mark in tx.marks.resting(PARKED, m.key):
            parked[mark.side].add(mark.id)
    done.parked = {one.id for one in links for side, marks in parked.items() if one.id_on(side) in marks}
    return done


def _last(app: App) -> int:
    with app.ready_store.read() as tx:
        return max((one.id for one in tx.journal.recent(limit=1)), default=0)


def _of(said: Said, links: set[int]) -> dict[str, Any]:
    """The part that is about these links, to be compared."""
    return {
        "writes": {key: dict(sorted(fields.items())) for key, fields in said.writes.items() if key[0] in links},
        "asked": {one for one in said.asked if one[0] in links},
        "parked": said.parked & links,
    }


def _adds_up(found: Impact, said: Said, links: Sequence[Link]) -> None:
    """The impact is the sum of the previews."""
    assert found.links == len(links)
    for side in Side:
        assert found.records[f"write {side}"] == sum(at is side for _, at in said.writes)
    assert found.records["touched"] == len({id_ for id_, _ in said.writes})
    assert found.records["ask"] <= len({id_ for id_, _ in said.asked})
    assert found.records["parked"] == len(said.parked)
    assert found.records["not read"] == len(said.unread)


def _by_id(home: Again, since: Mapping[str, int]) -> dict[str, tuple[int, int]]:
    """Of each vendor, since then: the requests that read or write records by their ids, and those that write."""
    found = {}
    for name, vendor in home.stage.vendors.items():
        told = [one for one in vendor.requests(since[name]) if one["write"] or BY_ID.search(one["template"])]
        found[name] = len(told), sum(one["write"] for one in told)
    return found


def _cost_is_as_said(found: Impact, spent: Mapping[str, tuple[int, int]]) -> None:
    """About so many calls: no more writes, and no fewer reads and writes, unless records are made."""
    for system, calls in found.calls.items():
        of_ids, writes = spent[system]
        assert calls.least <= of_ids
        assert writes <= calls.most or found.new


def _asked(home: Again) -> dict[str, int]:
    return {name: vendor.mark() for name, vendor in home.stage.vendors.items()}


def test_a_run_does_what_the_impact_says(home: Again) -> None:
    """Whatever the map, whatever people edited: records, fields, values, questions, what is parked are as was said."""

    @example(drawn=("deals-jobs", ALL_ARE_LEADS), edits=[])
    @example(drawn=("deals-jobs", NAMED), edits=[FILED])
    @given(drawn=DRAFTS, edits=EDITS)
    @settings(
        max_examples=200 if LONG else 4,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        phases=[one for one in Phase if LONG or one is not Phase.shrink],  # worlds shrink for minutes
    )
    def law(drawn: tuple[str, str], edits: list[Edit]) -> None:
        _law(home, *drawn, edits)

    law()


def _law(home: Again, name: str, text: str, edits: Sequence[Edit]) -> None:
    _tell(home.app, name, text)
    assume(not _checked(home.app, name, text).errors)
    with home.world() as config:
        with home.open(config) as app:
            _do(home, app, edits)
            before = _asked(home)
            checked = _checked(app, name, text)
            assert checked.map is not None and checked.maps is not None
            world, m = draft.drafted(app.world, PAIR, checked.maps), checked.map
            links, since = _links(app, m.key), _last(app)
            said, found = _said(world, m, links), impact(app.config, world, m)
            assert _asked(home) == before
        _adds_up(found, said, links)
        (config.parent / "maps" / f"hubspot-jobnimbus/{name}.yaml").write_text(text)
        with home.open(config) as app:
            before = _asked(home)
            _applied(app, m.key)
            spent = _by_id(home, before)
            done = _done(app, m, links, since)
        event(f"{name}: {len(said.writes)} written, {len(said.asked)} asked, {len(said.unread)} not read")
        known = {link.id for link in links} - said.unread
        assert _of(done, known) == _of(said, known)
        assert done.made <= found.new
        if not said.unread:
            _cost_is_as_said(found, spent)
