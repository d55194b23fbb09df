"""The files of a record in JobNimbus: against its sandbox, and against odd answers."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from syncd.core.model import File
from syncd.errors import Transient
from tests.connectors.jobnimbus_connector_bench import KEY, account
from tests.connectors.test_jobnimbus_connector_strange import served


def test_a_jobs_files_hang_on_its_contact_too() -> None:
    """And not the other way round; each with its sort and who put it there. One request."""
    with account() as one:
        contact = one.person("contacts", display_name="Zoë")
        job = one.remote.act("create", "jobs", fields={"name": "Roof", "primary": contact})["id"]
        one.remote.act("attach", "jobs", id=job, fields={"name": "plan.pdf", "size": 7}, as_="dana.reyes@example.com")
        one.remote.act("attach", "contacts", id=contact, fields={"name": "id.jpg", "size": 8})
        one.remote.settle()
        before = one.remote.mark()
        (plan,) = one.connector.files("jobs", job)
        assert (plan.name, plan.size, plan.about) == ("plan.pdf", 7, "Document")
        assert plan.who is not None
        assert [entry["path"] for entry in one.remote.requests(before)][-1].endswith("/files")
        assert {file.name for file in one.connector.files("contacts", contact)} == {"plan.pdf", "id.jpg"}


def test_a_missing_permission_is_an_empty_list() -> None:
    """As JobNimbus does it: nobody is told."""
    with account() as one:
        made = one.job("Roof")
        one.remote.act("attach", "jobs", id=made, fields={"name": "plan.pdf", "size": 7})
        one.remote.settle()
        one.remote.act("key", key=KEY, profile="no-files")
        assert list(one.connector.files("jobs", made)) == []


def test_where_filters_are_ignored_nothing_is_claimed() -> None:
    """The newest of the whole account say nothing about one record."""
    with account(filter_works=False) as one:
        made = one.job("Roof")
        one.job("Another")
        one.remote.settle()
        with pytest.raises(Transient, match="ignores the filters"):
            one.connector.files("jobs", made)


ROWS: list[dict[str, Any]] = [
    {"jnid": "f1", "filename": "a.pdf", "size": 5, "date_created": 1700000000, "related": [{"id": "j1"}]},
    {"jnid": "f2", "filename": None, "size": "7", "date_created": "soon", "related": ["j1"], "is_active": True},
    {"jnid": "f3", "filename": "gone.pdf", "related": [{"id": "j1"}], "is_active": False},
    {"jnid": "f4", "filename": "other.pdf", "related": [{"id": "j2"}, None, 5]},
    {"jnid": "f5", "filename": "first.pdf", "related": None, "primary": {"id": "j1"}, "size": True,
     "date_created": 1800000000, "description": "of the roof", "record_type_name": "Photo"},
]  # fmt: skip


def _answers(key: str) -> Any:
    def answer(request: Request, _body: Any) -> Response:
        if request.url.path.endswith("/files"):
            return JSONResponse({"count": len(ROWS), key: ROWS})
        return JSONResponse({"count": 1, "results": [{"jnid": "j1"}]})  # to every filter: they seem to work

    return answer


@pytest.mark.parametrize("key", ["files", "results"])
def test_odd_rows_are_understood_as_far_as_that_goes(key: str) -> None:
    """Under either word; without a name, a size or a time that can be read; of others, and put away, left out."""
    with served(_answers(key)) as (connector, _seen):
        told = list(connector.files("jobs", "j1"))
    assert [(one.name, one.size, one.about) for one in told] == [
        ("first.pdf", None, "of the roof"), ("a.pdf", 5, None), ("f2", None, None),
    ]  # fmt: skip
    assert told[2] == File(name="f2")
