"""What a thief of the database, a backup or a log would find."""

from __future__ import annotations

import base64
import contextlib
import http.client
import io
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from anchorwatch.base.clock import SystemClock
from anchorwatch.base.secret import Secret
from anchorwatch.db import dump
from anchorwatch.db.word import OperatorRole
from anchorwatch.licensing import enrolment, message
from anchorwatch.licensing.event import Deregister, RenewAuthorization, RenewIdentity, Want
from anchorwatch.licensing.status import AuthorizationState
from anchorwatch.portal import key_ring, operator
from anchorwatch.portal.key_ring import KeyRole
from anchorwatch.portal.management import TokenTerms
from anchorwatch.portal.reply import Reply
from builders.certs import new_key
from licensing.desk import PORTAL
from portal.hand import ENROL, request_for
from portal.office import STANDARD, Ask, Office, box

PASSPHRASE = "a lamp above the harbour"


def spellings(secret: bytes) -> set[bytes]:
    """How octets may stand in a file: as they are, in hexadecimal, base64, base32."""
    plain = base64.b64encode(secret).rstrip(b"=")
    return {
        secret,
        secret.hex().encode(),
        secret.hex().upper().encode(),
        plain,
        base64.urlsafe_b64encode(secret).rstrip(b"="),
        base64.b32encode(secret).rstrip(b"="),
        base64.b32encode(secret).rstrip(b"=").lower(),
    }


def of_token(text: str) -> set[bytes]:
    """A token's line, its secret, and the octets that it stands for."""
    secret = text.split("-")[2]
    seed = base64.b32decode(secret.upper() + "=" * (-len(secret) % 8))
    return {text.encode(), secret.encode(), *spellings(seed)}


def of_keys(folder: Path, passphrase: Secret) -> set[bytes]:
    """Every private key in the folder, those to come too, and the lines of its files."""
    found: set[bytes] = set()
    for path in folder.glob("*.pem"):
        if path.name.endswith("crt.pem"):
            continue
        key = key_ring._key(path, passphrase)
        found |= spellings(key.private_numbers().private_value.to_bytes(32))
        found |= spellings(key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()))
        found |= set(path.read_bytes().splitlines()[1:-2])
    return found


def over_http(port: int, seen: list[bytes]) -> Ask:
    """Requests to a portal without TLS in another process; all that it answers is kept."""

    def ask(method: str, path: str, fields: dict[str, str], body: bytes | None) -> Reply:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request(method, path, body=body, headers=fields)
        got = connection.getresponse()
        headers = tuple((name.lower(), value) for name, value in got.getheaders())
        reply = Reply(status=got.status, body=got.read(), headers=headers)
        seen.append(f"{got.status} {headers}".encode() + reply.body)
        connection.close()
        return reply

    return ask


def free_port() -> int:
    """A port of this machine where nobody listens yet."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port


def until_ready(ask: Ask, run: subprocess.Popen[bytes]) -> None:
    """Wait for the portal, as a balancer would."""
    end = time.monotonic() + 20
    while time.monotonic() < end and run.poll() is None:
        with contextlib.suppress(OSError):
            if ask("GET", "/readyz", {}, None).status == 200:
                return
        time.sleep(0.05)
    raise AssertionError("the portal is not ready")


def test_a_thief_of_database_backup_and_log_finds_no_secret(tmp_path: Path) -> None:
    """After a whole life, and every way to send a token wrongly, no secret stands in files, backup, log or answers."""
    folder, word = tmp_path / "portal", Secret(PASSPHRASE)
    office = Office(folder, passphrase=word)
    office.clock.turn_to(SystemClock().now())
    proof, spare = office.token(), office.token(TokenTerms(uses=2))
    basic, other = office.basic().reveal(), office.basic().reveal()
    _, api_key = operator.make_key(office.portal, "night", OperatorRole.ADMIN, None)
    key_ring.rotate(office.portal.folder, KeyRole.GRANT, PORTAL, office.clock.now(), word)
    needles = of_keys(office.portal.folder, word) | {PASSPHRASE.encode(), api_key.reveal().encode()}
    needles.add(api_key.reveal().split("-", 2)[2].encode())
    for text in (proof.text().reveal(), spare.text().reveal(), basic, other):
        needles |= of_token(text)
    seen: list[bytes] = []
    words = [
        sys.executable,
        "-c",
        "from anchorwatch.cli.app import main; main()",
        "portal",
        "serve",
        "--plain",
    ]
    environment = os.environ | {"ANCHORWATCH_PORTAL_PASSPHRASE": PASSPHRASE}
    port, log = free_port(), tmp_path / "log"
    with (
        log.open("wb") as lines,
        subprocess.Popen(
            [*words, "--port", str(port), "--folder", str(folder)], stderr=lines, env=environment
        ) as run,
    ):
        ask = over_http(port, seen)
        until_ready(ask, run)
        device = box(office, ask)
        device.feed(Want(STANDARD))
        device.register(proof)
        assert device.authorization() is AuthorizationState.AUTHORIZED
        device.feed(RenewAuthorization())
        device.feed(RenewIdentity())
        for key, _ in device.keys.values():
            needles |= spellings(key.private_bytes_raw())
        csr = enrolment.encode(request_for(new_key("rsa2048"), sn="R-77", uri=None))

        def sends(value: str) -> int:
            fields = {"authorization": value, "content-type": message.PKCS10, "idempotency-key": "0123456789"}
            return ask("POST", ENROL, fields, csr).status

        def password(text: str) -> str:
            needles.add(sent := base64.b64encode(f"token:{text}".encode()))
            return f"Basic {sent.decode()}"

        assert sends(password(basic)) == 200
        wrong = [
            spare.text().reveal(),
            f"SL-Token {spare.text().reveal()}",
            f"Bearer {spare.text().reveal()}",
        ]
        wrong += [
            password(spare.text().reveal()),
            f"Bearer {other}x",
            f"Basic {other}",
            password(f"{other}\n\n"),
        ]
        assert {sends(value.replace("\n", "")) for value in wrong} <= {401, 403, 409, 200}
        for query in (f"?token={other}", f"?access_token={spare.text().reveal()}"):
            ask("GET", message.TRUST + query, {"authorization": f"Bearer {api_key.reveal()}"}, None)
        ask("GET", "/api/v1/accounts", {"authorization": f"Bearer {api_key.reveal()}"}, None)
        ask("GET", "/api/v1/accounts", {"authorization": f"Bearer {api_key.reveal()}x"}, None)
        device.feed(Deregister())
        run.terminate()
        assert run.wait(15) in (0, -15)
    backup = io.BytesIO()
    dump.save(office.portal.database, backup)
    places = {path.name: path.read_bytes() for path in folder.glob("portal.db*")}
    places |= {"backup": backup.getvalue(), "log": log.read_bytes(), "answers": b"\n".join(seen)}
    # The scan can see: the public names of the tokens are there.
    assert proof.id.encode() in places["portal.db"] + places.get("portal.db-wal", b"")
    assert proof.id.encode() in backup.getvalue()
    found = {
        (place, needle[:12]) for place, octets in places.items() for needle in needles if needle in octets
    }
    assert found == set()
    assert min(map(len, needles)) >= 16
    assert len(needles) > 100
    office.close()
