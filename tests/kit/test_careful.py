"""The frame around every connector: what it trips over becomes one of syncd's own errors. Not here: real answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

import pytest
from structlog.testing import capture_logs

from syncd.core.model import Action, Gone, Operation, Outcome, Ref, Result
from syncd.errors import Ambiguous, AuthError, Refused, Transient
from syncd.kit.careful import Careful
from syncd.kit.connector import Connector, Page, Severity

SLIPS: Mapping[str, Callable[[], object]] = {
    "missing": lambda: {}["id"], "not there": lambda: "x".index("y"), "no number": lambda: int("x"),
    "none": lambda: cast(Any, None).get, "no list": lambda: cast(Any, 1)[0], "too large": lambda: 10.0**400,
}  # fmt: skip
"""What code does with an answer of another shape."""


PAGE = Page(records=[Gone(ref=Ref("clumsy", "contacts", "1"))], cursor={}, read_to=None, backfilled=True)


class Clumsy:
    """A connector that trips over everything, at once or (`after`) behind its first answer."""

    name, secret_name, settings, kinds = "clumsy", "key", (), ("contacts",)
    tells_zone, receiver, signs_url = True, None, False

    def __init__(self, slip: Callable[[], object]) -> None:
        self.slip = slip

    def check(self) -> object:
        return self.slip()

    describe = read = find = history = files = lambda self, *_: self.slip()  # five verbs, one slip

    def changes(self, *_: object) -> Iterator[object]:
        yield PAGE
        self.slip()

    def write(self, kind: str, operations: Sequence[Operation]) -> Iterator[Sequence[Outcome]]:
        yield [Outcome(operation=operations[0].id, result=Result.WRITTEN)]
        self.slip()


def careful(slip: Callable[[], object]) -> Careful:
    """The frame, around one that trips over this."""
    return Careful(cast(Connector, Clumsy(slip)))


@pytest.mark.parametrize("slip", SLIPS.values(), ids=SLIPS)
def test_what_trips_a_connector_is_the_vendors_trouble(slip: Callable[[], object]) -> None:
    """A feed comes again, a record is refused alone, a look-up too, a schema comes again, a check tells of it."""
    framed = careful(slip)
    with pytest.raises(Refused, match=r"clumsy answered in a shape that cannot be understood \(contacts 1, 2: "):
        framed.read("contacts", ["1", "2"], [])
    with pytest.raises(Refused):
        framed.find("contacts", [], [])
    with pytest.raises(Transient):
        framed.describe("contacts")
    pages = framed.changes("contacts", None, [], cast(Any, None))
    assert next(pages) is PAGE
    with pytest.raises(Transient):
        next(pages)
    (finding,) = framed.check()
    assert finding.severity is Severity.ERROR and finding.remedy


def test_an_id_that_no_database_holds_is_no_id() -> None:
    """A NUL ends a text in one database, and the other refuses it: nobody may be taken for another."""
    cut = Gone(ref=Ref("clumsy", "contacts", "101\0x"))

    class Cutting(Clumsy):
        def changes(self, *_: object) -> Iterator[object]:
            yield replace(PAGE, records=[*PAGE.records, cut])

    framed = Careful(cast(Connector, Cutting(lambda: [cut])))
    with pytest.raises(Refused, match="cannot be understood"):
        framed.find("contacts", [], [])
    with pytest.raises(Transient, match="cannot be understood"):
        next(framed.changes("contacts", None, [], cast(Any, None)))


@pytest.mark.parametrize("slip", SLIPS.values(), ids=SLIPS)
def test_a_write_that_nobody_understands_may_have_landed(slip: Callable[[], object]) -> None:
    """What was answered stands; of the others nobody knows."""
    several = [Operation(id=str(n), action=Action.UPDATE, ref=Ref("clumsy", "contacts", str(n)), fields={}, expect={})
               for n in range(3)]  # fmt: skip
    found = [outcome for outcomes in careful(slip).write("contacts", several) for outcome in outcomes]
    assert [(one.operation, one.result) for one in found] == [
        ("0", Result.WRITTEN), ("1", Result.AMBIGUOUS), ("2", Result.AMBIGUOUS),
    ]  # fmt: skip


@pytest.mark.parametrize("error", [AuthError("no"), Transient("later"), Refused("never"), Ambiguous("perhaps")],
                         ids=lambda error: type(error).__name__)  # fmt: skip
def test_our_own_errors_pass(error: Exception) -> None:
    """What a connector means to say is said as it is."""

    def say() -> object:
        raise error

    for ask in (lambda: careful(say).read("contacts", ["1"], []), lambda: careful(say).check()):
        with pytest.raises(type(error), match=str(error)):
            ask()


@pytest.mark.parametrize("ask", ["check", "describe", "read", "find", "changes", "write", "history", "files"])
def test_every_error_says_whose_it_is(ask: str) -> None:
    """Whatever was asked and however deep the error was made, it carries the name that the set-up gives the system."""

    def used_up() -> object:
        raise Transient("All calls of the day are used up.", retry_after=900)

    framed = Careful(cast(Connector, Clumsy(used_up)), "crm")
    asked = [Operation(id="1", action=Action.UPDATE, ref=Ref("crm", "contacts", "1"), fields={}, expect={})]
    given: Mapping[str, tuple[Any, ...]] = {
        "check": (), "describe": ("contacts",), "write": ("contacts", asked), "history": ("contacts", "1", "name"),
        "files": ("contacts", "1"),
        "changes": ("contacts", None, [], None),
    }  # fmt: skip
    with pytest.raises(Transient) as caught:
        list(getattr(framed, ask)(*given.get(ask, ("contacts", [], []))))
    assert caught.value.system == "crm"


def test_no_record_is_told_to_the_log() -> None:
    """The sentence and the log name the kind of error, never the value that it was about."""
    with capture_logs() as logged, pytest.raises(Refused) as refused:
        careful(lambda: int("Ann's secret")).read("contacts", ["1"], [])
    assert [line["event"] for line in logged] == ["odd"]
    said = f"{refused.value} {logged}"
    assert "ValueError" in said and "secret" not in said
