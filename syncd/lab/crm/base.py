"""What the lab asks of the CRM on the left side: its sandbox, its account, its people, and the fewest requests.

What is not here: any CRM (`hubspot`, `salesforce`), and the right side, which is the same whatever stands on the left.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from syncd.core.fieldmap import Direction
from syncd.core.model import Action
from syncd.engine.world import World
from syncd.kit.people import Person
from syncd.kit.remote import Remote

_ALL = 10_000_000

Place = tuple[str, str]
"""(system, kind)"""


@dataclass(frozen=True, slots=True)
class Lack:
    """A field that a map names and the sandbox may not have: of which kind, and what the map's rule says of it.

    `rule` None: it holds our key. `side`: the map's side that the CRM stands on.
    """

    kind: str
    name: str
    rule: Mapping[str, Any] | None
    side: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticks:
    """How often each interval fitted into the time of a run: polls, the settled lane, the list of archived records."""

    polls: int
    settled: int
    bin: int


@dataclass(frozen=True, slots=True)
class Done:
    """What was written, by (system, kind): records made, records changed, and those compared one by one."""

    made: Counter[Place]
    changed: Counter[Place]
    compared: Counter[Place]

    @staticmethod
    def read(world: World) -> Done:
        """From the journal: every write that the vendor confirmed."""
        done = Done(Counter(), Counter(), Counter())
        with world.store.read() as tx:
            intents = tx.journal.recent(limit=_ALL)
        for intent in intents:
            m = world.maps.get(intent.map)
            if m is None or intent.outcome not in ("written", "landed"):
                continue
            place = (m.end(intent.side).system, m.end(intent.side).kind)
            if intent.action is Action.CREATE:
                done.made[place] += 1
                continue
            done.changed[place] += 1
            both = {rule.name for rule in m.rules if rule.direction is Direction.BOTH}
            done.compared[place] += bool(both & set(intent.rules))
        return done


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the floor is reckoned from. `found`: records per kind before the run; `since`: its first request."""

    remote: Remote
    since: int
    found: Mapping[str, int]
    done: Done
    ticks: Ticks


class Crm(Protocol):
    """One CRM in a box. Each is a module's only object; none holds a state."""

    name: str
    """Of its connector, its sandbox, and its system on a stage."""

    secret: str
    """What its connector calls its key."""

    key: str
    """The key of the sandbox, which opens nothing else."""

    kinds: tuple[str, ...]
    """The kinds that the shipped maps read."""

    maps: Mapping[str, str]
    """Each shipped map with the custom field of its right kind that the staff leaves to syncd."""

    own_settings: tuple[str, ...]
    """The settings of a system that the stage says itself, and takes from nobody's set-up."""

    hand: str
    """Who acts, as the vendor knows them."""

    hooks: bool
    """Whether it has webhooks."""

    lags: Mapping[str, Any]
    """Switches of the sandbox in a proof: the longest lag that the feeds' durations there are made for."""

    own_acts: float
    """How often its people do what only they can do (`act`), in a proof."""

    def switches(self, rate: str, searches: str | None) -> Mapping[str, Any]:
        """Switches of the sandbox on any stage. `rate`, `searches`: requests per seconds; None: the vendor's own."""

    def options(self, timing: Mapping[str, Any], searches: str | None) -> Mapping[str, Any]:
        """The connector's own settings on any stage, whoever's maps are played."""

    def prepare(self, remote: Remote) -> None:
        """Make the account ready as a careful admin would, for the shipped maps."""

    def furnish(self, remote: Remote, lacks: Sequence[Lack]) -> None:
        """Make the fields of these that are missing. httpx.HTTPStatusError for what the vendor would refuse too."""

    def seed(self, remote: Remote, leads: int, seed: int) -> dict[str, Any]:
        """Fill it with so many invented people and their work."""

    def make_lead(self, remote: Remote, number: str) -> None:
        """Somebody enters a lead of their own with this number in it, and its work, so that it is handed over."""

    def new_lead(self, remote: Remote, person: Person, who: str) -> str:
        """This person enters, with work that is handed over; the id of their contact."""

    def ties(self, remote: Remote, kind: str) -> Mapping[str, Sequence[str]]:
        """Ids of the contacts that records of a kind belong to, by record, where the records themselves do not say."""

    def act(self, remote: Remote, kind: str, id: str) -> str | None:
        """What only its people do to such a record, done; a word for it. None if nothing is."""

    def floor(self, asked: Asked) -> dict[str, int]:
        """The fewest requests by endpoint."""
