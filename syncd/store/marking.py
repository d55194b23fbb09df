"""What is said to the table of marks, made once; and the states a mark can be in.

What is not here: the verbs (`marks`), and statements that are rare.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from sqlalchemy import Executable, and_, bindparam, case, delete, func, not_, null, or_, select, text, update

from syncd.core.model import Side
from syncd.store.columns import Moment
from syncd.store.sql import among, beside, inserting
from syncd.store.tables import ASKED, links, marks

DUE, PARKED, PLANNED, HELD, WEIGHED, COMING = "due", "parked", "planned", "held", "weighed", "coming"
"""WEIGHED: planned for the guard, which has not decided yet; then due again, or held. COMING: one of many that become
due together (`coming`)."""

DELETED = "deleted"
"""The cause of a mark that carries a person's word that the record was deleted; it stands beside any other cause."""

_ASKING = select(marks.c.id).where(marks.c.map == bindparam("map"), ASKED).limit(1)
# SQLite, which knows nothing of what its tables hold, would rather go through all marks of the map.
_ASKING_LITE = text(
    "SELECT id FROM marks INDEXED BY ix_marks_asked "
    "WHERE map = :map AND state = 'parked' AND cause = 'question' LIMIT 1"
)
_AT = and_(marks.c.map == bindparam("at_map"), marks.c.side == bindparam("at_side"), marks.c.id == bindparam("at_id"))
FENCE = select(marks.c.fence).where(_AT, marks.c.leased_until.is_not(None))
MINE = select(marks.c.map, marks.c.side, marks.c.id).where(
    marks.c.fence == bindparam("by"), marks.c.leased_until.is_not(None)
)
MY_LINKS = select(links.c.id).where(among(links.c.id), links.c.fence == bindparam("by"))
EXTEND = tuple(
    update(table).where(table.c.fence == bindparam("by"), table.c.leased_until.is_not(None)).values(
        leased_until=bindparam("until")
    )
    for table in (marks, links)
)  # fmt: skip
LEASE_LINKS = update(links).where(among(links.c.id)).values(leased_until=bindparam("until"), fence=bindparam("by"))
FREE_LINKS = (
    select(links.c.id)
    .where(among(links.c.id), or_(links.c.leased_until.is_(None), links.c.leased_until < bindparam("now")))
    .with_for_update(skip_locked=True)
)
GET = select(marks).where(marks.c.map == bindparam("map"), marks.c.side == bindparam("at"), among(marks.c.id))
# News (`Mark.news`) that is nobody's now: whoever links its record does what it asks.
NEWS = GET.where(
    marks.c.state == DUE, marks.c.due_at <= bindparam("now"),
    or_(marks.c.leased_until.is_(None), marks.c.leased_until < bindparam("now")),
    not_(marks.c.reread), *(column.is_(None) for column in (marks.c.cause, marks.c.permit, marks.c.anew)),
)  # fmt: skip
RESTING = (
    select(marks).where(marks.c.state == bindparam("in")).order_by(marks.c.first_at).limit(bindparam("limit"))
)  # fmt: skip
RESTING_OF = RESTING.where(marks.c.map == bindparam("map"))
LINK_FENCE = select(links.c.fence).where(links.c.id == bindparam("link"))
_SEVERAL = and_(marks.c.map == bindparam("at_map"), marks.c.side == bindparam("at_side"), among(marks.c.id))
LEASE = update(marks).where(_SEVERAL).values(leased_until=bindparam("until"), fence=bindparam("by"))
_SEEN = and_(marks.c.generation == bindparam("seen"), marks.c.fence == bindparam("by"))
_AS_SEEN = and_(_AT, _SEEN)
NOT_YET: dict[str, None] = dict.fromkeys(("plan", "cause", "reason"))
"""What a mark that rested with a plan forgets when it is due as before."""
KEEP_PLAN = update(marks).where(_AT, marks.c.generation == bindparam("seen")).values(plan=bindparam("kept"))
DONE = delete(marks).where(_SEVERAL, _SEEN)
WAKE = (
    update(marks)
    .where(among(marks.c.waits_for))
    .values(state=DUE, due_at=bindparam("now"), waits_for=None, generation=marks.c.generation + 1)
    .values(first_at=bindparam("now"), attempts=0)
)
WAITING = select(marks).where(marks.c.waits_for == bindparam("waits_for"))


def asking(dialect: str) -> Any:
    """A mark of a map that is parked with a question."""
    return _ASKING_LITE if dialect == "sqlite" else _ASKING


@cache
def retrying(given: frozenset[str], *, was: str, reread: bool) -> Any:
    """Those of a state are due again: of a map, of ids, of causes, whatever is given; what was planned as before."""
    named = {"of", "among"} <= given
    query = update(marks).where((beside(marks.c.state) if named else marks.c.state) == bindparam("was"))
    if "of" in given:
        query = query.where(marks.c.map == bindparam("of"))
    if "among" in given:
        # Both sides are named so that the primary key finds them.
        query = query.where(marks.c.side.in_([str(side) for side in Side]), among(marks.c.id))
    if "causes" in given:
        query = query.where(marks.c.cause.in_(bindparam("causes", expanding=True)))
    values: dict[str, Any] = {"state": DUE, "due_at": bindparam("now"), "attempts": 0, "waits_for": None, "plan": None,
              "generation": marks.c.generation + 1}  # fmt: skip
    more = {**({"first_at": bindparam("now")} if was != DUE else {}), **({"reread": True} if reread else {})}
    return query.values({**values, **more, **(NOT_YET if was == PLANNED else {})})


@cache
def resting(names: tuple[str, ...]) -> Executable:
    """A mark rests, with these columns."""
    return update(marks).where(_AS_SEEN).values({name: bindparam(name) for name in names})


@cache
def adding(dialect: str) -> Any:
    """A mark, or a new generation of the one that is there."""
    statement = inserting(dialect, marks)
    new, held = statement.excluded, marks.c.state == HELD
    told = or_(new.cause == DELETED, and_(marks.c.state == DUE, marks.c.cause == DELETED))
    one_sided = or_(*(marks.c.cause.like(f"% {side}") for side in Side))
    wanted = and_(marks.c.reread, one_sided, not_(new.reread))
    mixed = and_(marks.c.reread, marks.c.cause.is_distinct_from(new.cause))
    changes = {
        "generation": marks.c.generation + 1,
        "state": case((held, HELD), else_=DUE),
        "due_at": new.due_at,
        "first_at": case((or_(held, marks.c.state == DUE), marks.c.first_at), else_=new.first_at),
        "lane": case((marks.c.lane < new.lane, marks.c.lane), else_=new.lane),
        "reread": or_(marks.c.reread, new.reread),
        "pulled": or_(marks.c.pulled, new.pulled),
        "anew": func.coalesce(new.anew, marks.c.anew),
        "attempts": 0,
        # A read of one side only, as its cause says, must not take the place of a read of both; news needs no read.
        "cause": case((told, DELETED), (wanted, marks.c.cause), (mixed, null()), else_=new.cause),
        "waits_for": None,
        "plan": case((held, marks.c.plan), else_=null()),
    }
    return statement.on_conflict_do_update(index_elements=["map", "side", "id"], set_=changes)


def _claimable(map_key: Any, by: Any, now: Any) -> Any:
    """Due by then, and leased by nobody, or by somebody whose time is over."""
    free = or_(marks.c.leased_until.is_(None), marks.c.leased_until < now)
    return and_(marks.c.map == map_key, marks.c.state == DUE, marks.c.due_at <= by, free)


def _linked(map_key: Any) -> Any:
    sides = ((Side.LEFT, links.c.left_id), (Side.RIGHT, links.c.right_id))
    link = select(links.c.id).where(links.c.map == map_key, links.c.state == "open")
    return or_(*(and_(marks.c.side == str(side), link.where(column == marks.c.id).exists()) for side, column in sides))


@cache
def claiming(*, linked_only: bool, leads: bool) -> Any:
    """The marks of a side that are to be worked on first. `leads`: those of the first lane alone."""
    query = select(marks).where(_claimable(*(bindparam(name) for name in ("map", "by", "now"))))
    query = query.where(marks.c.side == bindparam("at"))
    if linked_only:
        query = query.where(_linked(bindparam("map")))
    if leads:
        query = query.where(marks.c.lane == 0)
    query = query.order_by(marks.c.lane, marks.c.due_at, marks.c.id).limit(bindparam("limit"))
    return query.with_for_update(skip_locked=True)


DUE_COUNT = select(func.count()).where(
    _claimable(bindparam("map"), bindparam("now"), bindparam("now")), marks.c.permit.is_(None)
)
# From one map to the next in the index, and there to the first mark of each lane: what is due later costs nothing.
_MAPS = """WITH RECURSIVE each(map) AS (
    SELECT min(map) FROM marks WHERE state = :in
    UNION ALL
    SELECT (SELECT min(marks.map) FROM marks WHERE state = :in AND marks.map > each.map)
    FROM each WHERE each.map IS NOT NULL
)
"""
MAPS_IN = text(f"{_MAPS} SELECT map FROM each WHERE map IS NOT NULL")  # noqa: S608  # nothing but our own words
MAPS_DUE = text(f"""{_MAPS}
SELECT each.map FROM each CROSS JOIN (SELECT 0 AS lane UNION ALL SELECT 1 UNION ALL SELECT 2) AS lanes WHERE EXISTS (
    SELECT 1 FROM marks WHERE state = :in AND marks.map = each.map AND marks.lane = lanes.lane
    AND due_at <= :now AND (leased_until IS NULL OR leased_until < :now)
)
""").bindparams(bindparam("now", type_=Moment()))  # noqa: S608  # as above
ANY_DUE = select(marks.c.id).where(_claimable(bindparam("map"), bindparam("now"), bindparam("now"))).limit(1)
LEAD_DUE = ANY_DUE.where(marks.c.lane == 0)
LINKED_DUE = ANY_DUE.where(_linked(bindparam("map")))
