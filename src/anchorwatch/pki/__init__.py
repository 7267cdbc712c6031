"""The judge's front door: `judge(Question(...))` and what it takes and gives.

Names are loaded when first used: a program that only reads certificates does not pay for the engine.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from anchorwatch.pki.catalogue import Catalogue, Origin
    from anchorwatch.pki.certificate import Certificate, MalformedCertificateError
    from anchorwatch.pki.judgement import judge
    from anchorwatch.pki.name import PeerName
    from anchorwatch.pki.profile import PROFILES, Profile
    from anchorwatch.pki.question import Question
    from anchorwatch.pki.reason import Fault, Reason
    from anchorwatch.pki.truststore import Anchor, TrustStore
    from anchorwatch.pki.verdict import NotTrustedError, Refused, Trusted, Unsupported, require_trusted

_HOMES = {
    "PROFILES": "profile",
    "Anchor": "truststore",
    "Catalogue": "catalogue",
    "Certificate": "certificate",
    "Fault": "reason",
    "MalformedCertificateError": "certificate",
    "NotTrustedError": "verdict",
    "Origin": "catalogue",
    "PeerName": "name",
    "Profile": "profile",
    "Question": "question",
    "Reason": "reason",
    "Refused": "verdict",
    "TrustStore": "truststore",
    "Trusted": "verdict",
    "Unsupported": "verdict",
    "judge": "judgement",
    "require_trusted": "verdict",
}

__all__ = [
    "PROFILES",
    "Anchor",
    "Catalogue",
    "Certificate",
    "Fault",
    "MalformedCertificateError",
    "NotTrustedError",
    "Origin",
    "PeerName",
    "Profile",
    "Question",
    "Reason",
    "Refused",
    "TrustStore",
    "Trusted",
    "Unsupported",
    "judge",
    "require_trusted",
]


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(import_module(f"anchorwatch.pki.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
