"""`/metrics`: how it goes, as Prometheus reads it; from the store, so that any of several processes can tell it.

Only requests and what the process itself takes are this process's own. What is not here: what people read
(`engine.answers.status`), and how often anybody looks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from syncd import VERSION
from syncd.engine.auditing import summary
from syncd.kit import traffic
from syncd.service.lately import Seen, ended, handed_over
from syncd.store.marks import DUE
from syncd.store.runs import Run
from syncd.store.store import Tx

SECONDS = (0.1, 0.5, 1.0, 5.0, 30.0, 120.0, 600.0, 3600.0)
"""Upper bounds of the buckets that runs are told in."""

HANDOFF_SECONDS = (1.0, 2.0, 5.0, 10.0, 20.0, 40.0, 90.0, 300.0, 1800.0, 7200.0)
"""And hand-offs."""


# A second figure for each, which nobody asks for; the library has no types for this one function.
disable_created_metrics()  # type: ignore[no-untyped-call]


class Metrics:
    """What is told of these systems and maps. Not to be asked by two at once."""

    def __init__(self, systems: Sequence[str], maps: Sequence[str]) -> None:
        """Count runs from the first page on."""
        self._systems, self._maps = systems, maps
        self._seen: Seen | None = None
        self._counted = CollectorRegistry()
        ProcessCollector(namespace="syncd", registry=self._counted)
        self._runs = Counter("syncd_runs", "Runs that have ended.", ["pair", "state"], registry=self._counted)
        self._operations = Counter(
            "syncd_operations", "Writes to vendors.", ["pair", "action", "outcome"], registry=self._counted
        )
        self._took = Histogram(
            "syncd_run_seconds", "How long runs took.", ["pair"], buckets=SECONDS, registry=self._counted
        )

        self._handed = Histogram(
            "syncd_handoff_seconds", "How long it took from when syncd heard of a record until its twin was made.",
            ["map"], buckets=HANDOFF_SECONDS, registry=self._counted,
        )  # fmt: skip

    def page(self, tx: Tx, now: datetime, store_bytes: int) -> bytes:
        """All of it, in the text format."""
        self._count(tx)
        told = CollectorRegistry(auto_describe=False)
        told.register(_Told([*self._families(tx, now), _gauge("store_bytes", "Size of the store.", store_bytes)]))
        return generate_latest(told) + generate_latest(self._counted)

    def _families(self, tx: Tx, now: datetime) -> Iterator[Metric]:
        yield InfoMetricFamily("syncd", "The program.", {"version": VERSION})
        yield from self._system_families(tx)
        yield from _feed_families(tx, now)
        yield from self._map_families(tx, now)
        requests = CounterMetricFamily(
            "syncd_requests", "Requests of this process, by what was answered.", labels=["system", "answer"]
        )
        for labels, count in sorted(traffic.so_far().items()):
            requests.add_metric(labels, count)
        yield requests
        left = GaugeMetricFamily(
            "syncd_budget_left", "Requests left today, as the vendor told last.", labels=["system"]
        )
        whole = GaugeMetricFamily("syncd_budget", "Requests of a day, as the vendor told last.", labels=["system"])
        for system, (some, of) in sorted(traffic.left().items()):
            left.add_metric([system], some)
            whole.add_metric([system], of)
        yield from (left, whole)

    def _system_families(self, tx: Tx) -> Iterator[Metric]:
        well = GaugeMetricFamily("syncd_system_ok", "1: it answers; 0: it is paused, or waited for.", labels=["system"])
        states = tx.runs.systems()
        for name in self._systems:
            known = states.get(name)
            well.add_metric([name], known is None or known.state == "ok")
        yield well

    def _map_families(self, tx: Tx, now: datetime) -> Iterator[Metric]:
        links = GaugeMetricFamily("syncd_links", "Linked records.", labels=["map"])
        for key in self._maps:
            links.add_metric([key], tx.links.count(key))
        yield links
        marks = GaugeMetricFamily("syncd_marks", "Records that something is to be done about.", labels=["map", "state"])
        oldest = GaugeMetricFamily("syncd_oldest_due_seconds", "How long the oldest of them waits.", labels=["map"])
        for key, state, ready, count, first in tx.marks.counts(now):
            marks.add_metric([key, state if ready or state != DUE else "later"], count)
            if ready:
                oldest.add_metric([key], max(0.0, (now - first).total_seconds()))
        yield from (marks, oldest)
        parked = GaugeMetricFamily("syncd_parked", "Records that wait for a person, by cause.", labels=["map", "cause"])
        for key, cause, count in tx.marks.causes():
            parked.add_metric([key, cause or ""], count)
        yield parked
        yield _gauge("conflicts_open", "Fields that a person is asked about.", tx.conflicts.count("open"))
        parity = GaugeMetricFamily("syncd_parity_percent", "How equal both sides were at last.", labels=["map"])
        for row in summary(tx, self._maps):
            parity.add_metric([row["map"]], row["parity"])
        yield parity

    def _count(self, tx: Tx) -> None:
        """Take in the runs and hand-offs that have ended since the last page."""
        if self._seen is None:
            self._seen = Seen.now(tx)
            return
        runs, made, self._seen = ended(tx, self._seen)
        for run in runs:
            self._take(run)
        for key, seconds in handed_over(made):
            self._handed.labels(key).observe(seconds)

    def _take(self, run: Run) -> None:
        self._runs.labels(run.pair, run.state).inc()
        if run.ended_at is not None:
            self._took.labels(run.pair).observe((run.ended_at - run.started_at).total_seconds())
        for name, count in run.counts.items():
            action, colon, outcome = name.partition(":")
            if colon and action not in ("rest", "plan"):
                self._operations.labels(run.pair, action, outcome).inc(count)


class _Told(Collector):
    def __init__(self, families: Sequence[Metric]) -> None:
        self._families = families

    def collect(self) -> Sequence[Metric]:
        return self._families


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"syncd_{name}", text, value=value)


def _feed_families(tx: Tx, now: datetime) -> Iterator[Metric]:
    labels = ["system", "kind"]
    lag = GaugeMetricFamily("syncd_feed_lag_seconds", "How far behind now a feed has been read.", labels=labels)
    age = GaugeMetricFamily("syncd_feed_age_seconds", "How long ago a feed was read.", labels=labels)
    whole = GaugeMetricFamily("syncd_feed_backfilled", "1: read through once.", labels=labels)
    for feed in tx.feeds.all():
        named = [feed.system, feed.kind]
        whole.add_metric(named, feed.backfilled)
        if feed.read_to is not None:
            lag.add_metric(named, max(0.0, (now - feed.read_to).total_seconds()))
        if feed.polled_at is not None:
            age.add_metric(named, max(0.0, (now - feed.polled_at).total_seconds()))
    yield from (lag, age, whole)
