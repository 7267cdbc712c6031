"""The closed lists of words that the tables keep closed."""

from __future__ import annotations

from enum import StrEnum


class TagMode(StrEnum):
    """What happens when more is used than was bought: nothing, out of compliance, or refusal."""

    REPORT = "report"
    LIMIT = "limit"
    HARD = "hard"


class OnExpiry(StrEnum):
    """What a device does with an entitlement when its authorization ends."""

    CONTINUE = "continue"
    NO_NEW_USE = "no-new-use"
    DISABLE = "disable"


class Counter(StrEnum):
    """The four columns of a pool that its ledger explains."""

    PURCHASED = "purchased"
    IN_USE = "in_use"
    RESERVED = "reserved"
    LEASED = "leased"


class LedgerKind(StrEnum):
    """Why a counter changed."""

    BUY = "buy"
    EXPIRE = "expire"
    TRANSFER = "transfer"
    CONSUME = "consume"
    RELEASE = "release"
    RESERVE = "reserve"
    RETURN = "return"
    LEASE = "lease"
    ADJUST = "adjust"


class LotKind(StrEnum):
    """Where a lot comes from: bought, or moved between virtual accounts."""

    BUY = "buy"
    TRANSFER = "transfer"


class TokenMode(StrEnum):
    """How an ID token is presented: by a proof made with its key, or as a password (plain EST clients)."""

    PROOF = "proof"
    BASIC = "basic"


class CertificateStatus(StrEnum):
    """Of an ID certificate: the newest one, an earlier one, or one that was taken back."""

    ACTIVE = "active"
    SUPERSEDED = "superseded"
    REVOKED = "revoked"


class RequestState(StrEnum):
    """Of a request that was claimed by its idempotency key."""

    IN_FLIGHT = "in-flight"
    DONE = "done"


class AnchorRole(StrEnum):
    """What an anchor of a trust bundle vouches for."""

    TLS = "tls"
    LICENSING = "licensing"
    ID = "id"
