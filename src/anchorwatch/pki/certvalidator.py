"""pyhanko-certvalidator, asked about one path: the engine for revocation lists and certificate policies.

It is given the whole path, so its own path builder has nothing to do, and it fetches nothing. Which digests
and keys are good enough is for our checks; here all are. Its front door for callers without an event loop
starts one; but without fetchers its coroutines never wait for anything, so running one until it ends is
enough, and nothing of `asyncio` is needed here.

The import costs 0.3 s and 50 MB, so it happens with the first question that needs it.
"""

from __future__ import annotations

import logging
from collections.abc import Coroutine, Sequence
from datetime import datetime, timedelta
from importlib.metadata import version
from typing import Any

from anchorwatch.pki.answer import EngineAnswer
from anchorwatch.pki.certificate import Certificate
from anchorwatch.pki.policy import ANY_POLICY, PolicySettings

ENGINE = f"pyhanko-certvalidator {version('pyhanko-certvalidator')}"
"""Name and version."""


def ask_certvalidator(
    path: Sequence[Certificate],
    *,
    at: datetime,
    crls: Sequence[bytes] | None = None,
    signers: Sequence[Certificate] = (),
    policies: PolicySettings | None = None,
) -> EngineAnswer:
    """Ask whether it accepts this one path, leaf first, anchor last, at `at` (aware UTC).

    With `crls` (DER, None for no revocation) every certificate but the anchor needs a good one; `signers` may
    have signed them. Names of the peer and purposes are not asked. Never raises for a bad certificate.
    """
    try:
        _run(_validate(path, at, crls, signers, policies or PolicySettings()))
    except Exception as error:  # noqa: BLE001 - whatever a parser of hostile octets throws is a refusal
        words = " ".join(f"{error}".split())[:400]
        return EngineAnswer(accepted=False, engine=ENGINE, words=words or type(error).__name__)
    return EngineAnswer(accepted=True, engine=ENGINE, words="ok")


async def _validate(
    path: Sequence[Certificate],
    at: datetime,
    crls: Sequence[bytes] | None,
    signers: Sequence[Certificate],
    policies: PolicySettings,
) -> None:
    from asn1crypto.crl import CertificateList
    from pyhanko_certvalidator import policy_decl
    from pyhanko_certvalidator.authority import CertTrustAnchor
    from pyhanko_certvalidator.context import ValidationContext
    from pyhanko_certvalidator.path import ValidationPath
    from pyhanko_certvalidator.validate import async_validate_path

    # It logs each signer it turns down, with a traceback; we say what matters in the verdict.
    logging.getLogger("pyhanko_certvalidator").setLevel(logging.CRITICAL)
    need = policy_decl.RevocationCheckingRule
    rule = need.NO_CHECK if crls is None else need.CRL_REQUIRED
    leaf, *between = [_parsed(certificate) for certificate in path[:-1]]
    anchor = _parsed(path[-1])
    context = ValidationContext(
        trust_roots=[anchor],
        other_certs=[*between, *map(_parsed, signers)],
        moment=at,
        crls=[CertificateList.load(octets) for octets in crls or ()],
        revinfo_policy=policy_decl.CertRevTrustPolicy(policy_decl.RevocationCheckingPolicy(rule, rule)),
        time_tolerance=timedelta(0),
        algorithm_usage_policy=policy_decl.AcceptAllAlgorithms(),
    )
    initial = {"any_policy"} if policies.accepts_any else policies.initial - {ANY_POLICY}
    parameters = policy_decl.PKIXValidationParams(
        user_initial_policy_set=frozenset(initial),
        initial_policy_mapping_inhibit=policies.inhibit_mapping,
        initial_explicit_policy=policies.require_explicit,
        initial_any_policy_inhibit=policies.inhibit_any,
    )
    whole = ValidationPath(CertTrustAnchor(anchor), list(reversed(between)), leaf)
    await async_validate_path(context, whole, parameters=parameters)


def _parsed(certificate: Certificate) -> Any:
    """Read anew each time: `asn1crypto` may write a certificate that was looked at with other octets.

    One with unique identifiers no longer verifies when its object is used for a second path. The library
    ships no types; what it gives goes straight into the engine.
    """
    from asn1crypto import x509

    return x509.Certificate.load(certificate.der)


def _run(work: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine that never waits. Raises `RuntimeError` where it does."""
    try:
        work.send(None)
    except StopIteration:
        return
    finally:
        work.close()
    raise RuntimeError("the engine wanted to wait for something, and nothing here may")
