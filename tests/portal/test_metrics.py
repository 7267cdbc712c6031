"""What a portal tells whoever watches it: true numbers, under labels nobody can make more of."""

from __future__ import annotations

import contextlib
import http.client
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from anchorwatch.db import count, incident
from anchorwatch.db.error import DatabaseUnreachable
from anchorwatch.licensing import message
from anchorwatch.licensing.message import Wanted
from anchorwatch.portal import meter
from anchorwatch.portal.meter import Meter
from anchorwatch.portal.passage import ENDPOINTS, Watched, endpoint
from anchorwatch.portal.server import Front, Server
from portal.hand import Hand, enrolled
from portal.office import Office, over_tls, shown

Samples = dict[tuple[str, tuple[str, ...]], float]


class Watch:
    """A portal that serves, and the listener of its metrics."""

    def __init__(self, port: int, root: Path, metrics: int) -> None:
        self.port, self.root, self.metrics = port, root, metrics

    def fetched(self, path: str = "/metrics", method: str = "GET") -> tuple[int, str]:
        """What the metrics' listener answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.metrics, timeout=10)
        with contextlib.closing(connection):
            connection.request(method, path)
            got = connection.getresponse()
            return got.status, got.read().decode()

    def samples(self) -> Samples:
        """Every sample, by its name and the values of its labels."""
        found: Samples = {}
        for family in text_string_to_metric_families(self.fetched()[1]):
            for each in family.samples:
                found[each.name.removeprefix("anchorwatch_portal_"), tuple(each.labels.values())] = each.value
        return found


@pytest.fixture
def watch(office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watch]:
    """A portal over TLS that is watched; what the database says is never an old answer."""
    monkeypatch.setattr(meter, "KEPT_SECONDS", 0)
    made = shown(tmp_path / "tls", "Watched")
    kept = Meter(office.portal, chain=made.chain)

    def around(app: object) -> Watched:
        return kept.watch(Watched(app, office.portal, kept.count))  # type: ignore[arg-type]  # an ASGI application

    with (
        Server(office.portal, signed_only=True, around=kept.application) as told,
        Server(office.portal, front=Front(made.chain, made.key), around=around) as server,
    ):
        yield Watch(server.port, made.root, told.port)


def _asking(office: Office, watch: Watch) -> None:
    """From here on the office's devices ask over the socket."""
    reach = over_tls(watch.port, watch.root)
    office.ask = reach  # type: ignore[assignment, method-assign]  # it names no parameters


def test_requests_are_counted(office: Office, watch: Watch) -> None:
    """Each request counts once, under its endpoint, what came of it and its problem, and in the histogram of its time."""
    _asking(office, watch)
    hand = enrolled(office)
    body = hand.wants(Wanted(tag="standard", count=3))
    assert hand.ask("PUT", message.ENTITLEMENTS, hand.wants(Wanted(tag="no-such"))).status == 422
    assert hand.ask("PUT", message.ENTITLEMENTS, body).status == 200
    stranger = replace(hand, key=Hand(office).key)
    assert stranger.ask("GET", message.ENTITLEMENTS).status == 401
    assert office.ask("GET", "/nothing", {}, None).status == 404
    found = watch.samples()
    assert found["requests_total", ("E3", "done", "")] == 1
    assert found["requests_total", ("L1", "done", "")] == 1
    assert found["requests_total", ("L1", "refused", "tag-unknown")] == 1
    assert found["requests_total", ("L2", "refused", "signature-invalid")] == 1
    assert found["requests_total", ("other", "refused", "")] == 1
    assert found["request_seconds_count", ("L1",)] == 2
    assert 0 < found["request_seconds_sum", ("L1",)] < 10
    assert found["requests_under_way", ()] == 0


def test_how_things_stand(office: Office, watch: Watch) -> None:
    """Seats, devices, incidents and days left are those of the tables, the keys and the chain at this moment."""
    hand = enrolled(office)
    assert hand.ask("PUT", message.ENTITLEMENTS, hand.wants(Wanted(tag="standard", count=3))).status == 200
    at = office.clock.now()
    (device,) = office.devices()
    for failure, times in (("unknown_root", 4), ("of a later release", 2)):
        told = incident.Incident(
            device_id=device.id,
            id=office.place.id if times == 4 else office.account.id,
            account_id=office.account.id,
            failure=failure,
            evidence={},
            first_at=at,
            last_at=at,
            count=times,
        )
        office.portal.database.write(lambda tx, told=told: incident.save(tx, told))  # type: ignore[misc]  # bound early
    found = watch.samples()
    where = (str(office.account.id), "standard", str(office.place.id))
    assert (found["seats_purchased", where], found["seats_in_use", where]) == (10, 3)
    assert (found["devices", ("active",)], found["devices", ("removed",)]) == (1, 0)
    assert (found["incidents", ("unknown_root",)], found["incidents", ("other",)]) == (4, 2)
    assert found["days_left", ("trust-bundle",)] == 365
    assert found["days_left", ("root-certificate",)] > 3650
    assert ("days_left", ("tls-chain",)) in found
    assert (found["database_up", ()], found["ready", ()], found["pools_not_told", ()]) == (1, 1, 0)
    assert found["id_certificates_ending", ()] == 0
    before = found["days_left", ("tls-chain",)]
    office.clock.advance(timedelta(days=345))
    later = watch.samples()
    assert later["days_left", ("trust-bundle",)] == 20
    assert before - later["days_left", ("tls-chain",)] == pytest.approx(345)
    assert later["id_certificates_ending", ()] == 1
    office.portal.retired.set()
    assert watch.samples()["ready", ()] == 0


def test_without_its_database_it_says_so(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the database does not answer, the metrics do: that it is down, and what needs no database."""

    def away(*_: object, **__: object) -> None:
        raise DatabaseUnreachable("away")

    monkeypatch.setattr(count, "counted", away)
    found = watch.samples()
    assert found["database_up", ()] == 0
    assert not [name for name, _ in found if name.startswith(("seats", "devices", "incidents"))]
    assert ("days_left", ("root-certificate",)) in found


def test_metrics_have_a_listener_of_their_own(office: Office, watch: Watch) -> None:
    """Where devices ask there are no metrics, and where the metrics are there is nothing else."""
    assert over_tls(watch.port, watch.root)("GET", "/metrics", {}, None).status == 404
    for path in ("/", "/healthz", message.TRUST, "/metrics/", "/api/v1/tags"):
        assert watch.fetched(path)[0] == 404
    assert watch.fetched(method="POST")[0] == 404
    assert watch.fetched()[0] == 200
    assert office.portal.bundle_seq == 1


def test_nobody_is_named(office: Office, watch: Watch) -> None:
    """No device, serial number, token, key or address is in the metrics, whatever was asked."""
    _asking(office, watch)
    token = office.token()
    hand = Hand(office, sn="SERIAL77")
    assert hand.enrol(token).status == 200
    assert hand.ask("GET", message.RENEWAL_INFO).status == 200
    text = watch.fetched()[1]
    (device,) = office.devices()
    for word in ("SERIAL77", "ASAv", str(device.id), token.id, hand.keyid, "127.0.0.1", "harbour"):
        assert word not in text


@given(method=st.text(max_size=8), path=st.text(max_size=60))
def test_endpoints_are_a_closed_list(method: str, path: str) -> None:
    """Whatever is asked for, its endpoint is one of the list."""
    assert endpoint(method, path) in ENDPOINTS
    assert endpoint(method, f"{message.EST}/{path}") in ENDPOINTS
    assert endpoint(method, f"/api/v1/{path}") == "api"


def test_strangers_make_no_series(watch: Watch, office: Office) -> None:
    """After hundreds of made-up requests there are as many series as before, but for those of "other" and "api"."""
    before = {key for key in watch.samples() if key[0] == "requests_total"}
    ask = over_tls(watch.port, watch.root)
    for number in range(60):
        ask("GET", f"/x{number}", {}, None)
        ask("GET", f"{message.EST}/x{number}/simpleenroll", {}, None)
        ask(
            "PUT", message.SELF, {"signature-input": f'sl1=();keyid="{number}"', "x": json.dumps(number)}, b""
        )
    added = {key for key in watch.samples() if key[0] == "requests_total"} - before
    assert len(added) <= 6, added
    assert office.in_use() == 0
