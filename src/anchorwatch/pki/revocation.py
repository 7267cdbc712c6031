"""Whether every certificate of one path has a good revocation list: RFC 5280 section 6.3.

A list tells the status of a certificate only when four things hold: it covers it (issuer, distribution
point, kind, reasons), it is in date, nothing in it must be understood and is not, and whoever signed it was
entitled to. A status is known when the lists found cover all reasons together. Anything less is
`revocation-unknown`, and that refuses: a caller who asks for lists asks for an answer.

Who may sign: the issuer itself, or a certificate with the name the list carries that an authority *of this
path* issued. The standard asks only that both lead to the same anchor, which would let any authority below
that anchor speak for a name of another. An authority of the path can replace what stands below it anyway,
so believing its word costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from anchorwatch.pki import certificate as fields
from anchorwatch.pki.certificate import Certificate
from anchorwatch.pki.crl import (
    ALL_REASONS,
    REMOVE_FROM_CRL,
    Crl,
    DistributionPoint,
    Entry,
    MalformedCrlError,
    Scope,
    distribution_points,
    name_form,
)
from anchorwatch.pki.edge import Signature, names_fit, signature_good, verify_signature
from anchorwatch.pki.reason import Fault, Position, Reason

Vouches = Callable[[tuple[Certificate, ...]], bool]

MAX_SIGNATURES = 256
"""Signature checks on lists and their signers for one path; the hardest of the NIST cases needs 9."""


def check(
    path: Sequence[Certificate],
    crls: Iterable[bytes],
    *,
    at: datetime,
    known: Sequence[Certificate] = (),
    strict: bool = True,
    vouches: Vouches | None = None,
) -> tuple[Fault, ...]:
    """Every certificate of a path (leaf first, anchor last, the anchor not asked) that is not in good standing.

    `crls` are lists in DER; `known` are certificates that may have signed them. `strict` wants a CRL number
    in each list, not critical (RFC 5280 section 5.2.3). `vouches` is asked whether the path of a signer that
    is not on `path` itself passes the caller's checks. RFC 5280 section 6.3.3.
    """
    desk = _Desk(at=at, known=tuple(known), strict=strict, vouches=vouches)
    desk.read(crls)
    faults: list[Fault] = []
    try:
        for index in range(len(path) - 1):
            position = Position.INTERMEDIATE if index else Position.LEAF
            fault = desk.fault(tuple(path[index:]), position)
            if fault is not None:
                faults.append(fault)
    except _ExhaustedError:
        sentence = f"the revocation lists ask for more than {MAX_SIGNATURES} signature checks"
        faults.append(Fault(reason=Reason.BUDGET_EXHAUSTED, position=Position.LEAF, sentence=sentence))
    return tuple(faults)


class _ExhaustedError(Exception):
    """The work one question may cause is used up."""


class _UnusableError(Exception):
    """A list that covers the certificate but may not be believed; the message finishes "the list of … "."""


@dataclass(frozen=True, slots=True)
class _Revoked:
    entry: Entry
    crl: Crl


@dataclass(frozen=True, slots=True)
class _Unknown:
    notes: tuple[str, ...]


@dataclass(slots=True, kw_only=True)
class _Desk:
    """The lists of one question and what was found out about their signers so far."""

    at: datetime
    known: tuple[Certificate, ...]
    strict: bool
    vouches: Vouches | None
    complete: list[Crl] = field(default_factory=list)
    deltas: list[Crl] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    asking: set[Certificate] = field(default_factory=set)
    """Signers whose own standing is being asked: a list may cover the certificate that signed it."""
    left: int = MAX_SIGNATURES

    def read(self, crls: Iterable[bytes]) -> None:
        for octets in crls:
            try:
                crl = Crl.from_der(octets)
            except MalformedCrlError as error:
                self.notes.append(str(error))
                continue
            (self.complete if crl.base_number is None else self.deltas).append(crl)

    def fault(self, path: tuple[Certificate, ...], position: Position) -> Fault | None:
        match self.standing(path):
            case None:
                return None
            case _Revoked(entry=entry, crl=crl):
                day = f"{entry.revoked_at:%Y-%m-%d %H:%M:%S}Z"
                reason, sentence = (
                    Reason.REVOKED,
                    (
                        f"“{path[0].title}” was revoked on {day} ({entry.reason_text}), "
                        f"says the list of “{crl.issuer.text}” of {crl.this_update:%Y-%m-%d}"
                    ),
                )
            case _Unknown(notes=notes):
                told = "; ".join(dict.fromkeys((*notes, *self.notes))) or "no list at hand covers it"
                reason, sentence = (
                    Reason.REVOCATION_UNKNOWN,
                    (f"whether “{path[0].title}” is revoked cannot be told: {told}"),
                )
        return Fault(reason=reason, position=position, sentence=sentence, certificate=path[0], other=path[1])

    def standing(self, path: tuple[Certificate, ...]) -> _Revoked | _Unknown | None:
        """The first certificate's status; None is good standing. RFC 5280 section 6.3.3."""
        certificate = path[0]
        notes: list[str] = []
        covered: frozenset[int] = frozenset()
        try:
            points = _points(certificate)
        except ValueError as error:
            return _Unknown((f"its distribution points cannot be read: {error}",))
        for point in points:
            for crl in self.complete:
                reasons = point.reasons & crl.scope.reasons
                if reasons <= covered or not _covers(crl, point, certificate):
                    continue
                try:
                    entry, told_by = self.look_up(crl, path)
                except _UnusableError as error:
                    notes.append(f"the list of “{crl.issuer.text}” {error}")
                    continue
                if entry is not None:
                    return _Revoked(entry, told_by)
                covered |= reasons
                if covered >= ALL_REASONS:
                    return None
        if covered:
            notes.append(f"the lists at hand cover {len(covered)} of {len(ALL_REASONS)} reasons")
        return _Unknown(tuple(notes))

    def look_up(self, crl: Crl, path: tuple[Certificate, ...]) -> tuple[Entry | None, Crl]:
        """What a list and its delta say of the first certificate. Steps (c), (d) and (f) to (k)."""
        self.usable(crl)
        signer = self.signer(crl, path)
        delta = self.delta(crl, signer)
        if delta is not None:
            entry = _find(delta, path[0])
            if entry is not None:
                return (None if entry.reason == REMOVE_FROM_CRL else entry), delta
        return _find(crl, path[0]), crl

    def usable(self, crl: Crl) -> None:
        """Dates and form. Raises `_UnusableError`."""
        if crl.unknown_critical:
            raise _UnusableError(
                f"has critical extensions that are not understood: {crl.unknown_critical[0]}"
            )
        if self.at < crl.this_update:
            raise _UnusableError(f"begins on {crl.this_update:%Y-%m-%d %H:%M:%S}Z")
        if crl.next_update is None:
            raise _UnusableError("does not say until when it holds")
        if self.at > crl.next_update:
            raise _UnusableError(f"ended on {crl.next_update:%Y-%m-%d %H:%M:%S}Z")
        if self.strict and crl.number is None:
            raise _UnusableError("has no number (RFC 5280 section 5.2.3)")
        if self.strict and crl.number_critical:
            raise _UnusableError("marks its number critical (RFC 5280 section 5.2.3)")

    def delta(self, crl: Crl, signer: Certificate) -> Crl | None:
        """The newest usable delta that completes a list. RFC 5280 section 5.2.4, step (c)."""
        best: Crl | None = None
        for delta in self.deltas:
            if crl.number is None or delta.number is None or delta.base_number is None:
                continue
            same = (
                delta.issuer.key == crl.issuer.key
                and delta.scope_der == crl.scope_der
                and delta.authority_key_id == crl.authority_key_id
            )
            if not same or not delta.base_number <= crl.number < delta.number:
                continue
            try:
                self.usable(delta)
            except _UnusableError:
                continue
            newer = best is None or best.number is None or best.number < delta.number
            if newer and self.signed(delta, signer):
                best = delta
        return best

    def signer(self, crl: Crl, path: tuple[Certificate, ...]) -> Certificate:
        """Who signed a list and was entitled to. Raises `_UnusableError`."""
        objection = "is signed by nobody this path vouches for"
        candidates = dict.fromkeys((*path[1:], *self.known, path[0]))
        for candidate in candidates:
            if candidate.subject.key != crl.issuer.key or not self.signed(crl, candidate):
                continue
            if candidate.key_usage is not None and "cRLSign" not in candidate.key_usage:
                objection = f"is signed by “{candidate.title}”, whose key usage lacks cRLSign"
            elif candidate in path[1:] or candidate in self.asking or self.entitled(candidate, path):
                return candidate
            else:
                objection = f"is signed by “{candidate.title}”, which this path does not vouch for"
        raise _UnusableError(objection)

    def entitled(self, signer: Certificate, path: tuple[Certificate, ...]) -> bool:
        """Whether an authority of the path issued a signer that passes the checks and is in good standing."""
        for place in range(1, len(path)):
            issuer = path[place]
            if not names_fit(signer, issuer) or not self.spend() or not signature_good(signer, issuer):
                continue
            branch = (signer, *path[place:])
            if not signer.not_before <= self.at <= signer.not_after:
                continue
            if self.vouches is not None and not self.vouches(branch):
                continue
            self.asking.add(signer)
            try:
                if self.standing(branch) is None:
                    return True
            finally:
                self.asking.discard(signer)
        return False

    def signed(self, crl: Crl, signer: Certificate) -> bool:
        self.spend()
        good = verify_signature(
            signer.spki, crl.signature_algorithm, crl.signature_parameters, crl.signature, crl.tbs
        )
        return good is Signature.GOOD

    def spend(self) -> bool:
        """Count one signature check. Raises `_ExhaustedError`, else true."""
        if self.left == 0:
            raise _ExhaustedError
        self.left -= 1
        return True


def _find(crl: Crl, certificate: Certificate) -> Entry | None:
    """The certificate's entry. Raises `_UnusableError` where the entries cannot be read."""
    try:
        return crl.find(certificate.issuer, certificate.serial)
    except (ValueError, IndexError) as error:
        raise _UnusableError(f"has an entry that cannot be read: {error}") from error


def _points(certificate: Certificate) -> tuple[DistributionPoint, ...]:
    """Its distribution points, then the one it has without saying so: its issuer. Step (a) and the end of 6.3.3."""
    implied = DistributionPoint(names=frozenset({name_form(certificate.issuer)}))
    value = certificate.extension(fields.CRL_DISTRIBUTION_POINTS)
    if value is None:
        return (implied,)
    return (*distribution_points(value, certificate.issuer), implied)


def _covers(crl: Crl, point: DistributionPoint, certificate: Certificate) -> bool:
    """Whether a list is about this certificate at this distribution point. Step (b)."""
    scope: Scope = crl.scope
    if point.issuers or point.issuer_names:
        if crl.issuer.key not in point.issuers or not scope.indirect:
            return False
    elif crl.issuer.key != certificate.issuer.key:
        return False
    if scope.only_attributes or (scope.only_leaves if certificate.is_ca else scope.only_authorities):
        return False
    if scope.names is None:
        return True
    return bool(scope.names & (point.issuer_names if point.names is None else point.names))
