"""The keys of operators: with which the management API knows who asks, what they may do, and in which account.

A key belongs to one account and never sees another; or to the portal itself, and then it sees the accounts and what
devices are told to believe, and nothing inside an account. Its text is shown once: `AWK1-<prefix>-<secret>`, of which
the database keeps the prefix and a SHA-256. The secret is 256 bits of chance, so no slow hash would make it safer.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from anchorwatch.base.secret import Secret
from anchorwatch.db import api_key
from anchorwatch.db.account import SmartAccount
from anchorwatch.db.api_key import ApiKey
from anchorwatch.db.error import NotThere
from anchorwatch.db.identifier import new_id
from anchorwatch.db.word import OperatorRole
from anchorwatch.portal.error import NotDone
from anchorwatch.portal.portal import Portal

_TEXT = re.compile(r"AWK1-([a-z2-7]{16})-([A-Za-z0-9_-]{43})")
_RANK = {OperatorRole.VIEWER: 0, OperatorRole.OPERATOR: 1, OperatorRole.ADMIN: 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """Who asks: an API key that was good when it was looked up."""

    id: UUID
    prefix: str
    name: str
    role: OperatorRole
    account_id: UUID | None

    def may(self, role: OperatorRole) -> bool:
        """Whether this key's role includes that one."""
        return _RANK[self.role] >= _RANK[role]


def make_key(
    portal: Portal,
    name: str,
    role: OperatorRole,
    owner: SmartAccount | None,
    *,
    life: timedelta | None = None,
) -> tuple[ApiKey, Secret]:
    """A key as it is stored, and the text to show once. Without an owner it is a key of the portal itself."""
    if not 0 < len(name) <= 100 or not name.isprintable():
        raise NotDone("a key has a name of 1 to 100 visible characters")
    now = portal.clock.now()
    prefix = base64.b32encode(secrets.token_bytes(10)).decode().lower()
    secret = secrets.token_urlsafe(32)
    made = ApiKey(
        id=new_id(now),
        account_id=owner.id if owner is not None else None,
        prefix=prefix,
        secret_sha256=_hashed(secret),
        name=name,
        role=role,
        created_at=now,
        expires_at=now + life if life is not None else None,
    )
    portal.database.write(lambda tx: api_key.add(tx, made))
    return made, Secret(f"AWK1-{prefix}-{secret}")


def keys(portal: Portal) -> tuple[ApiKey, ...]:
    """All of them, in the order they were made."""
    return portal.database.read(api_key.every)


def revoke_key(portal: Portal, prefix: str) -> bool:
    """Revoke a key by its prefix; False if it was before. Raises `NotDone`."""
    try:
        return portal.database.write(lambda tx: api_key.revoke(tx, prefix, now=portal.clock.now()))
    except NotThere as error:
        raise NotDone(str(error)) from None


def recognised(portal: Portal, text: Secret) -> Operator | None:
    """Whose key this is; None for one that is unknown, revoked or past, which are all the same to a stranger."""
    parts = _TEXT.fullmatch(text.reveal())
    if parts is None:
        return None
    found = portal.database.read(lambda tx: api_key.find(tx, parts[1]))
    # Compared also where there is no such key, so that the time tells nothing of it.
    kept = found.secret_sha256 if found is not None else bytes(32)
    good = hmac.compare_digest(kept, _hashed(parts[2]))
    now = portal.clock.now()
    if found is None or not good or found.revoked_at is not None:
        return None
    if found.expires_at is not None and found.expires_at <= now:
        return None
    return Operator(
        id=found.id, prefix=found.prefix, name=found.name, role=found.role, account_id=found.account_id
    )


def _hashed(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("ascii")).digest()
