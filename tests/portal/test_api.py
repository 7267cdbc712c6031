"""The management API against a real server over TLS: what it gives, what it refuses, and to whom."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from anchorwatch.base.secret import Secret
from anchorwatch.db import ledger, page
from anchorwatch.db.word import OperatorRole
from anchorwatch.licensing import message
from anchorwatch.licensing.message import Wanted
from anchorwatch.licensing.problem import Type
from anchorwatch.portal import management, operator
from anchorwatch.portal.api import application
from anchorwatch.portal.management import TokenTerms
from anchorwatch.portal.server import Server
from builders.certs import CA
from portal.counter import BASE, Counter, Counters, counters
from portal.hand import Hand, enrolled, kind_of
from portal.office import Office

VIEWER, OPERATOR, ADMIN = OperatorRole
LISTS = (
    "/virtual-accounts",
    "/tags",
    "/tokens",
    "/lots",
    "/pools",
    "/ledger",
    "/devices",
    "/certificates",
    "/grants",
    "/incidents",
    "/alerts",
)


@pytest.fixture
def served(office: Office, tmp_path: Path) -> Iterator[Counters]:
    """The API of a portal."""
    with counters(office, tmp_path / "tls") as made:
        yield made


@pytest.fixture
def either(either_office: Office, tmp_path: Path) -> Iterator[Counters]:
    """The same, once on each kind of database: for what depends on how one asks and waits."""
    with counters(either_office, tmp_path / "tls") as made:
        yield made


@pytest.fixture
def admin(served: Counters) -> Counter:
    """A counter with an admin's key."""
    return served.as_role(ADMIN)


def working(office: Office, *, sn: str = "9A1", seats: int = 2) -> Hand:
    """A device that holds some seats and has told of an incident."""
    hand = enrolled(office, sn=sn)
    assert (
        hand.ask("PUT", message.ENTITLEMENTS, hand.wants(Wanted(tag="standard", count=seats))).status == 200
    )
    at = office.clock.now().isoformat().replace("+00:00", "Z")
    incident = {
        "id": f"i-{sn}",
        "failure": {"kind": "unknown_root", "sentence": "nobody vouches for it", "evidence": {}},
        "first": at,
        "last": at,
        "count": 3,
    }
    told = json.dumps({"incidents": [incident]}).encode()
    assert hand.ask("POST", message.INCIDENTS, told).status == 202
    return hand


# --- looking ------------------------------------------------------------------------------------------------------


def test_every_noun_is_listed_and_shown(either: Counters) -> None:
    """What the portal holds appears under each noun, and every item is found again by its id."""
    served, admin = either, either.as_role(ADMIN)
    office = served.office
    working(office)
    office.clock.advance(timedelta(days=100))
    _sweep(office)
    assert {path for path in LISTS if not admin.every(path)} == set()
    for path in LISTS:
        for item in admin.every(path):
            if path in ("/ledger", "/grants", "/incidents", "/alerts"):
                continue
            shown = admin.get(f"{path}/{item['id']}")
            assert (shown.status, shown.json) == (200, item)
    incident = admin.every("/incidents")[0]
    assert (incident["failure"], incident["count"]) == ("unknown_root", 3)
    assert [each["domain"] for each in admin.every("/accounts")] == ["harbour.example"]
    bundle = admin.every("/trust/bundles")[-1]
    assert admin.get(f"/trust/bundles/{bundle['seq']}").json == bundle
    health = admin.get("/health").json
    assert (health["ready"], health["name"]) == (True, office.portal.name)


def test_pages_hold_while_others_write(admin: Counter) -> None:
    """Whoever turns pages meets everything that was there at the start once, and in order, whatever comes in between."""
    for number in range(7):
        assert admin.post("/tags", {"tag": f"before-{number}"}).status == 201
    found: list[str] = []
    cursor = ""
    for number in range(100):
        got = admin.get(f"/tags?limit=2{cursor}").json
        found += [each["tag"] for each in got["items"]]
        if got["next"] is None:
            break
        cursor = f"&cursor={got['next']}"
        if number < 4:
            assert admin.post("/tags", {"tag": f"between-{number}"}).status == 201
    assert len(found) == len(set(found))
    assert [each for each in found if each.startswith("before")] == [f"before-{n}" for n in range(7)]


def test_grants_are_paged_by_two_keys(either: Counters) -> None:
    """The grants of several devices come device by device and number by number, whole, over pages of any size."""
    served, admin = either, either.as_role(ADMIN)
    for sn in ("9A1", "9A2", "9A3"):
        hand = enrolled(served.office, sn=sn)
        for count in (1, 2, 3):
            got = hand.ask("PUT", message.ENTITLEMENTS, hand.wants(Wanted(tag="standard", count=count)))
            hand.seq, hand.jti = hand.seq + 1, _jti(got.body)
    whole = admin.every("/grants", 200)
    assert len(whole) == 9
    assert whole == sorted(whole, key=lambda each: (each["device_id"], each["seq"]))
    for limit in (1, 2, 4):
        assert admin.every("/grants", limit) == whole
    one = whole[0]["device_id"]
    assert [each["seq"] for each in admin.every(f"/grants?filter=device_id:{one}", 1)] == [1, 2, 3]


def _jti(jws: bytes) -> str:
    from anchorwatch.licensing import jws as signed

    found: str = json.loads(signed.unverified_payload(jws.decode()))["jti"]
    return found


def test_members_and_filters(either: Counters) -> None:
    """`fields` leaves the other members out, `filter` the other rows; what makes no sense is said, not ignored."""
    served, admin = either, either.as_role(ADMIN)
    working(served.office, sn="9A1")
    working(served.office, sn="9A2")
    found = admin.get("/devices?fields=id,sn&filter=sn:9A2").json["items"]
    assert [sorted(each) for each in found] == [["id", "sn"]]
    assert found[0]["sn"] == "9A2"
    assert admin.every("/devices?filter=state:active&filter=live:true") == admin.every("/devices")
    assert admin.every("/devices?filter=state:removed") == []
    assert sorted(admin.get(f"/devices/{found[0]['id']}?fields=state").json) == ["state"]
    for question in (
        "fields=secret",
        "filter=state:nonsense",
        "filter=features:x",
        "filter=state",
        "filter=sn:1&filter=sn:2",
        "filters=sn:9A2",
        "cursor=abcd",
        "limit=0",
        "limit=100000",
    ):
        assert admin.get(f"/devices?{question}").status in (400, 422), question
    cursor = admin.get("/devices?limit=1").json["next"]
    assert admin.get(f"/devices?limit=1&cursor={cursor}&filter=sn:9A1").problem == "message-malformed"
    assert admin.get(f"/tags?cursor={cursor}").problem == "message-malformed"


def test_what_has_not_changed_is_not_sent(admin: Counter) -> None:
    """With the entity tag of what one has, a look at the same thing is answered 304 and without a body."""
    for path in ("/tags", f"/tags/{admin.every('/tags')[0]['id']}"):
        first = admin.get(path)
        again = admin.get(path, if_none_match=first.headers["etag"])
        assert (again.status, again.body) == (304, b"")
        assert admin.get(path, if_none_match='"other"').status == 200


# --- changing -----------------------------------------------------------------------------------------------------


def test_nobody_overwrites_what_they_have_not_seen(admin: Counter) -> None:
    """A change names what it changes: without If-Match it is refused, with an old tag it is too, and then nothing changed."""
    path = f"/tags/{admin.every('/tags')[0]['id']}"
    old = admin.get(path).headers["etag"]
    assert admin.ask("PATCH", path, {"name": "One"}).problem == "precondition-missing"
    done = admin.ask("PATCH", path, {"name": "One"}, if_match=old)
    assert (done.status, done.json["name"]) == (200, "One")
    late = admin.ask("PATCH", path, {"name": "Two"}, if_match=old)
    assert (late.problem, late.headers["etag"]) == ("precondition-failed", done.headers["etag"])
    assert admin.get(path).json["name"] == "One"
    assert admin.ask("PATCH", path, {"name": "Two"}, if_match=late.headers["etag"]).status == 200


def test_a_repeated_request_is_done_once(served: Counters, admin: Counter) -> None:
    """The same key and body get the stored answer, another body is refused, no key is refused; a token's text is told once."""
    place = str(served.office.place.id)
    first = admin.post("/tokens", {"virtual_account_id": place}, once="the-first-1")
    again = admin.post("/tokens", {"virtual_account_id": place}, once="the-first-1")
    assert (first.status, again.status) == (201, 201)
    assert again.headers["idempotency-replayed"] == "true"
    text = first.json.pop("token")
    assert {name: each for name, each in first.json.items() if name != "token"} == again.json
    assert "idempotency-replayed" not in first.headers
    assert len(admin.every("/tokens")) == 1
    other = admin.post("/tokens", {"virtual_account_id": place, "uses": 2}, once="the-first-1")
    assert other.problem == "idempotency-key-reuse"
    assert admin.post("/tokens", {"virtual_account_id": place}, idempotency_key="short").problem == (
        "idempotency-key-missing"
    )
    file = served.office.portal.database.file
    if file is not None:
        assert text.split("-")[2] not in _dumped(file)


def _dumped(file: Path) -> str:
    connection = sqlite3.connect(file)
    try:
        return "\n".join(connection.iterdump())
    finally:
        connection.close()


def test_repeated_at_once_it_is_done_once(either: Counters) -> None:
    """Many who send the same request with the same key at the same moment make one thing together."""
    served, admin = either, either.as_role(ADMIN)
    place = str(served.office.place.id)
    statuses: list[int] = []

    def send() -> None:
        got = admin.post(
            "/lots", {"virtual_account_id": place, "tag": "standard", "quantity": 5}, once="at-once-1"
        )
        statuses.append(got.status)

    threads = [threading.Thread(target=send) for _ in range(6)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert set(statuses) <= {201, 409}
    assert 201 in statuses
    assert [each["quantity"] for each in admin.every("/lots")] == [10, 5]


def test_accounts_and_their_parts(served: Counters, admin: Counter) -> None:
    """A key of the portal makes accounts; an admin's of one makes its parts, renames, marks and removes them."""
    made = served.of_portal().post("/accounts", {"domain": "quay.example", "name": "Quay"})
    assert made.status == 201
    assert served.of_portal().get(made.headers["location"].removeprefix(BASE)).json == made.json
    again = served.of_portal().post("/accounts", {"domain": "quay.example", "name": "Quay"})
    assert again.problem == "conflict"
    part = admin.post("/virtual-accounts", {"name": "North"})
    path = part.headers["location"].removeprefix(BASE)
    changed = admin.ask("PATCH", path, {"tags": {"site": "north"}}, if_match=part.headers["etag"])
    assert (changed.json["name"], changed.json["tags"]) == ("North", {"site": "north"})
    taken = admin.ask("PATCH", path, {"name": "Default"}, if_match=changed.headers["etag"])
    assert taken.problem == "conflict"
    default = served.office.place.id
    assert admin.ask("DELETE", f"/virtual-accounts/{default}").problem == "conflict"
    assert admin.ask("DELETE", path).status == 204
    assert admin.get(path).problem == "not-there"


def test_seats_are_moved_and_rehearsed(either: Counters) -> None:
    """A rehearsed move tells what would be and changes nothing; a real one takes from what ends first; never what is held."""
    served, admin = either, either.as_role(ADMIN)
    office = served.office
    place, end = str(office.place.id), (office.clock.now() + timedelta(days=90)).isoformat()
    lot = {"virtual_account_id": place, "tag": "standard", "quantity": 4, "ends_at": end}
    assert admin.post("/lots", lot).status == 201
    north = admin.post("/virtual-accounts", {"name": "North"}).json["id"]
    pool = admin.every("/pools")[0]["id"]
    asked = {"virtual_account_id": north, "quantity": 6}
    would = admin.post(f"/pools/{pool}:transfer", {**asked, "dry_run": True}).json
    assert (would["source"]["purchased"], would["target"]["purchased"]) == (8, 6)
    assert [each["purchased"] for each in admin.every("/pools")] == [14]
    before = len(admin.every("/ledger"))
    assert admin.post(f"/pools/{pool}:transfer", asked).status == 200
    moved = [each for each in admin.every("/lots") if each["virtual_account_id"] == north]
    assert [(each["quantity"], each["ends_at"] is not None) for each in moved] == [(4, True), (2, False)]
    assert len(admin.every("/ledger")) > before
    assert admin.post(f"/pools/{pool}:transfer", {**asked, "quantity": 9}).problem == "conflict"
    tag = f"/tags/{admin.every('/tags')[0]['id']}"
    hard = admin.ask("PATCH", tag, {"mode": "hard"}, if_match=admin.get(tag).headers["etag"])
    assert hard.status == 200
    working(office, seats=5)
    held = admin.post(f"/pools/{pool}:transfer", {**asked, "quantity": 4})
    assert (held.problem, "must be returned" in held.json["detail"]) == ("conflict", True)
    shown = admin.get(f"/pools/{pool}")
    over = admin.ask("PATCH", f"/pools/{pool}", {"overage_pct": 50}, if_match=shown.headers["etag"]).json
    assert (over["overage_pct"], over["room"]) == (50, 7)


def test_a_device_is_moved_with_its_seats(either: Counters) -> None:
    """Its seats leave one pool for the other; into a hard pool without room neither goes."""
    served, admin = either, either.as_role(ADMIN)
    working(served.office, seats=3)
    device = admin.every("/devices")[0]["id"]
    north = admin.post("/virtual-accounts", {"name": "North"}).json["id"]
    moved = admin.post(f"/devices/{device}:transfer", {"virtual_account_id": north})
    assert (moved.status, moved.json["virtual_account_id"]) == (200, north)
    by_place = {each["virtual_account_id"]: each["in_use"] for each in admin.every("/pools")}
    assert by_place == {str(served.office.place.id): 0, north: 3}
    tag = f"/tags/{admin.every('/tags')[0]['id']}"
    refused = admin.ask("PATCH", tag, {"mode": "hard"}, if_match=admin.get(tag).headers["etag"])
    assert refused.problem == "conflict"
    home = str(served.office.place.id)
    assert admin.post(f"/devices/{device}:transfer", {"virtual_account_id": home}).status == 200
    assert admin.ask("PATCH", tag, {"mode": "hard"}, if_match=admin.get(tag).headers["etag"]).status == 200
    assert admin.post(f"/devices/{device}:transfer", {"virtual_account_id": north}).problem == "conflict"
    assert {each["virtual_account_id"]: each["in_use"] for each in admin.every("/pools")} == {
        home: 3,
        north: 0,
    }


def test_the_life_of_a_device(served: Counters, admin: Counter) -> None:
    """Approved, suspended, released, its certificate revoked, itself revoked: each once, and refused where it means nothing."""
    office = served.office
    waiting = Hand(office, sn="9W1")
    made = office.token(TokenTerms(approval=True))
    assert waiting.enrol(made).status == 202
    path = f"/devices/{admin.every('/devices')[0]['id']}"
    assert [each["kind"] for each in admin.every("/alerts")] == ["approval-waiting"]
    assert admin.post(f"{path}:approve").json["state"] == "active"
    assert admin.post(f"{path}:approve").problem == "conflict"
    assert admin.every("/alerts") == []
    assert waiting.enrol(made).status == 200
    assert admin.post(f"{path}:suspend").json["state"] == "suspended"
    body = waiting.wants(Wanted(tag="standard"))
    assert kind_of(waiting.ask("PUT", message.ENTITLEMENTS, body)) is Type.DEVICE_SUSPENDED
    assert admin.post(f"{path}:release").json["state"] == "active"
    assert admin.post(f"{path}:release").problem == "conflict"
    assert waiting.ask("PUT", message.ENTITLEMENTS, body).status == 200
    certificate = admin.every("/certificates")[0]["id"]
    assert admin.post(f"/certificates/{certificate}:revoke").json["status"] == "revoked"
    assert waiting.ask("GET", message.ENTITLEMENTS).status == 401
    assert admin.post(f"{path}:revoke").json["state"] == "revoked"
    assert office.in_use() == 0
    assert admin.post(f"{path}:remove").json["state"] == "removed"
    assert admin.post(f"/devices/{uuid4()}:remove").problem == "not-there"


def test_alerts_open_and_close_by_themselves(served: Counters, admin: Counter) -> None:
    """A rule opens one when its cause comes and closes it when the cause goes: silence, too many seats, an end in sight."""
    office = served.office
    hand = working(office, seats=12)
    assert [each["kind"] for each in admin.every("/alerts")] == ["out-of-compliance"]
    soon = (office.clock.now() + timedelta(days=20)).isoformat()
    lot = {"virtual_account_id": str(office.place.id), "tag": "standard", "quantity": 5, "ends_at": soon}
    assert admin.post("/lots", lot).status == 201
    assert [each["kind"] for each in admin.every("/alerts", 1)] == ["lot-ending"]
    office.clock.advance(timedelta(days=34))
    _sweep(office)
    assert [each["kind"] for each in admin.every("/alerts", 1)] == ["device-overdue", "out-of-compliance"]
    assert hand.ask("GET", message.RENEWAL_INFO).status == 200
    office.clock.advance(timedelta(days=60))
    _sweep(office)
    assert {each["kind"]: each["severity"] for each in admin.every("/alerts")} == {
        "authorization-expired": "major"
    }


def _sweep(office: Office) -> None:
    from anchorwatch.portal import life

    life.sweep(office.portal)


def test_the_switch_waits_for_the_devices(either: Counters) -> None:
    """A planned root is switched to when its day has come and devices hold it, or when one says how many are left behind."""
    served = either
    office = served.office
    hand = working(office)
    key, root, old = served.of_portal(), CA.root("Next Root"), CA.root("Old Root")
    after = office.clock.now() + timedelta(days=10)
    assert (
        key.post("/trust:plan-root", {"certificate": old.pem, "switch_after": after.isoformat()}).status
        == 201
    )
    planned = key.post("/trust:plan-root", {"certificate": root.pem, "switch_after": after.isoformat()})
    assert (planned.status, planned.json["seq"]) == (201, 3)
    ready = served.as_role(VIEWER).get(f"/trust/readiness?root={root.sha256}").json
    assert (ready["devices"], ready["ready"], ready["behind"], ready["since"]) == (1, 0, 1, 3)
    refused = key.post("/trust:switch", {"root": root.sha256})
    assert (refused.problem, "1 of 1 devices" in refused.json["detail"]) == ("conflict", True)
    early = key.post("/trust:switch", {"root": root.sha256, "leave_behind": 1})
    assert "not before" in early.json["detail"]
    office.clock.advance(timedelta(days=11))
    info = {
        "udi": {"pid": "ASAv", "sn": "9A1"},
        "sw": {"name": "asa", "version": "9.8"},
        "agent": "1",
        "trust_seq": 3,
    }
    assert hand.ask("PUT", message.SELF, json.dumps(info).encode()).status == 200
    assert key.get(f"/trust/readiness?root={root.sha256}").json["ready"] == 1
    switched = key.post("/trust:switch", {"root": root.sha256, "retire": [old.sha256]})
    assert switched.status == 201
    assert [each["sha256"] for each in switched.json["anchors"] if each["role"] == "tls"] == [root.sha256]
    assert key.post("/trust:switch", {"root": root.sha256}).problem == "conflict"
    assert key.post("/trust:switch", {"root": "0" * 64}).problem == "not-there"
    assert key.get(f"/trust/readiness?root={old.sha256}").problem == "not-there"
    assert (
        key.post("/trust:plan-root", {"certificate": "x", "switch_after": after.isoformat()}).problem
        == "invalid"
    )
    assert served.as_role(ADMIN).post("/trust:switch", {"root": root.sha256}).problem == "not-allowed"
    assert office.portal.bundle_seq == switched.json["seq"]


# --- to whom ------------------------------------------------------------------------------------------------------


def test_without_a_good_key_there_is_nothing(served: Counters, admin: Counter) -> None:
    """No key, a wrong, a revoked, a past one, and no TLS: each path is refused alike, before anything else is told."""
    made, text = operator.make_key(
        served.office.portal, "x", ADMIN, served.office.account, life=timedelta(days=1)
    )
    assert served.with_key(text).get("/tags").status == 200
    wrong = Secret(text.reveal()[:-1] + ("A" if text.reveal()[-1] != "A" else "B"))
    paths = ("/tags", "/openapi.json", "/nothing", "")
    for stranger in (served.with_key(None), served.with_key(wrong), served.with_key(Secret("AWK1-x-y"))):
        for path in paths:
            got = stranger.get(path)
            assert (got.status, got.problem) == (401, "api-key-refused")
            assert got.headers["www-authenticate"].startswith("Bearer")
    for twice in ("Basic abc", "Bearer", f"Bearer {text.reveal()} x", ""):
        assert served.with_key(None).get("/tags", authorization=twice).status == 401
    operator.revoke_key(served.office.portal, made.prefix)
    assert served.with_key(text).get("/tags").status == 401
    _, brief = operator.make_key(
        served.office.portal, "y", ADMIN, served.office.account, life=timedelta(days=1)
    )
    served.office.clock.advance(timedelta(days=1))
    assert served.with_key(brief).get("/tags").status == 401
    assert admin.get("/tags").status == 200


def test_never_without_tls(office: Office) -> None:
    """On a listener that speaks plain HTTP the API refuses even a good key."""
    import http.client

    _, text = operator.make_key(office.portal, "x", ADMIN, office.account)
    with Server(office.portal, around=application.mounted(office.portal)) as server:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        connection.request("GET", f"{BASE}/tags", headers={"authorization": f"Bearer {text.reveal()}"})
        got = connection.getresponse()
        assert (got.status, b"tls-required" in got.read()) == (403, True)
        connection.close()


def _operations() -> list[tuple[str, str, dict[str, Any]]]:
    document = application.described(None).openapi()
    return [
        (method.upper(), path.removeprefix(BASE), operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


WORKERS = {
    ("POST", "/tokens"),
    ("POST", "/tokens/{token_id}:revoke"),
    ("POST", "/devices/{device_id}:approve"),
    ("POST", "/devices/{device_id}:suspend"),
    ("POST", "/devices/{device_id}:release"),
    ("POST", "/devices/{device_id}:transfer"),
}
"""What the role operator may change; all else is an admin's."""


def test_roles(served: Counters) -> None:
    """A viewer changes nothing at all, an operator only devices and tokens: over every operation there is."""
    viewer, worker = served.as_role(VIEWER), served.as_role(OPERATOR)
    changing = [(method, path) for method, path, _ in _operations() if method != "GET"]
    assert {(method, path) for method, path, it in _operations() if it["x-role"] == OPERATOR} == WORKERS
    assert {method for method, _, it in _operations() if it["x-role"] == VIEWER} == {"GET"}
    for method, path in changing:
        for name in ("account", "virtual_account", "tag", "lot", "pool", "token", "device", "certificate"):
            path = path.replace(f"{{{name}_id}}", str(uuid4()))
        content = _acceptable(path)
        assert viewer.ask(method, path, content, if_match="*").status == 403, path
    for method, path in changing:
        asked = path
        for name in ("account", "virtual_account", "tag", "lot", "pool", "token", "device", "certificate"):
            asked = asked.replace(f"{{{name}_id}}", str(uuid4()))
        got = worker.ask(method, asked, _acceptable(asked), if_match="*")
        assert (got.status == 403) is ((method, path) not in WORKERS), (path, got.body)
    place = str(served.office.place.id)
    for right in ("export", "force"):
        assert worker.post("/tokens", {"virtual_account_id": place, right: True}).problem == "not-allowed"
        assert served.as_role(ADMIN).post("/tokens", {"virtual_account_id": place, right: True}).status == 201


def _acceptable(path: str) -> dict[str, Any] | None:
    """A body that the gate lets through, so that only the role can refuse it."""
    nobody = str(uuid4())
    noun, _, action = path.partition(":")
    match noun.strip("/").split("/")[0], action:
        case "accounts", _:
            return {"domain": "a.example", "name": "A"}
        case "virtual-accounts", _:
            return {"name": "A"}
        case "tags", _:
            return {"name": "A"} if noun.count("/") > 1 else {"tag": "a"}
        case "lots", _:
            return {"virtual_account_id": nobody, "tag": "a", "quantity": 1}
        case "pools", "transfer":
            return {"virtual_account_id": nobody, "quantity": 1}
        case "pools", _:
            return {"overage_pct": 1}
        case "tokens", "":
            return {"virtual_account_id": nobody}
        case "devices", "transfer":
            return {"virtual_account_id": nobody}
        case "trust", "plan-root":
            return {"certificate": "x", "switch_after": "2027-01-01T00:00:00Z"}
        case "trust", "switch":
            return {"root": "0" * 64}
        case _:
            return None


def test_an_account_never_sees_another(either: Counters) -> None:
    """With a key of one account the things of another are not there: not listed, not shown, not changed, not pointed at."""
    served, admin = either, either.as_role(ADMIN)
    office = served.office
    working(office)
    office.clock.advance(timedelta(days=40))
    _sweep(office)
    assert admin.post("/tokens", {"virtual_account_id": str(office.place.id)}).status == 201
    other, _ = management.add_account(office.portal, "quay.example", "Quay")
    stranger, whole = served.as_role(ADMIN, other), served.of_portal()
    names = {each["id"] for path in LISTS for each in admin.every(path) if "id" in each}
    for path in LISTS:
        seen = {each.get("id") for each in stranger.every(path)}
        assert not seen & names, path
        assert whole.get(path).problem == "not-allowed", path
    assert [each["domain"] for each in stranger.every("/accounts")] == ["quay.example"]
    assert stranger.get(f"/accounts/{office.account.id}").problem == "not-there"
    owned = {
        "virtual_account": "/virtual-accounts",
        "tag": "/tags",
        "lot": "/lots",
        "pool": "/pools",
        "token": "/tokens",
        "device": "/devices",
        "certificate": "/certificates",
    }
    tried = 0
    for method, path, _ in _operations():
        noun = next((name for name in owned if f"{{{name}_id}}" in path), None)
        if noun is None:
            continue
        asked = path.replace(f"{{{noun}_id}}", admin.every(owned[noun])[0]["id"])
        got = stranger.ask(method, asked, _acceptable(asked), if_match="*")
        assert (got.status, got.problem) == (404, "not-there"), (method, path, got.body)
        tried += 1
    assert tried > 15
    mine = stranger.every("/virtual-accounts")[0]["id"]
    device, pool = admin.every("/devices")[0]["id"], admin.every("/pools")[0]["id"]
    theirs = {"virtual_account_id": mine}
    assert admin.post(f"/devices/{device}:transfer", theirs).problem == "not-there"
    assert admin.post(f"/pools/{pool}:transfer", {**theirs, "quantity": 1}).problem == "not-there"
    assert admin.post("/tokens", theirs).problem == "not-there"
    assert admin.post("/lots", {**theirs, "tag": "standard", "quantity": 1}).problem == "not-there"
    assert stranger.get(f"/trust/readiness?root={'0' * 64}").problem == "not-there"


# --- hostile ------------------------------------------------------------------------------------------------------

NASTY = (
    "'; DROP TABLE device; --",
    '" OR 1=1 --',
    "%' OR '1'='1",
    "${jndi:ldap://x}",
    "<script>alert(1)</script>",
    "../../etc/passwd",
    "{{7*7}}",
    "\u202eevil",
    "𝔘nicode ﷽",
)


def test_words_stay_words(either: Counters) -> None:
    """Whatever is written into a name comes back as it was, is found by it alone, and never becomes a part of a statement."""
    admin = either.as_role(ADMIN)
    from urllib.parse import quote

    for word in NASTY:
        made = admin.post("/virtual-accounts", {"name": word})
        assert (made.status, made.json["name"]) == (201, word)
        assert [each["name"] for each in admin.every(f"/virtual-accounts?filter=name:{quote(word)}")] == [
            word
        ]
        assert admin.every(f"/devices?filter=sn:{quote(word)}") == []
        assert admin.get(f"/devices/{quote(word, safe='')}").status in (404, 422)
        as_tag = word == "../../etc/passwd"  # made of what tags are made of, and a path to nobody
        assert (admin.post("/tags", {"tag": word}).status == 201) is as_tag
    for broken in ("\x00", "a\nb", "\x1b[2J", "\ud800"):
        assert admin.post("/virtual-accounts", {"name": broken}).status == 422
        if broken != "\ud800":  # no octets on the wire say this
            assert admin.get(f"/devices?filter=sn:{quote(broken)}").status in (400, 422)
    assert len(admin.every("/virtual-accounts")) == 1 + len(NASTY)


def test_only_named_members_are_taken(served: Counters, admin: Counter) -> None:
    """A member that a request does not have, though the row has it, is refused with the whole request."""
    place = str(served.office.place.id)
    for extra in ("uses", "id", "account_id", "revoked_at", "prefix", "export_allowed", "secret_hash"):
        content = {"virtual_account_id": place, extra: 1 if extra == "uses" else "x"}
        if extra == "uses":
            content |= {"max_uses": 5}
        assert admin.post("/tokens", content).problem == "invalid", extra
    tag = f"/tags/{admin.every('/tags')[0]['id']}"
    for extra in ("id", "account_id", "tag", "rank"):
        got = admin.ask("PATCH", tag, {extra: "x"}, if_match="*")
        assert got.problem == "invalid", extra
    assert admin.every("/tokens") == []


def test_bodies_that_are_none(served: Counters, admin: Counter) -> None:
    """Too large, too deep, no JSON, another type, numbers beyond all columns: refused with a problem, and nothing else happens."""
    post = {"idempotency_key": "bodies-that-1"}
    assert admin.ask("POST", "/tags", raw=b"x" * (256 * 1024 + 1), **post).problem == "too-large"
    for raw in (
        b"[" * 100_000,
        b'{"tag":' * 20_000,
        b"{",
        b"\xff\xfe",
        b"",
        b"null",
        b'"x"',
        b"NaN",
        b'{"tag":1e999}',
    ):
        assert admin.ask("POST", "/tags", raw=raw, **post).status in (400, 422), raw[:20]
    assert admin.ask("POST", "/tags", raw=b'{"tag":"a"}', content_type="text/plain", **post).status in (
        415,
        422,
    )
    place = str(served.office.place.id)
    for quantity in (0, 10**12, -(10**12), 1.5, "5", True, 10**400):
        got = admin.post("/lots", {"virtual_account_id": place, "tag": "standard", "quantity": quantity})
        assert got.status in (400, 422), quantity
    assert admin.post("/lots", {"virtual_account_id": place, "tag": "standard", "quantity": -11}).status in (
        201,
        409,
    )
    assert len(admin.every("/tags")) == 1


def test_mistakes_of_ours_tell_nothing(admin: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error nobody foresaw is answered as one, with a request id and without its words; the portal goes on."""

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("the words of it")

    monkeypatch.setattr(management, "add_virtual", broken)
    got = admin.post("/virtual-accounts", {"name": "x"})
    assert (got.status, got.problem, b"words" in got.body) == (500, "mistake", False)
    assert got.json["instance"].startswith("urn:sl:request:")
    monkeypatch.undo()
    assert admin.post("/virtual-accounts", {"name": "x"}).status == 201


def test_every_answer_is_guarded(served: Counters, admin: Counter) -> None:
    """Good and bad answers alike are not stored, not framed, not guessed at, and dated by the portal's clock."""
    from email.utils import parsedate_to_datetime

    for got in (
        admin.get("/tags"),
        admin.get("/nothing"),
        served.with_key(None).get("/tags"),
        admin.post("/tags"),
    ):
        assert got.headers["cache-control"] == "no-store"
        assert got.headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors 'none'" in got.headers["content-security-policy"]
        assert parsedate_to_datetime(got.headers["date"]) == served.office.clock.now()
    assert admin.ask("DELETE", "/tags").problem == "method-not-allowed"


def test_nothing_secret_is_told_or_kept(office: Office, tmp_path: Path) -> None:
    """No answer holds a secret, a hash or a key, and the database holds nothing one could register or sign in with."""
    with counters(office, tmp_path / "tls") as served:
        admin = served.as_role(ADMIN)
        basic = office.basic()
        hand = working(office)
        tokens = office.portal.database.read(
            lambda tx: page.page(tx, page.TOKENS, office.account.id, equal={}, limit=100)
        )
        secrets = [each.public_key or each.secret_hash or b"" for each in tokens]
        jws = hand.ask("GET", message.ENTITLEMENTS).body.decode()
        assert admin.key is not None
        words = [
            admin.key.reveal().split("-", 2)[2],
            basic.reveal().split("-")[2],
            jws.split(".")[2],
            *(each.hex() for each in secrets),
        ]
        told = "".join(
            admin.get(f"{path}?limit=200").body.decode() for path in (*LISTS, "/accounts", "/trust/bundles")
        )
        told += admin.get("/openapi.json").body.decode()
        assert [each for each in words if each in told] == []
        file = office.portal.database.file
        assert file is not None
        kept = _dumped(file)
        assert [each for each in words[:2] if each in kept] == []


# --- the document ---------------------------------------------------------------------------------------------------


def test_it_is_imported_only_where_it_is_asked_for() -> None:
    """A portal without its API, and the whole command line, start without FastAPI."""
    code = (
        "import sys; import anchorwatch.portal.server, anchorwatch.portal.management, anchorwatch.cli.portal,"
        " anchorwatch.cli.portal_key; print([each for each in ('fastapi', 'structlog', 'prometheus_client')"
        " if each in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def _tried(served: Counters, examples: int) -> int:
    """Each operation with so many requests that fit the document and that do not; how many of each were sent."""
    import hypothesis
    import requests
    import schemathesis
    from schemathesis import GenerationMode
    from schemathesis.checks import not_a_server_error
    from schemathesis.core.result import Err
    from schemathesis.specs.openapi import checks

    office = served.office
    hand = working(office)
    admin = served.as_role(ADMIN)
    assert hand.certificate
    known = {
        f"{name}_id": admin.every(path)[0]["id"]
        for name, path in {
            "account": "/accounts",
            "virtual_account": "/virtual-accounts",
            "tag": "/tags",
            "lot": "/lots",
            "pool": "/pools",
            "device": "/devices",
            "certificate": "/certificates",
            "token": "/tokens",
        }.items()
    }
    schema = schemathesis.openapi.from_dict(application.described(None).openapi())
    session = requests.Session()
    session.trust_env = False
    sent = 0
    all_checks = [
        not_a_server_error,
        checks.status_code_conformance,
        checks.content_type_conformance,
        checks.response_headers_conformance,
        checks.response_schema_conformance,
        checks.negative_data_rejection,
    ]
    assert admin.key is not None
    keys = [f"Bearer {each.key.reveal()}" for each in (admin, served.of_portal()) if each.key is not None]

    for found in schema.get_all_operations():
        assert not isinstance(found, Err), "the document is not OpenAPI"
        operation = found.ok()
        cases = operation.as_strategy(generation_mode=GenerationMode.POSITIVE) | operation.as_strategy(
            generation_mode=GenerationMode.NEGATIVE
        )

        @hypothesis.settings(
            max_examples=examples,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[hypothesis.Phase.generate],
            suppress_health_check=list(hypothesis.HealthCheck),
        )
        @hypothesis.given(
            case=cases, real=hypothesis.strategies.booleans(), key=hypothesis.strategies.sampled_from(keys)
        )
        def send(case: Any, real: bool, key: str) -> None:
            nonlocal sent
            positive = case.meta.generation.mode is GenerationMode.POSITIVE
            if real and positive:
                # A thing that is there, so that more than "not there" is answered.
                case.path_parameters = {
                    name: known.get(name, each) for name, each in (case.path_parameters or {}).items()
                }
                if isinstance(case.body, dict) and "virtual_account_id" in case.body:
                    case.body["virtual_account_id"] = known["virtual_account_id"]
            answer = case.call(
                base_url=f"https://127.0.0.1:{served.port}",
                session=session,
                verify=str(served.root),
                headers={"authorization": key},
            )
            sent += 1
            # Too large to be looked at is a refusal too, which the library does not count as one.
            told = all_checks if answer.status_code != 413 else all_checks[:-1]
            case.validate_response(answer, checks=told)

        send()
    assert office.portal.database.read(ledger.audit) == ()
    return sent


def test_the_document_is_true(office: Office, tmp_path: Path) -> None:
    """Requests made from the OpenAPI document, right ones and wrong ones, meet no error of ours and answers as it says."""
    with counters(office, tmp_path / "tls") as served:
        assert _tried(served, 2) > 80


@pytest.mark.soak
def test_the_document_is_true_for_long(office: Office, tmp_path: Path) -> None:
    """The same with many more requests of each kind."""
    with counters(office, tmp_path / "tls") as served:
        assert _tried(served, 100) > 3000
