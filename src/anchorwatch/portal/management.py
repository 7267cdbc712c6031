"""What an operator does: accounts, tags, lots, tokens, devices, trust. The command line and the API are faces of it."""

from __future__ import annotations

import secrets
import shutil
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar
from uuid import UUID

from anchorwatch.base.clock import Clock
from anchorwatch.base.secret import Secret
from anchorwatch.db import account, certificate, device, lot, migration, pool, tag, token
from anchorwatch.db.account import SmartAccount, VirtualAccount
from anchorwatch.db.database import Database, Transaction
from anchorwatch.db.device import Device
from anchorwatch.db.error import ConstraintBroken, NotThere
from anchorwatch.db.identifier import new_id
from anchorwatch.db.lot import Lot
from anchorwatch.db.pool import Pool
from anchorwatch.db.tag import EntitlementTag
from anchorwatch.db.token import IdToken
from anchorwatch.db.word import TokenMode
from anchorwatch.disk import file as disk
from anchorwatch.licensing import token as id_token
from anchorwatch.licensing.account import DeviceEvent
from anchorwatch.licensing.error import EventRefusedError
from anchorwatch.portal import key_ring, life, publication
from anchorwatch.portal.error import KeysRefused, NoPortal, NotDone
from anchorwatch.portal.key_ring import KeyRing
from anchorwatch.portal.portal import Portal

T = TypeVar("T")
KEYS = "keys"
DATABASE = "portal.db"
NAME = "name"
TOKEN_LIFE = timedelta(days=30)


def initialise(
    folder: Path,
    name: str,
    clock: Clock,
    *,
    database: str | Secret | None = None,
    passphrase: Secret | None = None,
) -> Portal:
    """Make a portal in a new folder: keys, tables, first trust bundle. Raises `KeysRefused` where one is already.

    Where it fails, nothing of it is left. Raises `OSError` and `DatabaseError` too.
    """
    own = folder / DATABASE
    if (folder / NAME).exists():
        raise KeysRefused(f"there is a portal in {folder} already")
    if database is None and own.exists():
        raise KeysRefused(f"{own} is there already; a new portal begins with an empty folder")
    new = not folder.exists()
    ring = key_ring.create(folder / KEYS, name, clock.now(), passphrase)
    try:
        disk.write(folder / NAME, f"{name}\n".encode(), private=False)
        portal = _portal(folder, name, ring, clock, database, passphrase)
        try:
            publication.ensured(portal)
        except BaseException:
            portal.database.close()
            raise
    except BaseException:
        # These keys have signed nothing that anybody saw; left here they would stand in the way of the next attempt.
        shutil.rmtree(folder / KEYS, ignore_errors=True)
        for left in (folder / NAME, own, *(own.with_name(own.name + end) for end in ("-wal", "-shm"))):
            left.unlink(missing_ok=True)
        if new:
            folder.rmdir()
        raise
    return portal


def opened(
    folder: Path, clock: Clock, *, database: str | Secret | None = None, passphrase: Secret | None = None
) -> Portal:
    """The portal in a folder, its tables brought up to this release. Raises `NoPortal`, `KeysRefused`, `DatabaseError`."""
    try:
        name = (folder / NAME).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise NoPortal(f"there is no portal in {folder}") from None
    ring = key_ring.load(folder / KEYS, passphrase)
    return _portal(folder, name, ring, clock, database, passphrase)


def _portal(
    folder: Path,
    name: str,
    ring: KeyRing,
    clock: Clock,
    database: str | Secret | None,
    passphrase: Secret | None,
) -> Portal:
    """A portal on a database that has the tables of this release; without an address it lies in the folder."""
    portal = Portal(
        name=name,
        database=Database.open(database or f"sqlite:///{folder / DATABASE}"),
        clock=clock,
        folder=folder / KEYS,
        passphrase=passphrase,
        ring=ring,
    )
    migration.upgrade(portal.database)
    return portal


# --- accounts -------------------------------------------------------------------------------------------------


def add_account(portal: Portal, domain: str, name: str) -> tuple[SmartAccount, VirtualAccount]:
    """A smart account with its default virtual account. Raises `AlreadyThere`."""
    now = portal.clock.now()
    made = SmartAccount(id=new_id(now), domain=domain, name=name, created_at=now)
    return made, portal.database.write(lambda tx: account.add(tx, made))


def accounts(portal: Portal) -> tuple[SmartAccount, ...]:
    """All of them, by domain."""
    return portal.database.read(account.every)


def find_account(portal: Portal, domain: str | None) -> SmartAccount:
    """The account of that domain; without one, the only account there is. Raises `NotDone`."""
    found = accounts(portal)
    if domain is None:
        if len(found) == 1:
            return found[0]
        raise NotDone(
            "there is no smart account yet; `anchorwatch portal account add` makes one"
            if not found
            else f"there are several smart accounts; --account says which: {', '.join(each.domain for each in found)}"
        )
    for each in found:
        if each.domain == domain:
            return each
    raise NotDone(f"there is no smart account {domain}")


def add_virtual(portal: Portal, owner: SmartAccount, name: str) -> VirtualAccount:
    """Another virtual account. Raises `AlreadyThere`."""
    now = portal.clock.now()
    made = VirtualAccount(id=new_id(now), account_id=owner.id, name=name, created_at=now)
    portal.database.write(lambda tx: account.add_virtual(tx, made))
    return made


def virtual_accounts(portal: Portal, owner: SmartAccount) -> tuple[VirtualAccount, ...]:
    """Those of an account, the default one first."""
    return portal.database.read(lambda tx: account.virtual_accounts(tx, owner.id))


def change_virtual(portal: Portal, after: VirtualAccount) -> VirtualAccount:
    """Give a virtual account another name or other tags. Raises `NotThere`, `NotDone` for a name that is taken."""
    try:
        portal.database.write(lambda tx: account.save_virtual(tx, after))
    except ConstraintBroken:
        raise NotDone("there is a virtual account of that name already") from None
    return after


def remove_virtual(portal: Portal, owner: SmartAccount, virtual_account_id: UUID) -> None:
    """Remove an empty virtual account. Raises `NotThere`, `NotDone` for the default one and for one that is not empty."""
    if not portal.database.write(lambda tx: account.remove_virtual(tx, owner.id, virtual_account_id)):
        raise NotDone("only a virtual account that is empty, and not the default one, can be removed")


def find_virtual(portal: Portal, owner: SmartAccount, name: str | None) -> VirtualAccount:
    """The virtual account of that name, the default one without a name. Raises `NotDone`."""
    for each in virtual_accounts(portal, owner):
        if each.name == name or (name is None and each.is_default):
            return each
    raise NotDone(f"there is no virtual account {name}")


# --- licences -------------------------------------------------------------------------------------------------


def add_tag(portal: Portal, owner: SmartAccount, made: EntitlementTag) -> EntitlementTag:
    """Something that can be licensed. Raises `AlreadyThere`."""
    fresh = replace(made, id=new_id(portal.clock.now()), account_id=owner.id)
    portal.database.write(lambda tx: tag.add(tx, fresh))
    return fresh


def change_tag(portal: Portal, after: EntitlementTag) -> EntitlementTag:
    """Say something else of a tag. Raises `NotThere`, `NotDone` if it becomes `hard` where devices hold too much."""
    try:
        portal.database.write(lambda tx: tag.save(tx, after))
    except ConstraintBroken:
        raise NotDone("devices hold more of it than a hard limit would allow") from None
    return after


def add_lot(
    portal: Portal,
    place: VirtualAccount,
    name: str,
    quantity: int,
    *,
    starts: datetime | None = None,
    ends: datetime | None = None,
    source: str = "",
) -> Lot:
    """So many seats of a tag, from `starts` (now) until `ends` (never). Raises `NotThere`, `ValueError`."""
    now = portal.clock.now()

    def work(tx: Transaction) -> Lot:
        made = Lot(
            id=new_id(now),
            account_id=place.account_id,
            virtual_account_id=place.id,
            tag_id=tag.get(tx, place.account_id, name).id,
            quantity=quantity,
            starts_at=starts or now,
            ends_at=ends,
            source=source,
            created_at=now,
        )
        lot.add(tx, made)
        lot.post(tx, now=now, request_id=f"lot {made.id}", account_id=place.account_id)
        return made

    return portal.database.write(work)


def set_overage(portal: Portal, owner: SmartAccount, pool_id: UUID, percent: int) -> Pool:
    """Allow a pool so many percent above what was bought. Raises `NotThere`, `NotDone` where devices hold more."""
    try:
        return portal.database.write(lambda tx: pool.set_overage(tx, owner.id, pool_id, percent))
    except ConstraintBroken:
        raise NotDone("devices hold more seats than that would allow") from None


def pools(portal: Portal, place: VirtualAccount) -> tuple[tuple[str, Pool], ...]:
    """What a virtual account has of each tag, by tag."""

    def work(tx: Transaction) -> tuple[tuple[str, Pool], ...]:
        names = {each.id: each.tag for each in tag.of_account(tx, place.account_id)}
        found = pool.of_virtual_account(tx, place.account_id, place.id)
        return tuple(sorted(((names[each.tag_id], each) for each in found), key=lambda pair: pair[0]))

    return portal.database.read(work)


# --- tokens ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenTerms:
    """What a token allows. `basic` is for plain EST clients; `network` is an address range, `serials` a pattern with *."""

    life: timedelta = TOKEN_LIFE
    uses: int = 1
    basic: bool = False
    export: bool = False
    force: bool = False
    approval: bool = False
    serials: str | None = None
    network: str | None = None
    note: str = ""


def make_token(portal: Portal, place: VirtualAccount, terms: TokenTerms) -> tuple[IdToken, Secret]:
    """A token as it is stored, and the line to show once. Raises `ConstraintBroken` for terms that make no sense."""
    now = portal.clock.now()
    chance = secrets.token_bytes(id_token.ID_OCTETS), secrets.token_bytes(id_token.SECRET_OCTETS)
    public: bytes | None = None
    kept: bytes | None = None
    if terms.basic:
        plain = id_token.make_basic(id_octets=chance[0], secret=chance[1])
        prefix, kept, text = plain.id, plain.kept(), plain.text()
    else:
        spki = portal.ring.root.signing.public.spki
        seq = publication.ensured(portal).seq
        made = id_token.make(id_octets=chance[0], seed=chance[1], root_spki=spki, bundle_seq=seq)
        prefix, public, text = made.id, made.key().public.spki, made.text()
    stored = IdToken(
        id=new_id(now),
        account_id=place.account_id,
        virtual_account_id=place.id,
        prefix=prefix,
        mode=TokenMode.BASIC if terms.basic else TokenMode.PROOF,
        public_key=public,
        secret_hash=kept,
        created_at=now,
        expires_at=now + terms.life,
        max_uses=terms.uses,
        export_allowed=terms.export,
        force_allowed=terms.force,
        approval_required=terms.approval,
        serial_pattern=terms.serials,
        network=terms.network,
        note=terms.note,
    )
    portal.database.write(lambda tx: token.add(tx, stored))
    return stored, text


def tokens(portal: Portal, owner: SmartAccount) -> tuple[IdToken, ...]:
    """Those of an account, in the order they were made."""
    return portal.database.read(lambda tx: token.of_account(tx, owner.id, limit=1000))


def revoke_token(portal: Portal, owner: SmartAccount, prefix: str) -> bool:
    """Revoke a token by its prefix; False if it was before. Raises `NotDone`."""
    found = portal.database.read(lambda tx: token.find(tx, prefix))
    if found is None or found.account_id != owner.id:
        raise NotDone(f"there is no ID token {prefix}")
    return portal.database.write(lambda tx: token.revoke(tx, owner.id, found.id, now=portal.clock.now()))


# --- devices --------------------------------------------------------------------------------------------------


def devices(portal: Portal, owner: SmartAccount) -> tuple[Device, ...]:
    """Those of an account, in the order they came."""
    return portal.database.read(lambda tx: device.of_account(tx, owner.id, limit=1000))


def move_device(portal: Portal, owner: SmartAccount, device_id: UUID, event: DeviceEvent) -> Device:
    """Approve, suspend, resume, resolve, revoke or remove a device. Raises `NotDone` where that means nothing."""
    now = portal.clock.now()

    def work(tx: Transaction) -> Device:
        device.get(tx, owner.id, device_id)
        found = life.aged(tx, device.lock(tx, device_id), now, "operator")
        moved = life.happened(tx, found, event, now, f"operator {event}")
        if event is DeviceEvent.REVOKED:
            for each in certificate.of_device(tx, device_id):
                certificate.revoke(tx, owner.id, each.id)
        return moved

    try:
        return portal.database.write(work)
    except (EventRefusedError, NotThere) as error:
        raise NotDone(str(error)) from None


def revoke_certificate(portal: Portal, owner: SmartAccount, certificate_id: UUID) -> bool:
    """Revoke one ID certificate; False if it was before. Its device stays, and registers again. Raises `NotThere`."""
    return portal.database.write(lambda tx: certificate.revoke(tx, owner.id, certificate_id))
