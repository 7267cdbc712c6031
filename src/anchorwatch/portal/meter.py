"""Metrics for Prometheus: what happened since the start, and how things stand when somebody asks.

Every label is from a closed list, or names something an operator made (a pool, by its account, part and tag), and of
pools no more than `MOST_POOLS` are told one by one. No device, token or address is in any of them.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from cryptography import x509
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from anchorwatch.db import count
from anchorwatch.db.count import Counts
from anchorwatch.db.error import DatabaseError
from anchorwatch.licensing.account import DeviceState
from anchorwatch.licensing.failure import FailureClass
from anchorwatch.portal import publication
from anchorwatch.portal.key_ring import KeyRole
from anchorwatch.portal.passage import Passage, Watched
from anchorwatch.portal.portal import Portal

PATH = "/metrics"
MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
MOST_POOLS = 500
ENDS_SOON = timedelta(days=30)
KEPT_SECONDS = 5.0
"""How long what the database said is said again: who asks often costs no more than who asks now and then."""
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_DAY = timedelta(days=1)


class Meter:
    """The metrics of one portal. `count` is told each request; `application` answers `/metrics`, and nothing else."""

    def __init__(self, portal: Portal, *, chain: Path | None = None) -> None:
        """`chain` is the file of the certificates that are shown in TLS."""
        disable_created_metrics()  # type: ignore[no-untyped-call]  # it ships without types for this one
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "anchorwatch_portal_requests",
            "Requests that are over.",
            ("endpoint", "outcome", "problem"),
            registry=self.registry,
        )
        self._seconds = Histogram(
            "anchorwatch_portal_request_seconds",
            "From the head of a request to the end of its answer.",
            ("endpoint",),
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self._here = Gauge(
            "anchorwatch_portal_requests_under_way", "Requests that are worked on.", registry=self.registry
        )
        self._here.set_function(lambda: float(sum(each.here for each in self._watched)))
        self._watched: list[Watched] = []
        self.registry.register(_State(portal, chain))

    def count(self, passage: Passage) -> None:
        """Count one request."""
        self._requests.labels(passage.endpoint, passage.outcome, passage.problem).inc()
        self._seconds.labels(passage.endpoint).observe(passage.seconds)

    def watch(self, watched: Watched) -> Watched:
        """Count what is under way in it, too."""
        self._watched.append(watched)
        return watched

    def application(self, beside: ASGIApp) -> ASGIApp:
        """What a listener of its own answers; `beside` is asked only to start and to stop."""

        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await beside(scope, receive, send)
                return
            if scope["path"] != PATH or scope["method"] not in ("GET", "HEAD"):
                await Response("only /metrics is here\n", 404)(scope, receive, send)
                return
            body = await run_in_threadpool(generate_latest, self.registry)
            head = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
            await Response(body, media_type=MEDIA_TYPE, headers=head)(scope, receive, send)

        return answer


class _State(Collector):
    """How things stand: asked for when the metrics are, and for a few seconds remembered."""

    def __init__(self, portal: Portal, chain: Path | None) -> None:
        self._portal = portal
        self._chain = chain
        self._told: tuple[float, Counts | None] = (float("-inf"), None)

    def describe(self) -> Iterator[Metric]:
        """Nothing: what there is comes out when it is collected, and the registry need not try it."""
        yield from ()

    def collect(self) -> Iterator[Metric]:
        counts = self._counts()
        yield _one("anchorwatch_portal_database_up", "Whether the database answers.", counts is not None)
        yield _one(
            "anchorwatch_portal_database_writes_waiting",
            "Writes that were asked for and not begun.",
            self._portal.database.waiting,
        )
        yield _one(
            "anchorwatch_portal_ready",
            "Whether the portal is to be sent requests: 0 while it stops.",
            not self._portal.retired.is_set(),
        )
        file = self._portal.database.file
        if file is not None and file.exists():
            yield _one(
                "anchorwatch_portal_database_octets", "The size of the SQLite database.", file.stat().st_size
            )
        yield self._days()
        if counts is not None:
            yield from _from_database(counts)

    def _counts(self) -> Counts | None:
        asked, known = self._told
        at = time.monotonic()  # noqa: TID251 - how often somebody asks, whatever the portal's clock shows
        if at - asked < KEPT_SECONDS:
            return known
        before = self._portal.clock.now() + ENDS_SOON
        try:
            known = self._portal.database.read(lambda tx: count.counted(tx, before=before, pools=MOST_POOLS))
        except DatabaseError:
            known = None
        self._told = (at, known)
        return known

    def _days(self) -> Metric:
        family = GaugeMetricFamily(
            "anchorwatch_portal_days_left",
            "Days until something ends: of a chain, its first certificate to end.",
            labels=("what",),
        )
        now = self._portal.clock.now()
        ends = {
            f"{role}-certificate": self._portal.ring.newest(role).certified.not_valid_after_utc
            for role in (KeyRole.ROOT, KeyRole.ID, KeyRole.BUNDLE)
        }
        try:
            stored = publication.in_force(self._portal)
            if stored is not None:
                ends["trust-bundle"] = stored.expires_at
        except DatabaseError:
            ends.pop("trust-bundle", None)  # the gauge of the database says why it is not told
        if self._chain is not None:
            try:
                shown = x509.load_pem_x509_certificates(self._chain.read_bytes())
                ends["tls-chain"] = min(each.not_valid_after_utc for each in shown)
            except (OSError, ValueError):
                family.add_metric(("tls-chain",), float("nan"))
        for what, end in ends.items():
            family.add_metric((what,), (end - now) / _DAY)
        return family


def _from_database(counts: Counts) -> Iterator[Metric]:
    devices = GaugeMetricFamily(
        "anchorwatch_portal_devices", "Devices by the state of their life.", labels=("state",)
    )
    for state in DeviceState:
        devices.add_metric((state,), counts.devices.get(state, 0))
    yield devices
    failures = GaugeMetricFamily(
        "anchorwatch_portal_incidents",
        "Failures that devices told of, by class.",
        labels=("failure",),
    )
    known = {each: counts.failures.get(each, 0) for each in FailureClass}
    for failure, number in known.items():
        failures.add_metric((failure,), number)
    failures.add_metric(("other",), sum(counts.failures.values()) - sum(known.values()))
    yield failures
    for name, text, column in (
        ("purchased", "Seats that were bought.", "purchased"),
        ("in_use", "Seats that devices hold.", "in_use"),
    ):
        family = GaugeMetricFamily(
            f"anchorwatch_portal_seats_{name}", text, labels=("account", "virtual_account", "tag")
        )
        for each in counts.pools:
            where = (str(each.account_id), str(each.virtual_account_id), each.tag)
            family.add_metric(where, getattr(each, column))
        yield family
    yield _one(
        "anchorwatch_portal_pools_not_told",
        "Pools beyond those told one by one.",
        counts.all_pools - len(counts.pools),
    )
    yield _one(
        "anchorwatch_portal_id_certificates_ending",
        f"ID certificates in use that end within {ENDS_SOON.days} days.",
        counts.ending,
    )


def _one(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=float(value))
