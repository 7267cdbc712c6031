"""One class of tests for each noun that is not seats."""

import hashlib
import io
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from uuid import UUID

import pytest

from anchorwatch.db import (
    account,
    certificate,
    device,
    dump,
    grant,
    idempotency,
    incident,
    ledger,
    migration,
    nonce,
    pool,
    retention,
    tag,
    token,
    trust,
)
from anchorwatch.db.account import VirtualAccount
from anchorwatch.db.certificate import IdCertificate
from anchorwatch.db.database import Database, Transaction
from anchorwatch.db.device import Device, DeviceEntitlement
from anchorwatch.db.error import AlreadyThere, ConstraintBroken, DumpRefused, NotThere
from anchorwatch.db.grant import Grant
from anchorwatch.db.idempotency import Answer, Claimed, InFlight, OtherBody, Replayed
from anchorwatch.db.identifier import new_id
from anchorwatch.db.incident import Incident
from anchorwatch.db.token import IdToken
from anchorwatch.db.trust import TrustAck, TrustBundle
from anchorwatch.db.word import CertificateStatus, TokenMode
from anchorwatch.licensing.account import DeviceState
from anchorwatch.licensing.claim import Role
from builders.certs import CA
from builders.postgres import Postgres
from builders.stock import DAY, NOW, Stock


class TestAccounts:
    def test_an_account_has_one_default_part(self, database: Database) -> None:
        """It is made with the account, listed first, and never removed."""
        stock = Stock.of(database)
        branch = VirtualAccount(id=new_id(NOW), account_id=stock.account.id, name="Branch", created_at=NOW)
        twin = replace(branch, id=new_id(NOW), name="Other", is_default=True)
        database.write(lambda tx: account.add_virtual(tx, branch))

        with pytest.raises(ConstraintBroken):
            database.write(lambda tx: account.add_virtual(tx, twin))
        with pytest.raises(AlreadyThere):
            database.write(lambda tx: account.add_virtual(tx, replace(branch, id=new_id(NOW))))
        listed = database.read(lambda tx: account.virtual_accounts(tx, stock.account.id))
        assert listed == (stock.virtual, branch)
        assert not database.write(lambda tx: account.remove_virtual(tx, stock.account.id, stock.virtual.id))

    def test_only_an_empty_part_is_removed(self, database: Database) -> None:
        """A virtual account with a device, a lot or a pool stays; an empty one goes."""
        stock = Stock.of(database)
        full, empty = (
            VirtualAccount(id=new_id(NOW), account_id=stock.account.id, name=name, created_at=NOW)
            for name in ("full", "empty")
        )
        for each in (full, empty):
            database.write(partial(account.add_virtual, virtual=each))
        stock.lot(stock.tag(), 1, where=full)

        def remove(which: VirtualAccount) -> bool:
            return database.write(lambda tx: account.remove_virtual(tx, stock.account.id, which.id))

        assert [remove(full), remove(empty)] == [False, True]
        with pytest.raises(NotThere):
            remove(empty)

    def test_what_is_stored_comes_back(self, database: Database) -> None:
        """Accounts and tags come back equal, also with a changed policy, and a domain has one account."""
        stock = Stock.of(database)
        of = stock.tag()
        database.write(lambda tx: account.update_policy(tx, stock.account.id, {"days": 30, "ä": [1, None]}))

        found = database.read(lambda tx: account.get(tx, stock.account.id))
        assert found == replace(stock.account, policy={"days": 30, "ä": [1, None]})
        assert database.read(lambda tx: tag.of_account(tx, stock.account.id)) == (of,)
        assert database.read(lambda tx: tag.get(tx, stock.account.id, of.tag)) == of
        with pytest.raises(AlreadyThere):
            Stock.of(database)
        with pytest.raises(AlreadyThere):
            database.write(lambda tx: tag.add(tx, replace(of, id=new_id(NOW))))


def id_token(stock: Stock, **changes: object) -> IdToken:
    made = IdToken(
        id=new_id(NOW),
        account_id=stock.account.id,
        virtual_account_id=stock.virtual.id,
        prefix="abc",
        public_key=b"k" * 32,
        created_at=NOW,
        expires_at=NOW + 30 * DAY,
    )
    return replace(made, **changes)  # type: ignore[arg-type]  # names of its fields


class TestTokens:
    def test_a_revoked_token_is_not_used(self, database: Database) -> None:
        """Revoking works once, and ends the uses that were left."""
        stock = Stock.of(database)
        known = id_token(stock, max_uses=3)
        database.write(lambda tx: token.add(tx, known))

        assert database.write(lambda tx: token.use(tx, known.id))
        assert database.write(lambda tx: token.revoke(tx, stock.account.id, known.id, now=NOW))
        assert not database.write(lambda tx: token.revoke(tx, stock.account.id, known.id, now=NOW + DAY))
        assert not database.write(lambda tx: token.use(tx, known.id))
        assert database.read(lambda tx: token.find(tx, "abc")) == replace(known, uses=1, revoked_at=NOW)
        assert database.read(lambda tx: token.find(tx, "abd")) is None
        with pytest.raises(NotThere):
            database.write(lambda tx: token.revoke(tx, new_id(NOW), known.id, now=NOW))

    def test_a_token_has_the_secret_of_its_mode(self, database: Database) -> None:
        """A proof token has a public key and nothing else, a basic one a hash and nothing else."""
        stock = Stock.of(database)
        wrong = (
            id_token(stock, mode=TokenMode.BASIC),
            id_token(stock, secret_hash=b"h"),
            id_token(stock, public_key=None),
        )
        for each in wrong:
            with pytest.raises(ConstraintBroken):
                database.write(partial(token.add, token=each))
        basic = id_token(stock, mode=TokenMode.BASIC, public_key=None, secret_hash=b"h")
        database.write(lambda tx: token.add(tx, basic))
        with pytest.raises(AlreadyThere):
            database.write(lambda tx: token.add(tx, id_token(stock)))
        assert database.read(lambda tx: token.of_account(tx, stock.account.id)) == (basic,)


class TestDevices:
    def test_a_live_device_has_its_udi_alone(self, database: Database) -> None:
        """A second live device of a UDI is refused; after the first was removed it is not; another account may."""
        stock, other = Stock.of(database), Stock.of(database, "other.example")
        first = stock.device("9A1")
        other.device("9A1")
        with pytest.raises(AlreadyThere):
            stock.device("9A1")

        def remove(tx: Transaction) -> None:
            locked = device.lock(tx, first.id)
            device.save(tx, locked, replace(locked, state=DeviceState.REMOVED, live=False))

        database.write(remove)
        second = stock.device("9A1")
        with pytest.raises(ConstraintBroken):
            database.write(lambda tx: device.save(tx, replace(first, live=False), first))

        assert database.read(lambda tx: device.find_live(tx, stock.account.id, "ASAv", "9A1")) == second

    def test_what_changed_is_saved(self, database: Database) -> None:
        """Every field comes back as it was saved; a removed device cannot be live."""
        stock = Stock.of(database)
        before = stock.device()
        after = replace(
            before,
            software="9.16(4)",
            features={"ha": True},
            last_seen=NOW + timedelta(microseconds=1),
            skew_ms=-(10**12),
            state=DeviceState.CONFLICT,
            adoptions=2,
        )
        database.write(lambda tx: device.save(tx, before, after))

        assert database.read(lambda tx: device.get(tx, stock.account.id, before.id)) == after
        with pytest.raises(ConstraintBroken):
            database.write(lambda tx: device.save(tx, after, replace(after, state=DeviceState.REMOVED)))
        with pytest.raises(NotThere):
            database.read(lambda tx: device.get(tx, new_id(NOW), before.id))

    def test_devices_are_listed_page_by_page(self, database: Database) -> None:
        """Pages follow each other without a gap, filtered by state and by part."""
        stock = Stock.of(database)
        made = [stock.device(str(each)) for each in range(5)]
        pages: list[Device] = []
        last: UUID | None = None
        while True:
            page = database.read(
                partial(
                    device.of_account,
                    account_id=stock.account.id,
                    virtual_account_id=stock.virtual.id,
                    states=[DeviceState.ACTIVE],
                    after=last,
                    limit=2,
                )
            )
            if not page:
                break
            pages += page
            last = page[-1].id

        assert pages == made
        assert (
            database.read(lambda tx: device.of_account(tx, stock.account.id, states=[DeviceState.REMOVED]))
            == ()
        )
        silent = database.read(lambda tx: device.silent_since(tx, NOW, states=[DeviceState.ACTIVE], limit=3))
        assert len(silent) == 3

    def test_entitlements_are_what_was_last_said(self, database: Database) -> None:
        """New ones come, changed ones change, those not named go."""
        stock = Stock.of(database)
        known = stock.device()
        base, plus = stock.tag("base"), stock.tag("plus")

        def said(of: UUID, count: int) -> DeviceEntitlement:
            return DeviceEntitlement(
                device_id=known.id,
                tag_id=of,
                account_id=stock.account.id,
                requested=count,
                granted=count,
                status="authorized",
                since=NOW,
            )

        def save(*wanted: DeviceEntitlement) -> tuple[DeviceEntitlement, ...]:
            database.write(lambda tx: device.save_entitlements(tx, known.id, wanted))
            return database.read(lambda tx: device.entitlements(tx, known.id))

        assert save(said(base.id, 1)) == (said(base.id, 1),)
        assert save(said(plus.id, 2), said(base.id, 3)) == (said(base.id, 3), said(plus.id, 2))
        assert save(said(plus.id, 2)) == (said(plus.id, 2),)
        assert save() == ()


class TestCertificates:
    def issue(self, stock: Stock, known: Device, serial: str, token_id: UUID | None = None) -> IdCertificate:
        leaf = CA.root("Licensing Root").issue_leaf(f"{serial}.example")
        made = IdCertificate(
            id=new_id(NOW),
            account_id=stock.account.id,
            device_id=known.id,
            sha256=hashlib.sha256(leaf.der).hexdigest(),
            serial=serial,
            spki_sha256="5" * 64,
            not_before=NOW,
            not_after=NOW + 365 * DAY,
            token_id=token_id,
            issued_at=NOW,
        )
        stock.database.write(lambda tx: certificate.issue(tx, made, leaf.der))
        found = stock.database.read(lambda tx: certificate.find(tx, made.sha256))
        assert found is not None
        assert stock.database.read(lambda tx: certificate.der(tx, made.sha256)) == leaf.der
        return found

    def test_earlier_certificates_serve_until_a_later_one_was_used(self, database: Database) -> None:
        """Two renewals whose answers were lost lock nobody out; the first use of the third retires both."""
        stock = Stock.of(database)
        known = stock.device()
        made = [self.issue(stock, known, serial) for serial in ("1", "2", "3")]

        def look() -> list[tuple[str, CertificateStatus, bool]]:
            found = database.read(lambda tx: certificate.of_device(tx, known.id))
            return sorted((each.serial, each.status, each.serves) for each in found)

        before = look()
        first = database.write(lambda tx: certificate.mark_used(tx, made[2], now=NOW + DAY))
        again = database.write(lambda tx: certificate.mark_used(tx, made[2], now=NOW + 2 * DAY))

        active, superseded = CertificateStatus.ACTIVE, CertificateStatus.SUPERSEDED
        assert before == [("1", superseded, True), ("2", superseded, True), ("3", active, True)]
        assert (first, again) == (True, False)
        assert look() == [("1", superseded, False), ("2", superseded, False), ("3", active, True)]
        assert made[2].predecessor_id == made[1].id

    def test_the_use_of_an_earlier_one_retires_no_later_one(self, database: Database) -> None:
        """While a device goes on with its old certificate, the new one stays good."""
        stock = Stock.of(database)
        known = stock.device()
        first, second = self.issue(stock, known, "1"), self.issue(stock, known, "2")
        database.write(lambda tx: certificate.mark_used(tx, first, now=NOW))

        found = database.read(lambda tx: certificate.find(tx, second.sha256))
        assert found is not None
        assert found.serves

    def test_a_token_makes_one_certificate_for_a_key(self, database: Database) -> None:
        """The second time it is refused, and the first is found to be given again."""
        stock = Stock.of(database)
        known, used = stock.device(), id_token(stock)
        database.write(lambda tx: token.add(tx, used))
        first = self.issue(stock, known, "1", used.id)

        with pytest.raises(AlreadyThere):
            self.issue(stock, known, "2", used.id)
        assert database.read(lambda tx: certificate.of_token(tx, used.id, "5" * 64)) == first
        assert database.read(lambda tx: certificate.of_token(tx, used.id, "6" * 64)) is None

    def test_a_revoked_certificate_serves_no_more(self, database: Database) -> None:
        """Revoking works once, and only in its account."""
        stock = Stock.of(database)
        made = self.issue(stock, stock.device(), "1")

        assert database.write(lambda tx: certificate.revoke(tx, stock.account.id, made.id))
        assert not database.write(lambda tx: certificate.revoke(tx, stock.account.id, made.id))
        found = database.read(lambda tx: certificate.find(tx, made.sha256))
        assert found is not None
        assert not found.serves
        with pytest.raises(NotThere):
            database.write(lambda tx: certificate.revoke(tx, new_id(NOW), made.id))


def next_grant(known: Device, seq: int, previous: int) -> Grant:
    return Grant(
        device_id=known.id,
        seq=seq,
        account_id=known.account_id,
        previous_seq=previous,
        jti=str(new_id(NOW)),
        previous_jti=None,
        body_sha256="0" * 64,
        issued_at=NOW,
        refresh_at=NOW + 30 * DAY,
        deadline=NOW + 90 * DAY,
        grace_end=NOW + 180 * DAY,
        jws="e30.e30.AA",
    )


class TestGrants:
    def test_grants_form_one_rising_line(self, database: Database) -> None:
        """One grant follows each; a second one in its place, a lower one and one after a stranger are refused."""
        known = Stock.of(database).device()

        def add(seq: int, previous: int) -> bool:
            return database.write(lambda tx: grant.add(tx, next_grant(known, seq, previous)))

        assert [add(1, 0), add(1, 0), add(2, 1), add(3, 1), add(9, 2), add(10, 8)] == [
            True, False, True, False, True, False,
        ]  # fmt: skip
        with pytest.raises(ConstraintBroken):
            add(5, 9)
        newest = database.read(lambda tx: grant.last(tx, known.id))
        assert newest is not None
        assert newest.seq == 9
        assert [each.seq for each in database.read(lambda tx: grant.of_device(tx, known.id))] == [9, 2, 1]

    def test_an_acknowledgement_counts_once_for_its_own_device(self, database: Database) -> None:
        """A device acknowledges its own grants, once."""
        stock = Stock.of(database)
        known, other = stock.device("1"), stock.device("2")
        given = next_grant(known, 1, 0)
        database.write(lambda tx: grant.add(tx, given))

        def ack(by: Device) -> bool:
            return database.write(lambda tx: grant.acknowledge(tx, by.id, given.jti, now=NOW))

        assert [ack(other), ack(known), ack(known)] == [False, True, False]


class TestTrust:
    def test_bundles_rise_and_share_certificates(self, database: Database) -> None:
        """A bundle is published once and above the last; a certificate of two bundles is stored once."""
        root, other = CA.root("One").der, CA.root("Two").der

        def publish(seq: int, *anchors: bytes) -> bool:
            made = TrustBundle(
                seq=seq, jws="e30", p7b=b"p7", claims={"seq": seq}, issued_at=NOW, expires_at=NOW + DAY
            )
            return database.write(lambda tx: trust.publish(tx, made, {Role.TLS: anchors}))

        assert database.read(trust.last) is None
        assert [publish(1, root, root), publish(3, root, other), publish(3, root), publish(2, root)] == [
            True, True, False, False,
        ]  # fmt: skip
        assert set(database.read(lambda tx: trust.anchors(tx, 3, Role.TLS))) == {root, other}
        assert database.read(lambda tx: trust.anchors(tx, 1, Role.TLS)) == (root,)
        assert database.read(lambda tx: trust.anchors(tx, 1, Role.ID)) == ()
        assert database.read(lambda tx: trust.get(tx, 1)).claims == {"seq": 1}
        with pytest.raises(NotThere):
            database.read(lambda tx: trust.get(tx, 2))

    def test_what_a_device_says_of_a_bundle_replaces_what_it_said(self, database: Database) -> None:
        """The last word counts."""
        stock = Stock.of(database)
        known = stock.device()
        bundle = TrustBundle(seq=1, jws="e30", p7b=b"", claims={}, issued_at=NOW, expires_at=NOW + DAY)
        database.write(lambda tx: trust.publish(tx, bundle, {}))
        said = TrustAck(
            device_id=known.id,
            seq=1,
            account_id=stock.account.id,
            canary="unknown_root",
            missing=("a" * 64,),
            at=NOW,
        )
        for each in (said, replace(said, canary="ok", missing=())):
            database.write(partial(trust.acknowledge, ack=each))

        found = database.read(lambda tx: trust.acknowledgements(tx, stock.account.id, 1))
        assert found == (replace(said, canary="ok", missing=()),)


def test_an_incident_told_twice_is_one(database: Database) -> None:
    """Told again it is brought up to date; another device's of the same name is another."""
    stock = Stock.of(database)
    one, other = stock.device("1"), stock.device("2")
    said = Incident(
        device_id=one.id,
        id=new_id(NOW),
        account_id=stock.account.id,
        failure="unknown_root",
        evidence={"missing": ["CN=Root"]},
        first_at=NOW,
        last_at=NOW,
        count=1,
    )
    later = replace(said, last_at=NOW + DAY, count=24, repaired_by="bundle 4")
    for each in (said, later, replace(said, device_id=other.id)):
        database.write(partial(incident.save, incident=each))

    found = database.read(lambda tx: incident.of_account(tx, stock.account.id))
    assert found == (later, replace(said, device_id=other.id))
    assert database.read(lambda tx: incident.of_account(tx, stock.account.id, device_id=one.id)) == (later,)


class TestRequests:
    ANSWER = Answer(200, (("content-type", "application/json"), ("sl-server", "1")), b'{"n":1}\n')

    def claim(
        self, database: Database, body: str = "b", after: timedelta = timedelta(0)
    ) -> idempotency.Claim:
        return database.write(lambda tx: idempotency.claim(tx, "device", "key", body, now=NOW + after))

    def test_a_request_is_done_once_and_answered_always(self, database: Database) -> None:
        """Claimed, in flight, answered the same again; another body under its key is another matter."""
        seen: list[idempotency.Claim] = [self.claim(database), self.claim(database)]
        database.write(lambda tx: idempotency.finish(tx, "device", "key", self.ANSWER))
        seen += [self.claim(database), self.claim(database, "other")]
        elsewhere = database.write(lambda tx: idempotency.claim(tx, "other device", "key", "b", now=NOW))

        assert seen == [Claimed(), InFlight(), Replayed(self.ANSWER), OtherBody()]
        assert elsewhere == Claimed()
        with pytest.raises(NotThere):
            database.write(lambda tx: idempotency.finish(tx, "device", "key", self.ANSWER))

    def test_the_claim_of_a_dead_program_is_taken_over(self, database: Database) -> None:
        """After its lease somebody else may do it; given back, at once."""
        self.claim(database)

        assert self.claim(database, after=timedelta(seconds=59)) == InFlight()
        assert self.claim(database, after=timedelta(seconds=60)) == Claimed()
        assert self.claim(database, after=timedelta(seconds=61)) == InFlight()
        database.write(lambda tx: idempotency.abandon(tx, "device", "key"))
        assert self.claim(database) == Claimed()

    def test_a_transaction_that_fails_leaves_no_claim(self, database: Database) -> None:
        """Claim and work stand in one transaction: who fails may try again."""

        def fail(tx: Transaction) -> None:
            idempotency.claim(tx, "device", "key", "b", now=NOW)
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            database.write(fail)
        assert self.claim(database) == Claimed()

    def test_a_nonce_is_new_once_for_each_key(self, database: Database) -> None:
        """The second time it is refused; of another key it is another nonce."""

        def remember(keyid: str) -> bool:
            return database.write(lambda tx: nonce.remember(tx, keyid, "n", expires_at=NOW))

        assert [remember("a"), remember("a"), remember("b")] == [True, False, True]

    def test_old_requests_nonces_and_grants_go(self, database: Database) -> None:
        """Requests after 48 hours, nonces when they expire, grants long after their grace; the newest stays."""
        known = Stock.of(database).device()
        self.claim(database)
        database.write(lambda tx: nonce.remember(tx, "a", "n", expires_at=NOW + timedelta(minutes=10)))
        for seq in (1, 2, 3):
            database.write(partial(grant.add, grant=next_grant(known, seq, seq - 1)))

        early = retention.remove_old(database, now=NOW + timedelta(hours=48))
        late = retention.remove_old(database, now=NOW + timedelta(hours=49))
        last = retention.remove_old(database, now=NOW + 1000 * DAY)

        assert (early.requests, early.nonces, early.grants) == (0, 1, 0)
        assert (late.requests, late.nonces, late.grants) == (1, 0, 0)
        assert (last.requests, last.nonces, last.grants) == (0, 0, 2)


class TestCopies:
    def fill(self, database: Database) -> Stock:
        """Rows of many kinds, some pointing at rows that were made after them."""
        stock = Stock.of(database)
        seats, known = stock.pool(5), stock.device()
        database.write(lambda tx: pool.hold(tx, known.id, {seats.id: 3}, request_id="r", now=NOW))
        database.write(lambda tx: grant.add(tx, next_grant(known, 1, 0)))
        database.write(lambda tx: token.add(tx, id_token(stock)))
        certificates = TestCertificates()
        made = [certificates.issue(stock, known, serial) for serial in "123"]
        database.write(lambda tx: certificate.mark_used(tx, made[1], now=NOW))
        database.write(lambda tx: idempotency.claim(tx, "d", "k", "b", now=NOW))
        database.write(lambda tx: idempotency.finish(tx, "d", "k", TestRequests.ANSWER))
        return stock

    def text(self, database: Database) -> bytes:
        written = io.BytesIO()
        dump.save(database, written)
        return written.getvalue()

    def test_a_dump_restores_into_either_kind(
        self, database: Database, tmp_path: Path, postgres_server: Postgres
    ) -> None:
        """What was saved from one kind of database is the same in both kinds, and can be worked with."""
        self.fill(database)
        saved = self.text(database)
        name = postgres_server.create()
        for address in (f"sqlite:///{tmp_path / 'copy.db'}", postgres_server.url(name)):
            with Database.open(address) as copy:
                migration.upgrade(copy)
                rows = dump.restore(copy, io.BytesIO(saved))
                again = self.text(copy)
                audited = copy.read(ledger.audit)
            assert rows == len(saved.splitlines()) - 2
            assert again == saved
            assert audited == ()
        postgres_server.drop(name)

    @pytest.mark.parametrize(
        "damage", ["cut", "shortened", "changed", "added", "release", "other", "row", "nested"]
    )
    def test_a_damaged_dump_is_refused_whole(self, database: Database, tmp_path: Path, damage: str) -> None:
        """Cut, changed or foreign, it is refused in a sentence, and nothing of it is stored."""
        self.fill(database)
        saved = self.text(database)
        lines = saved.splitlines(keepends=True)
        broken = {
            "cut": saved[: len(saved) // 2],
            "shortened": b"".join(lines[:-1]),
            "changed": saved.replace(b"Harbour", b"Barbour", 1),
            "added": saved + b"\n",
            "release": saved.replace(migration.HEAD.encode(), b"9999", 1),
            "other": b'{"schema":"anchorwatch.case/1"}\n',
            "row": lines[0] + b'["pool",{"id":1}]\n',
            "nested": lines[0] + b"[" * 100_000,
        }[damage]
        with Database.open(f"sqlite:///{tmp_path / 'copy.db'}") as copy:
            migration.upgrade(copy)
            with pytest.raises(DumpRefused):
                dump.restore(copy, io.BytesIO(broken))

            assert copy.read(account.every) == ()

    def test_a_full_database_is_not_restored_over(self, database: Database) -> None:
        """A restore never mixes with what is there."""
        self.fill(database)
        saved = self.text(database)

        with pytest.raises(DumpRefused, match="not empty"):
            dump.restore(database, io.BytesIO(saved))
