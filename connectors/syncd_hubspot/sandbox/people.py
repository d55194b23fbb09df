"""The portal's owners and pipelines: who may be assigned, which stages exist.

What is not here: paths (`schema_api`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from syncd_hubspot.sandbox.standard import OWNERS, PIPELINES
from syncd_hubspot.sandbox.times import iso


@dataclass(slots=True)
class Owner:
    """A person who can own records. `id` is what records carry; `user_id` is never assignable."""

    id: int
    user_id: int
    first: str
    last: str
    email: str
    created: int
    archived: bool = False

    def wire(self) -> dict[str, Any]:
        """The owner as the API shows it; a deactivated one has no user id any more."""
        return {
            "id": str(self.id),
            "email": self.email,
            "type": "PERSON",
            "firstName": self.first,
            "lastName": self.last,
            "userId": None if self.archived else self.user_id,
            "userIdIncludingInactive": self.user_id,
            "createdAt": iso(self.created),
            "updatedAt": iso(self.created),
            "archived": self.archived,
            "teams": [],
        }


@dataclass(slots=True)
class Stage:
    """One step of a pipeline; closed when its probability is 0 or 1."""

    id: str
    label: str
    probability: str
    archived: bool = False

    @property
    def closed(self) -> bool:
        """Won or lost."""
        return float(self.probability) in (0.0, 1.0)

    @property
    def won(self) -> bool:
        """Won."""
        return float(self.probability) == 1.0

    def wire(self, order: int, created: int) -> dict[str, Any]:
        """The stage as the API shows it."""
        return {
            "id": self.id,
            "label": self.label,
            "displayOrder": order,
            "metadata": {"probability": self.probability, "isClosed": str(self.closed).lower()},
            "createdAt": iso(created),
            "updatedAt": iso(created),
            "archived": self.archived,
            "writePermissions": "CRM_PERMISSIONS_ENFORCEMENT",
        }


@dataclass(slots=True)
class Pipeline:
    """A deal pipeline with its stages by id."""

    id: str
    label: str
    created: int
    stages: dict[str, Stage] = field(default_factory=dict)

    def wire(self, order: int) -> dict[str, Any]:
        """The pipeline as the API shows it, living stages only."""
        living = [stage for stage in self.stages.values() if not stage.archived]
        return {
            "id": self.id,
            "label": self.label,
            "displayOrder": order,
            "stages": [stage.wire(number, self.created) for number, stage in enumerate(living)],
            "createdAt": iso(self.created),
            "updatedAt": iso(self.created),
            "archived": False,
        }

    def stage(self, id: str) -> Stage | None:
        """The living stage of this id."""
        found = self.stages.get(id)
        return None if found is None or found.archived else found


def owners(now: int) -> dict[int, Owner]:
    """The invented sales people."""
    return {one: Owner(one, user, first, last, email, now) for one, user, first, last, email in OWNERS}


def pipelines(now: int) -> dict[str, Pipeline]:
    """The two deal pipelines."""
    return {
        one: Pipeline(one, label, now, {stage: Stage(stage, name, odds) for stage, name, odds in stages})
        for one, label, stages in PIPELINES
    }
