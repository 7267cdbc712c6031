"""The management API against a real server over TLS: what it shows, and what it changes."""

from __future__ import annotations

import json
import threading
from datetime import timedelta
from uuid import uuid4

from anchorwatch.db.word import OperatorRole
from anchorwatch.licensing import message
from anchorwatch.licensing.message import Wanted
from anchorwatch.licensing.problem import Type
from anchorwatch.portal.management import TokenTerms
from builders.certs import CA
from portal.counter import BASE, LISTS, Counter, Counters, dumped, sweep, working
from portal.hand import Hand, enrolled, kind_of

VIEWER, OPERATOR, ADMIN = OperatorRole


# --- looking ------------------------------------------------------------------------------------------------------


def test_every_noun_is_listed_and_shown(either: Counters) -> None:
    """What the portal holds appears under each noun, and every item is found again by its id."""
    served, admin = either, either.as_role(ADMIN)
    office = served.office
    working(office)
    office.clock.advance(timedelta(days=100))
    sweep(office)
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
        assert text.split("-")[2] not in dumped(file)


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
    sweep(office)
    assert [each["kind"] for each in admin.every("/alerts", 1)] == ["device-overdue", "out-of-compliance"]
    assert hand.ask("GET", message.RENEWAL_INFO).status == 200
    office.clock.advance(timedelta(days=60))
    sweep(office)
    assert {each["kind"]: each["severity"] for each in admin.every("/alerts")} == {
        "authorization-expired": "major"
    }


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
