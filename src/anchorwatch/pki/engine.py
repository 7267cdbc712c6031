"""Which engines confirm a path, by what the question asks of them.

Trusted needs our checks and every engine asked here. Each rule below came out of measuring both engines, one
path at a time, on the 249 PKITS cases; the table is in docs/explanation/engines.md.

* OpenSSL is asked always.
* It is not asked about policies. Through pyOpenSSL no set of acceptable policies can be given to it, and
  without one it refuses 36 good paths on which a policy is required. pyhanko-certvalidator is asked.
* Where lists are asked, pyhanko-certvalidator is asked, and OpenSSL gets the lists too, with two exceptions:
  it looks a list up in its store by the issuer of the certificate, so that it cannot find an indirect one
  (6 good paths); and it wants a list for the anchor as well, which only a self-signed anchor can have among
  what was given. There it is asked about the path without lists.
"""

from __future__ import annotations

from collections.abc import Sequence

from anchorwatch.pki import certificate as fields
from anchorwatch.pki.answer import EngineAnswer
from anchorwatch.pki.certificate import KEY_USAGES, Certificate
from anchorwatch.pki.certvalidator import ask_certvalidator
from anchorwatch.pki.crl import Crl, MalformedCrlError, distribution_points
from anchorwatch.pki.openssl import ask_openssl
from anchorwatch.pki.question import Question


def unsupported(question: Question) -> str | None:
    """What in the question nobody here can decide, in one sentence; None where all of it can be."""
    unknown = [usage for usage in question.key_usage if usage not in KEY_USAGES]
    if unknown:
        return f"the key usage {unknown[0]!r} is none of {', '.join(KEY_USAGES)}"
    return None


def confirm(path: tuple[Certificate, ...], question: Question) -> EngineAnswer:
    """Ask every engine that can decide what the question asks, about one path that the checks found good.

    The path is leaf first, anchor last. The answer is the first refusal, else the engines that accepted.
    """
    revocation = question.revocation == "crl" and len(path) > 1
    # What our own reading turned down has no say; one damaged list must not turn an engine against the others.
    lists = tuple(filter(_readable, question.crls)) if revocation else None
    policies = question.policies if len(path) > 1 else None
    answer = ask_openssl(
        path,
        at=question.at,
        peer=question.peer,
        common_name=question.profile.names.common_name,
        dates=question.profile.anchor_expiry,
        crls=lists if lists is not None and _openssl_finds_lists(path, lists) else None,
        signers=question.presented[1:] if lists else (),
    )
    if not answer.accepted or (lists is None and policies is None):
        return answer
    second = ask_certvalidator(
        path, at=question.at, crls=lists, signers=question.presented[1:], policies=policies
    )
    if not second.accepted:
        return second
    return EngineAnswer(accepted=True, engine=f"{answer.engine} and {second.engine}", words="ok")


def _openssl_finds_lists(path: Sequence[Certificate], lists: Sequence[bytes]) -> bool:
    """Whether OpenSSL's own look-up of lists can do this path justice."""
    if not path[-1].self_issued:
        return False
    for certificate in path[:-1]:
        value = certificate.extension(fields.CRL_DISTRIBUTION_POINTS)
        try:
            points = distribution_points(value, certificate.issuer) if value is not None else ()
        except ValueError:
            return False
        if any(point.issuers for point in points):
            return False
    return not any(Crl.from_der(octets).scope.indirect for octets in lists)


def _readable(octets: bytes) -> bool:
    try:
        Crl.from_der(octets)
    except MalformedCrlError:
        return False
    return True
