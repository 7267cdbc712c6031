"""The management API: to whom it answers what, and what comes of hostile requests."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from anchorwatch.base.secret import Secret
from anchorwatch.db import page
from anchorwatch.db.word import OperatorRole
from anchorwatch.licensing import message
from anchorwatch.portal import management, operator
from anchorwatch.portal.api import application
from anchorwatch.portal.server import Server
from portal.counter import BASE, LISTS, Counter, Counters, counters, dumped, sweep, working
from portal.office import Office

VIEWER, OPERATOR, ADMIN = OperatorRole


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
    sweep(office)
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
        kept = dumped(file)
        assert [each for each in words[:2] if each in kept] == []
