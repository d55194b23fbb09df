"""Who has a role in an opportunity, written: contact roles are records of their own, made and deleted in lists.

What is not here: reading them (`reads`), and a new opportunity's first contact, which comes with it where it can.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from syncd.core.model import Gone, Operation, Outcome, Record, Result
from syncd.errors import Ambiguous, AuthError, Refused, SyncdError, Transient
from syncd.kit.http import Answer
from syncd.kit.outcomes import ended, ids_of, later, ref_of
from syncd_salesforce import ids
from syncd_salesforce.client import WRITE_LIMIT, Row
from syncd_salesforce.outcomes import failed, items
from syncd_salesforce.reads import Reads, chunks
from syncd_salesforce.schema import RELATION
from syncd_salesforce.troubles import SalesforceRefused, of_item

_UNTOLD = "Salesforce does not tell which contacts have a role in this opportunity."
_UNCLEAR = "Salesforce answered without a result for a contact role."

Failures = dict[str, Outcome]
Step = tuple[Operation, Row | str]
"""A role to make, or the id of one to delete, and the operation it belongs to."""


@dataclass(frozen=True, slots=True)
class Join:
    """Contacts that a new opportunity was not made with. `first`: the first of them becomes the primary one."""

    opportunity: str
    contacts: Sequence[str]
    first: bool


@dataclass(frozen=True, slots=True)
class Roles:
    """Writes the contact roles of one org."""

    reads: Reads

    def joined(self, joins: Sequence[Join]) -> set[str]:
        """Give new opportunities their contacts; the ids of those that lack one of them afterwards."""
        roles = [
            (join.opportunity, _role(join.opportunity, one, primary=join.first and at == 0))
            for join in joins
            for at, one in enumerate(join.contacts)
        ]
        return {id_ for part in chunks(roles, WRITE_LIMIT) for id_ in self._lacking(part)}

    def _lacking(self, part: Sequence[tuple[str, Row]]) -> Iterator[str]:
        try:
            told = items(self.reads.client.insert([role for _, role in part], {}), len(part))
        except SyncdError:
            told = None
        made = [one["success"] for one in told] if told is not None else [False] * len(part)
        yield from (id_ for (id_, _), success in zip(part, made, strict=True) if not success)

    def moved(self, batch: Sequence[Operation], before: Mapping[str, Record | Gone]) -> Failures:
        """Make the roles what they should be; by operation, the outcomes of those where that failed."""
        failures: Failures = {}
        due = [op for op in batch if self._differs(op, before[ref_of(op).id], failures)]
        if not due:
            return failures
        rows = self.reads.roles([ref_of(op).id for op in due])
        old, new = _steps(due, rows)
        # New ones first: should the rest fail, nobody lost a role.
        self._carried_out(new, failures, deleting=False)
        self._carried_out([step for step in old if step[0].id not in failures], failures, deleting=True)
        return failures

    def _differs(self, op: Operation, found: Record | Gone, failures: Failures) -> bool:
        if isinstance(found, Gone) or RELATION not in found.fields:
            failures[op.id] = ended(op, Result.LATER, _UNTOLD)
            return False
        return set(ids_of(found.fields[RELATION])) != set(ids_of(op.fields[RELATION]))

    def _carried_out(self, steps: Sequence[Step], failures: Failures, *, deleting: bool) -> None:
        for part in chunks(steps, WRITE_LIMIT):
            operations = [op for op, _ in part]
            try:
                answer = self._sent([what for _, what in part], deleting=deleting)
            except Ambiguous as error:
                failures |= {op.id: ended(op, Result.AMBIGUOUS, str(error)) for op in operations}
            except (AuthError, Transient) as error:
                failures |= {op.id: later(op, error) for op in operations}
            except SalesforceRefused as error:
                failures |= {op.id: failed(op, error.trouble) for op in operations}
            except Refused as error:
                failures |= {op.id: ended(op, Result.REFUSED, str(error)) for op in operations}
            else:
                _note(part, answer, failures)

    def _sent(self, what: Sequence[Row | str], *, deleting: bool) -> Answer:
        if deleting:
            return self.reads.client.delete([one for one in what if isinstance(one, str)])
        return self.reads.client.insert([one for one in what if not isinstance(one, str)], {})


def _note(part: Sequence[Step], answer: Answer, failures: Failures) -> None:
    told = items(answer, len(part))
    if told is None:
        failures.update({op.id: ended(op, Result.AMBIGUOUS, _UNCLEAR) for op, _ in part})
        return
    for (op, _), item in zip(part, told, strict=True):
        if not item["success"]:
            failures[op.id] = failed(op, of_item(item))


def _steps(batch: Sequence[Operation], rows: Sequence[Row]) -> tuple[list[Step], list[Step]]:
    """The roles to delete and those to make."""
    held: dict[str, dict[str, list[str]]] = {}
    primary: set[str] = set()
    for row in rows:
        opportunity, contact = ids.full(str(row.get("OpportunityId"))), ids.full(str(row.get("ContactId")))
        role = ids.full(str(row.get("Id")))
        if opportunity and contact and role:
            held.setdefault(opportunity, {}).setdefault(contact, []).append(role)
            if row.get("IsPrimary") is True:
                primary.add(opportunity)
    old: list[Step] = []
    new: list[Step] = []
    for op in batch:
        id_, wanted = ref_of(op).id, ids_of(op.fields[RELATION])
        there = held.get(id_, {})
        old += [(op, role) for contact, several in there.items() if contact not in wanted for role in several]
        fresh = [one for one in wanted if one not in there]
        new += [(op, _role(id_, one, primary=id_ not in primary and at == 0)) for at, one in enumerate(fresh)]
    return old, new


def _role(opportunity: str, contact: str, *, primary: bool) -> Row:
    role = {"attributes": {"type": "OpportunityContactRole"}, "OpportunityId": opportunity, "ContactId": contact}
    return {**role, "IsPrimary": primary}
