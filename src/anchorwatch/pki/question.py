"""What the judge is asked: one frozen record, the same for a person, a batch and a forecast."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from anchorwatch.pki.catalogue import EMPTY, Catalogue
from anchorwatch.pki.certificate import Certificate
from anchorwatch.pki.name import PeerName
from anchorwatch.pki.policy import PolicySettings
from anchorwatch.pki.profile import RFC5280, Profile
from anchorwatch.pki.truststore import TrustStore

PURPOSES = ("server_auth", "client_auth", "any")
REVOCATIONS = ("none", "crl")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Does this store vouch for what was presented, as this client would decide, at that time?

    `presented` is the chain as the server sent it, leaf first, never empty. `at` is aware UTC; fractions of
    a second are cut off (certificates count whole seconds, RFC 5280 section 4.1.2.5). `peer` is the name the
    client asked for, None to leave names out; `peer_names` are names the leaf must carry besides.
    `max_path_length` counts intermediates that are not self-issued. `catalogue` explains and proposes, it
    never vouches. Raises `ValueError` for an empty chain, a naive time or an unknown word.
    """

    presented: tuple[Certificate, ...]
    store: TrustStore
    at: datetime
    peer: PeerName | None = None
    peer_names: tuple[PeerName, ...] = ()
    purpose: str = "server_auth"
    profile: Profile = RFC5280
    catalogue: Catalogue = field(default=EMPTY, repr=False)
    revocation: str = "none"
    crls: tuple[bytes, ...] = field(default=(), repr=False)
    max_path_length: int | None = None
    policies: PolicySettings | None = None
    key_usage: tuple[str, ...] = ()
    extended_key_usage: tuple[str, ...] = ()
    signature_algorithms: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.presented:
            raise ValueError("nothing was presented: a question needs at least the leaf")
        if self.at.tzinfo is None:
            raise ValueError("the time of a question needs a zone")
        if self.purpose not in PURPOSES:
            raise ValueError(f"the purpose {self.purpose!r} is none of {', '.join(PURPOSES)}")
        if self.revocation not in REVOCATIONS:
            raise ValueError(f"the revocation check {self.revocation!r} is none of {', '.join(REVOCATIONS)}")
        if self.at.microsecond:
            object.__setattr__(self, "at", self.at.replace(microsecond=0))

    @property
    def leaf(self) -> Certificate:
        """What the peer says it is."""
        return self.presented[0]
