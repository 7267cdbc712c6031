"""A portal for the tests, real in all its parts, and the ways to reach it: at the desk, and over a socket."""

from __future__ import annotations

import atexit
import functools
import http.client
import shutil
import ssl
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from anchorwatch.base.clock import TurnableClock
from anchorwatch.base.secret import Secret
from anchorwatch.db import ledger, pool
from anchorwatch.db.database import Transaction
from anchorwatch.db.device import Device
from anchorwatch.db.tag import EntitlementTag
from anchorwatch.licensing import token
from anchorwatch.licensing.message import Wanted
from anchorwatch.licensing.seat import Mode
from anchorwatch.portal import desk, management
from anchorwatch.portal.management import TokenTerms
from anchorwatch.portal.portal import Portal
from anchorwatch.portal.reply import Reply as PortalReply
from anchorwatch.portal.reply import Request
from builders.certs import CA
from licensing.cable import Box, Cable, World
from licensing.desk import PORTAL, Desk, Reply

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
STANDARD = (Wanted(tag="standard", count=1),)
Ask = Callable[[str, str, dict[str, str], bytes | None], PortalReply]


@functools.cache
def _begun() -> Path:
    """A portal just made, with its first bundle: made once, for that takes longer than most tests take."""
    folder = Path(tempfile.mkdtemp(prefix="office-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    made = management.initialise(folder / "portal", PORTAL, TurnableClock(START))
    made.database.close()
    return folder / "portal"


class Office:
    """A portal with an account, a tag and some seats.

    On a file and without a passphrase, all of a run have the same keys.
    """

    def __init__(
        self,
        folder: Path,
        *,
        seats: int = 10,
        mode: Mode = Mode.LIMIT,
        database: str | None = None,
        passphrase: Secret | None = None,
    ) -> None:
        self.clock = TurnableClock(START)
        self.portal: Portal
        if database is not None or passphrase is not None:
            self.portal = management.initialise(
                folder, PORTAL, self.clock, database=database, passphrase=passphrase
            )
        else:
            shutil.copytree(_begun(), folder, dirs_exist_ok=True)
            self.portal = management.opened(folder, self.clock)
        self.account, self.place = management.add_account(self.portal, "harbour.example", "Harbour")
        self.tag = self.add_tag("standard", mode)
        management.add_lot(self.portal, self.place, "standard", seats)

    def add_tag(self, name: str, mode: Mode = Mode.LIMIT, *, restricted: bool = False) -> EntitlementTag:
        """Another thing to license."""
        made = EntitlementTag(
            id=self.account.id,
            account_id=self.account.id,
            tag=name,
            name=name,
            mode=mode,
            restricted=restricted,
        )
        return management.add_tag(self.portal, self.account, made)

    def token(self, terms: TokenTerms | None = None) -> token.IdToken:
        """A token in proof mode, as a person pastes it."""
        _, text = management.make_token(self.portal, self.place, terms or TokenTerms())
        return token.parse(text)

    def basic(self, terms: TokenTerms | None = None) -> Secret:
        """A token for plain EST clients."""
        _, text = management.make_token(self.portal, self.place, terms or TokenTerms(basic=True))
        return text

    def ask(self, method: str, path: str, fields: dict[str, str], body: bytes | None) -> PortalReply:
        """A request handed to the desk."""
        request = Request(method=method, path=path, fields=fields, body=body or b"", peer="127.0.0.1")
        return desk.answer(self.portal, request)

    def devices(self) -> tuple[Device, ...]:
        """All of them, removed ones too."""
        return management.devices(self.portal, self.account)

    def in_use(self) -> int:
        """Seats given away in all pools."""

        def work(tx: Transaction) -> int:
            pools = pool.of_virtual_account(tx, self.account.id, self.place.id)
            return sum(each.in_use for each in pools)

        return self.portal.database.read(work)

    def close(self) -> None:
        """The three tellings of the seats agree, whatever the test did."""
        assert self.portal.database.read(ledger.audit) == ()
        self.portal.database.close()


class _Door(Desk):
    """Where the pretend cable ends: a real portal, whose clock is the world's."""

    def __init__(self, office: Office, ask: Ask | None = None) -> None:
        self.office = office
        self.reach = ask or office.ask

    def handle(
        self, method: str, path: str, fields: dict[str, str], body: bytes | None, now: datetime
    ) -> Reply:
        self.office.clock.turn_to(now)
        reply = self.reach(method, path, fields, body)
        headers = dict(reply.headers)
        wait = timedelta(seconds=int(headers["retry-after"])) if "retry-after" in headers else None
        return Reply(reply.status, reply.body, wait)


def box(office: Office, ask: Ask | None = None, *, seed: int = 1) -> Box:
    """A device with its agent, on a pretend cable to this portal."""
    return Box(Cable(_Door(office, ask), World(office.clock.now())), seed=seed)


@dataclass(frozen=True)
class Shown:
    """A chain and key in files, and the root that vouches for them."""

    chain: Path
    key: Path
    root: Path


def shown(folder: Path, title: str) -> Shown:
    """A TLS identity for the portal's name, by a new root."""
    root = CA.root(title)
    leaf = root.issue_leaf(PORTAL, san=[PORTAL, "127.0.0.1"])
    folder.mkdir(exist_ok=True)
    found = Shown(folder / f"{title}.chain.pem", folder / f"{title}.key.pem", folder / f"{title}.root.pem")
    found.chain.write_text(leaf.pem)
    found.key.write_text(leaf.key_pem)
    found.root.write_text(root.pem)
    return found


def over_tls(port: int, root: Path) -> Ask:
    """Requests over a real socket, each on a connection of its own."""
    context = ssl.create_default_context(cafile=str(root))

    def ask(method: str, path: str, fields: dict[str, str], body: bytes | None) -> PortalReply:
        connection = http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=10)
        try:
            connection.request(method, path, body=body, headers=fields)
            got = connection.getresponse()
            headers = tuple((name.lower(), value) for name, value in got.getheaders())
            return PortalReply(status=got.status, body=got.read(), headers=headers)
        finally:
            connection.close()

    return ask
