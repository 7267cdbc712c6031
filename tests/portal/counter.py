"""An operator at the management API: over a real socket with TLS, by an API key."""

from __future__ import annotations

import http.client
import json
import sqlite3
import ssl
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from anchorwatch.base.secret import Secret
from anchorwatch.db.account import SmartAccount
from anchorwatch.db.word import OperatorRole
from anchorwatch.licensing import message
from anchorwatch.licensing.message import Wanted
from anchorwatch.portal import operator
from anchorwatch.portal.api import application
from anchorwatch.portal.server import Front, Server
from portal.hand import Hand, enrolled
from portal.office import Office, shown

BASE = "/api/v1"

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


@dataclass
class Got:
    """An answer; field names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def problem(self) -> str:
        """The name of the problem in it."""
        assert self.headers["content-type"] == "application/problem+json", self.body
        name: str = self.json["type"].rpartition("/")[2]
        return name


@dataclass
class Counter:
    """Where an operator asks. `key` None: as a stranger."""

    port: int
    root: Path
    key: Secret | None = field(repr=False)

    def ask(
        self,
        method: str,
        path: str,
        content: Any = None,
        *,
        raw: bytes | None = None,
        once: str | None = None,
        **headers: str,
    ) -> Got:
        """A request with a fresh idempotency key, or with `once`."""
        fields = {name.replace("_", "-"): each for name, each in headers.items()}
        if self.key is not None:
            fields.setdefault("authorization", f"Bearer {self.key.reveal()}")
        body = raw
        if content is not None:
            body = json.dumps(content).encode()
        if body is not None:
            fields.setdefault("content-type", "application/json")
        if method != "GET":
            fields.setdefault("idempotency-key", once or str(uuid.uuid4()))
        context = ssl.create_default_context(cafile=str(self.root))
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, context=context, timeout=20)
        try:
            connection.request(method, BASE + path, body=body, headers=fields)
            answer = connection.getresponse()
            return Got(
                answer.status,
                {name.lower(): value for name, value in answer.getheaders()},
                answer.read(),
            )
        finally:
            connection.close()

    def get(self, path: str, **headers: str) -> Got:
        return self.ask("GET", path, None, raw=None, once=None, **headers)

    def post(self, path: str, content: Any = None, *, once: str | None = None, **headers: str) -> Got:
        return self.ask("POST", path, content, raw=None, once=once, **headers)

    def every(self, path: str, limit: int = 2) -> list[Any]:
        """All items of a list, page by page."""
        found: list[Any] = []
        cursor = ""
        while True:
            got = self.get(f"{path}{'&' if '?' in path else '?'}limit={limit}{cursor}")
            assert got.status == 200, got.body
            found += got.json["items"]
            if got.json["next"] is None:
                return found
            cursor = f"&cursor={got.json['next']}"


@dataclass
class Counters:
    """A portal that serves its API, and a counter there for each key."""

    office: Office
    port: int
    root: Path

    def with_key(self, key: Secret | None) -> Counter:
        return Counter(self.port, self.root, key)

    def as_role(self, role: OperatorRole = OperatorRole.ADMIN, owner: SmartAccount | None = None) -> Counter:
        """With a new key of an account, of the office's own where none is named."""
        _, text = operator.make_key(self.office.portal, "test", role, owner or self.office.account)
        return self.with_key(text)

    def of_portal(self, role: OperatorRole = OperatorRole.ADMIN) -> Counter:
        """With a new key of the portal itself."""
        _, text = operator.make_key(self.office.portal, "test", role, None)
        return self.with_key(text)


@contextmanager
def counters(office: Office, folder: Path) -> Iterator[Counters]:
    """The office's portal, serving its API."""
    made = shown(folder, "Operators")
    around = application.mounted(office.portal)
    with Server(office.portal, front=Front(made.chain, made.key), around=around) as server:
        yield Counters(office, server.port, made.root)


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


def sweep(office: Office) -> None:
    from anchorwatch.portal import life

    life.sweep(office.portal)


def dumped(file: Path) -> str:
    connection = sqlite3.connect(file)
    try:
        return "\n".join(connection.iterdump())
    finally:
        connection.close()
