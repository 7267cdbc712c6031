"""Certificate policies along one path: RFC 5280 section 6.1 with the graph of RFC 9618.

RFC 5280 keeps a tree of policies, which policy mappings can make grow exponentially. RFC 9618 shows that all
nodes of one depth with the same policy can be one node, so that the tree becomes a graph no larger than the
certificates themselves.

One simplification more: the RFC removes a node as soon as nothing hangs below it. Whether the graph is empty
depends only on whether its deepest row is, since a row grows from nothing but the row above. So nothing is
removed on the way; what still counts is found at the end, walking upwards from the last row.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from anchorwatch.pki import certificate as fields
from anchorwatch.pki import der
from anchorwatch.pki.certificate import Certificate
from anchorwatch.pki.reason import Fault, Position, Reason

ANY_POLICY = "2.5.29.32.0"


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicySettings:
    """What a question asks of policies: the inputs of RFC 5280 section 6.1.1 (c), (e), (f) and (g).

    `initial` holds dotted OIDs; empty, or holding anyPolicy, it accepts any policy.
    """

    initial: frozenset[str] = frozenset({ANY_POLICY})
    require_explicit: bool = False
    inhibit_mapping: bool = False
    inhibit_any: bool = False

    @property
    def accepts_any(self) -> bool:
        """Whether every policy is acceptable to the one who asks."""
        return not self.initial or ANY_POLICY in self.initial


@dataclass(slots=True)
class _Node:
    """One policy in one row: what it is called one certificate further down, and what it hangs from."""

    expected: set[str]
    parents: set[str] = field(default_factory=set)


_Row = dict[str, _Node]


class _BrokenError(Exception):
    """A policy extension that cannot be read or says what it must not."""


def check(path: Sequence[Certificate], settings: PolicySettings) -> tuple[Fault, ...]:
    """Whether a policy that was asked for holds along a path, leaf first, anchor last.

    The anchor's own policies do not count. At most one fault: where the first certificate leaves nothing that
    is acceptable. RFC 5280 section 6.1, RFC 9618 section 5.
    """
    last = len(path) - 1
    explicit, mapping, any_left = (
        0 if stop else last + 1
        for stop in (settings.require_explicit, settings.inhibit_mapping, settings.inhibit_any)
    )
    rows: list[_Row] = [{ANY_POLICY: _Node({ANY_POLICY})}]
    for depth, certificate in enumerate(reversed(path[:-1]), 1):
        final = depth == last
        position = Position.LEAF if final else Position.INTERMEDIATE
        try:
            may_be_any = any_left > 0 or (not final and certificate.self_issued)
            row = _next_row(rows[-1], _policies(certificate), may_be_any)
            rows.append(row)
            if explicit == 0 and not row:
                return (_fault(certificate, position, settings),)
            until_explicit, until_no_mapping = _constraints(certificate)
            if final:
                explicit = 0 if until_explicit == 0 else max(explicit - 1, 0)
                break
            _map(row, _mappings(certificate), mapping > 0)
            if not certificate.self_issued:
                explicit, mapping, any_left = (max(count - 1, 0) for count in (explicit, mapping, any_left))
            explicit = _less(explicit, until_explicit)
            mapping = _less(mapping, until_no_mapping)
            any_left = _less(any_left, _inhibit_any(certificate))
        except (_BrokenError, der.DerError, IndexError) as error:
            return (_broken(certificate, position, error),)
    if last and explicit == 0 and not _acceptable(rows, settings):
        return (_fault(path[0], Position.LEAF, settings),)
    return ()


def _next_row(above: _Row, policies: frozenset[str] | None, may_be_any: bool) -> _Row:
    """RFC 9618 section 5.3, steps (d) and (e)."""
    row: _Row = {}
    if policies is None or not above:
        return row
    expecting: dict[str, set[str]] = {}
    for name, node in above.items():
        for wanted in node.expected:
            expecting.setdefault(wanted, set()).add(name)
    for policy in policies - {ANY_POLICY}:
        parents = expecting.get(policy) or ({ANY_POLICY} if ANY_POLICY in above else None)
        if parents:
            row[policy] = _Node({policy}, parents)
    if ANY_POLICY in policies and may_be_any:
        for wanted, parents in expecting.items():
            row.setdefault(wanted, _Node({wanted}, parents))
    return row


def _map(row: _Row, mappings: dict[str, set[str]], allowed: bool) -> None:
    """RFC 9618 section 5.4, step (b): rename policies for the certificates below, or drop them."""
    for issuer_policy, subject_policies in mappings.items():
        if not allowed:
            row.pop(issuer_policy, None)
        elif issuer_policy in row:
            row[issuer_policy].expected = subject_policies
        elif ANY_POLICY in row:
            row[issuer_policy] = _Node(subject_policies, {ANY_POLICY})


def _acceptable(rows: list[_Row], settings: PolicySettings) -> bool:
    """Whether anything in the last row stands for a policy that was asked for. RFC 9618 section 5.5, step (g).

    A policy speaks the language of the one who asks as long as it hangs from anyPolicy; below that it may
    have been renamed by mappings.
    """
    alive = set(rows[-1])
    if settings.accepts_any or ANY_POLICY in alive:
        return bool(alive)
    for row in reversed(rows[1:]):
        above: set[str] = set()
        for name in alive:
            parents = row[name].parents
            if name in settings.initial and ANY_POLICY in parents:
                return True
            above |= parents
        # anyPolicy's own parent is anyPolicy; what hangs from it was looked at in its own row.
        alive = above
    return False


def _less(counter: int, limit: int | None) -> int:
    return counter if limit is None else min(counter, limit)


def _fault(certificate: Certificate, position: Position, settings: PolicySettings) -> Fault:
    asked = "any policy" if settings.accepts_any else f"one of {', '.join(sorted(settings.initial)[:8])}"
    return Fault(
        reason=Reason.POLICY,
        position=position,
        sentence=f'{asked} must hold along the path; at "{certificate.title}" none is left',
        certificate=certificate,
    )


def _broken(certificate: Certificate, position: Position, error: Exception) -> Fault:
    return Fault(
        reason=Reason.POLICY,
        position=position,
        sentence=f'the policies of "{certificate.title}" cannot be followed: {error}',
        certificate=certificate,
    )


def _policies(certificate: Certificate) -> frozenset[str] | None:
    """The policy OIDs of RFC 5280 section 4.2.1.4; None without the extension. Qualifiers decide nothing."""
    value = certificate.extension(fields.POLICIES)
    if value is None:
        return None
    found: set[str] = set()
    for information in der.inside(value, der.whole(value, der.SEQUENCE)):
        oid = _oid(value, der.inside(value, information)[0])
        if oid in found:
            raise _BrokenError(f"the policy {oid} stands there twice")
        found.add(oid)
    return frozenset(found)


def _mappings(certificate: Certificate) -> dict[str, set[str]]:
    """RFC 5280 section 4.2.1.5: policy of the issuer to policies of the subject."""
    value = certificate.extension(fields.POLICY_MAPPINGS)
    found: dict[str, set[str]] = {}
    if value is None:
        return found
    for pair in der.inside(value, der.whole(value, der.SEQUENCE)):
        issuer, subject = (_oid(value, item) for item in _two(der.inside(value, pair)))
        if ANY_POLICY in (issuer, subject):
            raise _BrokenError("it maps anyPolicy")
        found.setdefault(issuer, set()).add(subject)
    return found


def _constraints(certificate: Certificate) -> tuple[int | None, int | None]:
    """RFC 5280 section 4.2.1.11: certificates until a policy is required, and until mapping ends."""
    value = certificate.extension(fields.POLICY_CONSTRAINTS)
    if value is None:
        return None, None
    found: dict[int, int] = {}
    for item in der.inside(value, der.whole(value, der.SEQUENCE)):
        found[item.tag] = _count(value[item.content : item.stop])
    return found.get(0x80), found.get(0x81)


def _inhibit_any(certificate: Certificate) -> int | None:
    """RFC 5280 section 4.2.1.14: certificates until anyPolicy no longer counts."""
    value = certificate.extension(fields.INHIBIT_ANY_POLICY)
    if value is None:
        return None
    item = der.whole(value, der.INTEGER)
    return _count(value[item.content : item.stop])


def _count(body: bytes) -> int:
    number = der.integer(body)
    if number < 0:
        raise _BrokenError("it counts below zero")
    return number


def _two(items: Iterable[der.Element]) -> tuple[der.Element, der.Element]:
    found = tuple(items)
    if len(found) != 2:
        raise _BrokenError("a policy mapping is not a pair")
    return found[0], found[1]


def _oid(value: bytes, item: der.Element) -> str:
    if item.tag != der.OID:
        raise _BrokenError("a policy without an identifier")
    return der.oid_text(value[item.content : item.stop])
