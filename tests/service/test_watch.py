"""What is told to whoever watches, over real sockets, on both databases. Not here: the manager's protocol."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

import tests.engine.town
from syncd.config import WebConfig
from syncd.core.model import Side
from syncd.errors import Transient
from syncd.kit import traffic
from syncd.service.site import Site
from syncd.service.watch import Watch
from syncd.store.marks import PARKED
from syncd.store.runs import SystemState
from syncd.store.store import Store
from tests.engine.doings import edit, judge, make, rest
from tests.engine.test_rules import linked
from tests.engine.town import DATABASES, Town, build
from tests.house.tree import ROOT, page
from tests.store.test_no_scans import INTENT

MAP = "pair/contacts"
METRIC = re.compile(r"syncd_[a-z_]+")


@pytest.fixture(params=DATABASES)
def town(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Town]:
    """A world on each database."""
    monkeypatch.setattr(tests.engine.town, "DATABASE", [request.param])
    with closing(build()) as made:
        yield made


def watching(town: Town) -> Watch:
    """Who tells of this town."""
    return Watch(town.store, lambda: town.stage.now, ["crm", "con"], [m.key for m in town.maps])


@contextmanager
def served(watch: Watch) -> Iterator[tuple[Site, str]]:
    """The site on a free port, and its address."""
    site = Site(WebConfig(listen="127.0.0.1:0"), [], watch)
    with site.open({}, alone=True):
        assert site._web.url is not None
        yield site, site._web.url


def get(url: str) -> httpx.Response:
    """What a probe does."""
    return httpx.get(url, trust_env=False, timeout=30)


Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def samples(text: str) -> Samples:
    """Name and labels -> value."""
    return {
        (one.name, frozenset(one.labels.items())): one.value
        for family in text_string_to_metric_families(text)
        for one in family.samples
    }


def value(found: Samples, name: str, **labels: str) -> float:
    """One figure; 0 if it is not told."""
    return found.get((name, frozenset(labels.items())), 0.0)


def test_the_figures_are_those_of_the_store(town: Town) -> None:
    """Links, feeds, systems, what waits and why, and what runs wrote between two looks."""
    watch = watching(town)
    watch.metrics()
    left, _ = linked(town)
    edit(town, "crm", "contacts", left.id, {"name": "Another"})
    rest(town)
    with town.store.begin() as tx:
        tx.runs.set_system(SystemState("con", "paused", "the key", town.stage.now))
        tx.marks.add(MAP, Side.LEFT, ["77"], town.stage.now)
        mark = tx.marks.get(MAP, Side.LEFT, ["77"])["77"]
        tx.marks.rest(mark, 0, PARKED, cause="refused", reason="no")
        tx.marks.add(MAP, Side.LEFT, ["78"], town.stage.now - timedelta(seconds=90))
    found = samples(watch.metrics().decode())
    assert value(found, "syncd_links", map=MAP) == 1
    assert (value(found, "syncd_system_ok", system="crm"), value(found, "syncd_system_ok", system="con")) == (1, 0)
    assert value(found, "syncd_parked", map=MAP, cause="refused") == 1
    assert value(found, "syncd_marks", map=MAP, state=PARKED) == 1
    assert value(found, "syncd_marks", map=MAP, state="due") == 1
    assert 90 <= value(found, "syncd_oldest_due_seconds", map=MAP) < 95
    assert value(found, "syncd_feed_backfilled", system="crm", kind="contacts") == 1
    assert 0 <= value(found, "syncd_feed_lag_seconds", system="crm", kind="contacts") < 7200
    assert value(found, "syncd_operations_total", pair="pair", action="update", outcome="written") >= 1
    runs = value(found, "syncd_runs_total", pair="pair", state="done")
    assert runs >= 1
    assert value(found, "syncd_run_seconds_count", pair="pair") == runs
    assert value(found, "syncd_store_bytes") > 10_000


def test_each_run_is_counted_once(town: Town) -> None:
    """However often somebody looks; one that still runs is counted when it has ended."""
    watch = watching(town)
    with town.store.begin() as tx:
        long = tx.runs.start("pair", "live", "digest", town.stage.now)
    watch.metrics()
    with town.store.begin() as tx:
        run = tx.runs.start("pair", "live", "digest", town.stage.now)
    done = ("syncd_runs_total", frozenset({("pair", "pair"), ("state", "done")}))
    assert done not in samples(watch.metrics().decode())
    with town.store.begin() as tx:
        tx.runs.end(run, "done", {"create:written": 2, "rest:refused": 1, "error": None}, town.stage.now)
        tx.runs.end(long, "stopped", {"error": None}, town.stage.now)
    for _ in range(3):
        found = samples(watch.metrics().decode())
        assert found[done] == 1
        assert value(found, "syncd_runs_total", pair="pair", state="stopped") == 1
        assert value(found, "syncd_operations_total", pair="pair", action="create", outcome="written") == 2
        assert not [name for name, labels in found if ("action", "rest") in labels]


def test_requests_are_counted_by_system_and_answer(town: Town) -> None:
    """Those of this process, with those that had no answer."""
    before = samples(watching(town).metrics().decode())
    for answer in ("200", "200", "429", traffic.NONE):
        traffic.sent("counted", answer)
    after = samples(watching(town).metrics().decode())
    grown = {
        answer: value(after, "syncd_requests_total", system="counted", answer=answer)
        - value(before, "syncd_requests_total", system="counted", answer=answer)
        for answer in ("200", "429", traffic.NONE)
    }
    assert grown == {"200": 2, "429": 1, traffic.NONE: 1}


def test_hand_offs_are_told_by_how_long_they_took(town: Town) -> None:
    """From when syncd heard of a record until its twin was there: each once, also one that was under way meanwhile."""
    judge(town)
    watch = watching(town)
    watch.metrics()
    make(town, "crm", "contacts", {"email": "ann@x.example", "name": "Ann"})
    judge(town)
    now = town.stage.now
    with town.store.begin() as tx:
        row = {**INTENT, "map": MAP, "heard_at": now - timedelta(seconds=30), "opened_at": now}
        (late,) = tx.journal.open([row])
        tx.journal.open([{**row, "source_id": "7", "action": "update"}])
    counts = [samples(watch.metrics().decode()) for _ in range(2)]
    assert [value(found, "syncd_handoff_seconds_count", map=MAP) for found in counts] == [1, 1]
    with town.store.begin() as tx:
        tx.journal.close(late, "written", now + timedelta(seconds=20))
    found = [samples(watch.metrics().decode()) for _ in range(2)][-1]
    assert value(found, "syncd_handoff_seconds_count", map=MAP) == 2
    assert value(found, "syncd_handoff_seconds_sum", map=MAP) >= 50


def test_what_is_left_of_a_days_requests_is_told(town: Town) -> None:
    """As the vendor said last; a system that says nothing has no such figure."""
    traffic.told("counted", 249_000, 250_000)
    traffic.told("counted", 248_999, 250_000)
    found = samples(watching(town).metrics().decode())
    assert value(found, "syncd_budget_left", system="counted") == 248_999
    assert value(found, "syncd_budget", system="counted") == 250_000
    assert ("syncd_budget", frozenset({("system", "crm")})) not in found


def test_probes_are_answered_by_what_is_so(town: Town) -> None:
    """Alive as long as the store answers; ready when the daemon works, too."""
    with served(watching(town)) as (site, url):
        assert get(f"{url}/healthz").status_code == 200
        assert (get(f"{url}/readyz").status_code, get(f"{url}/metrics").status_code) == (503, 200)
        site.began(lambda refs: None)
        assert get(f"{url}/readyz").text == "ok\n"
        assert get(f"{url}/metrics").headers["content-type"].startswith("text/plain; version=")
        assert get(f"{url}/other").status_code == 404
        assert httpx.post(f"{url}/metrics", trust_env=False).status_code == 405


def test_a_store_that_does_not_answer_is_told(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """With 503 and its sentence, on every address and to the manager; no page breaks."""

    def away(self: Store) -> Any:
        raise Transient("the store does not answer: it is\nlocked")

    watch = watching(town)
    watch.started.set()
    with served(watch) as (_, url):
        monkeypatch.setattr(Store, "read", away)
        for path in ("healthz", "readyz", "metrics"):
            answer = get(f"{url}/{path}")
            assert (answer.status_code, "does not answer" in answer.text) == (503, True)
        assert watch.line() == "the store does not answer: it is locked"


def test_the_line_says_what_waits_for_whom(town: Town) -> None:
    """Starting or not, which system is in trouble, what is due, parked and asked."""
    watch = watching(town)
    assert watch.line() == "starting; 0 due"
    watch.started.set()
    make(town, "crm", "contacts", {"email": "ann@x.example", "name": "Ann"})
    with town.store.begin() as tx:
        tx.runs.set_system(SystemState("crm", "waiting", "its limit", town.stage.now, town.stage.now))
        tx.marks.add(MAP, Side.LEFT, ["1", "2"], town.stage.now)
        tx.marks.rest(tx.marks.get(MAP, Side.LEFT, ["2"])["2"], 0, PARKED, cause="refused", reason="no")
    assert watch.line() == "crm is waiting; 1 due; 1 parked"


def test_every_figure_is_in_the_reference(town: Town) -> None:
    """And the reference names none that is not told."""
    linked(town)
    watch = watching(town)
    watch.metrics()
    with town.store.begin() as tx:
        run = tx.runs.start("pair", "live", "digest", town.stage.now)
        tx.runs.end(run, "done", {"create:written": 1}, town.stage.now)
    told = {family.name for family in text_string_to_metric_families(watch.metrics().decode())}
    rows = [line.split("`")[1] for line in page("reference/metrics.md").splitlines() if line.startswith("| `syncd")]
    named = {name.partition("{")[0].removesuffix("_total").removesuffix("_info") for name in rows}
    assert named == {name.removesuffix("_info") for name in told if name != "syncd_process"}


def test_the_dashboard_shows_figures_that_are_told() -> None:
    """Each name in its expressions is one of the reference, and its panels have places of their own."""
    board = json.loads((ROOT / "docs" / "reference" / "grafana.json").read_text(encoding="utf-8"))
    used = {name for panel in board["panels"] for one in panel["targets"] for name in METRIC.findall(one["expr"])}
    rows = [line.split("`")[1] for line in page("reference/metrics.md").splitlines() if line.startswith("| `syncd")]
    named = {name.partition("{")[0] for name in rows}
    assert {name.removesuffix("_bucket") for name in used} <= named
    places = [tuple(panel["gridPos"][key] for key in "xywh") for panel in board["panels"]]
    assert len(set(places)) == len(places) and all(x + w <= 24 for x, _, w, _ in places)
