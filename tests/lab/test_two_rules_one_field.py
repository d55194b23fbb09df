"""Two rules that share a field: what one writes, the other carries on."""

import time
from pathlib import Path

from syncd.app import App
from syncd.lab.claims import Claims
from syncd.lab.stage import Stage


def test_a_field_that_syncd_itself_wrote_is_carried_on_by_the_other_rule(tmp_path: Path) -> None:
    """A deal's stage becomes the job's status, and the job's status comes back as the deal's text about it."""
    quick = {"lag": "1s", "landing": "1s"}
    lagless = {"index_lag": {"kind": "none"}, "search_rate": "off"}
    with (
        Stage(
            folder=tmp_path, leads=4, rate="1000/1", timing=quick, left_settings=lagless,
            right_settings={"index_lag": 0},
        ) as stage,
        App.open(stage.config, environ=stage.environ) as app,
    ):  # fmt: skip
        app.once()
        deal = Claims.read(app.world).links["sales/deals-jobs"][0].left_id
        stage.left.act("update", "deals", id=deal, fields={"dealstage": "closedwon"})
        end = time.monotonic() + 30
        found = ""
        while found != "Sold" and time.monotonic() < end:
            time.sleep(0.5)
            app.once()
            (found,) = [row["properties"]["job_status"] for row in stage.left.records("deals") if row["id"] == deal]
        assert found == "Sold"
