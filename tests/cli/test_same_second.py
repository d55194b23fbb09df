"""An edit in the same vendor second as our own write must not be lost."""

import json
import time

import pytest

from syncd.cli import main
from tests.cli.conftest import House


@pytest.mark.parametrize("_again", range(4))
def test_an_edit_in_the_second_of_our_own_write_is_not_lost(
    house: House, capsys: pytest.CaptureFixture[str], _again: int
) -> None:
    """Both sides change a field right after we made the record: the map asks, and neither value is overwritten."""
    lead = house.lead(city="Chicago")
    main(["once"])
    (twin,) = [row["jnid"] for row in house.right.records("contacts") if row.get("email") == "ana1@example.com"]
    house.left.act("update", "contacts", id=lead, fields={"city": "Springfield"}, as_="Dana")
    house.right.act("update", "contacts", id=twin, fields={"city": "Peoria"}, as_="sam.okafor@example.com")
    for _ in range(20):
        time.sleep(0.2)
        if main(["once"]) == 1:
            break
    (city,) = [row["city"] for row in house.right.records("contacts") if row["jnid"] == twin]
    assert city == "Peoria"
    capsys.readouterr()
    main(["conflicts", "list", "--format", "json"])
    assert [(c["left"], c["right"]) for c in json.loads(capsys.readouterr().out)] == [("Springfield", "Peoria")]
