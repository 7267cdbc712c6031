"""The closed lists of words that are the tables' own; the others are those of `anchorwatch.licensing`."""

from __future__ import annotations

from enum import StrEnum


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


class OperatorRole(StrEnum):
    """What the key of an operator may do: look, run devices and tokens, or change what is licensed and believed."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"
