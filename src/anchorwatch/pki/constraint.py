"""Name constraints of a CA, and whether the names below it keep them. RFC 5280 sections 4.2.1.10 and 6.1.

Whether a name lies in one of many subtrees is a look-up (`anchorwatch.pki.subtree`), so the work grows with names plus
subtrees, not with their product, and thousands of both cost milliseconds. The product is still counted, for clients give up beyond a limit (`ConstraintRule.comparisons`), and a judge must refuse where they do.

What must hold for each CA of a path and each certificate below it, self-issued intermediates exempt:

- a name in an excluded subtree is a fault, whatever is permitted;
- where a name form has permitted subtrees, every name of that form lies in one of them;
- a name, or a subtree, that is malformed cannot be shown to keep this, so it is a fault where the forms meet;
- a subtree of a form that is not understood is a fault where a name of that form occurs, and only there.

Constraints of several CAs need no intersection: each CA is asked by itself, and every answer must be good.
A path in which no CA has constraints costs one look at each certificate.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Final, Literal, Protocol

from anchorwatch.pki import der
from anchorwatch.pki.distinguished_name import COMMON_NAME, EMAIL_ADDRESS
from anchorwatch.pki.name import GeneralName, Name, NameKind, SubjectAltName, dns_fault, general_name
from anchorwatch.pki.subtree import UNDERSTOOD, Subtrees, by_form, clip, form_of, holder, name_fault, prepare

MAX_COMPARISONS: Final = 250_000
"""Names times subtrees, summed over a path, beyond which a client gives up. Go's crypto/x509 and rustls-webpki stop
at 250,000; OpenSSL at 1,048,576 for one certificate."""

MAX_FAULTS: Final = 16
"""Faults told of one path: they are for people, and a hostile certificate can hold thousands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConstraintRule:
    """In what clients differ when they apply name constraints. Each field is an axis of a profile."""

    common_name: Literal["never", "without-san", "without-host-names"] = "without-san"
    """When the end entity's common name, where it looks like a host or an address, is constrained as a dNSName or
    iPAddress: never (RFC 5280), where there is no subjectAltName at all, or where that has no dNSName and no
    iPAddress (OpenSSL)."""

    leading_dot: bool = True
    """Whether a dNSName subtree ".example.com" means the hosts below example.com, as OpenSSL and Go read it;
    False calls it malformed, as RFC 5280 does."""

    comparisons: int = MAX_COMPARISONS
    """The most comparisons of one path."""


RFC5280: Final = ConstraintRule()


@dataclass(frozen=True, slots=True, kw_only=True)
class ConstraintFault:
    """One way in which a path breaks its name constraints.

    `index` and `authority` are places in the path, leaf first: whose name it is, and whose constraint.
    `name` and `constraint` are written for people ("dns a.example.com"), None where there is no single one.
    `kind` is the reason code.
    """

    kind: Literal["name-constraint", "malformed", "budget-exhausted"]
    index: int
    authority: int
    sentence: str
    name: str | None = None
    constraint: str | None = None


class Constrained(Protocol):
    """What is asked of the certificates of a path."""

    @property
    def subject(self) -> Name: ...
    @property
    def san(self) -> SubjectAltName | None: ...
    @property
    def name_constraints(self) -> NameConstraints | None: ...
    @property
    def self_issued(self) -> bool: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class NameConstraints:
    """The name spaces a CA is confined to (`permitted`) and kept out of (`excluded`); either may be empty.

    `malformed` says in one sentence why the extension as a whole is malformed, None where it is not; a base that is
    malformed by itself carries its own `fault`.
    """

    permitted: tuple[GeneralName, ...] = ()
    excluded: tuple[GeneralName, ...] = ()
    malformed: str | None = None
    forms: dict[str, tuple[Subtrees, Subtrees]] = field(init=False, repr=False, compare=False)
    """By name form: permitted and excluded subtrees, prepared once."""

    def __post_init__(self) -> None:
        lists = [by_form(self.permitted), by_form(self.excluded)]
        forms = {
            form: (prepare(form, lists[0].get(form, [])), prepare(form, lists[1].get(form, [])))
            for form in lists[0] | lists[1]
        }
        object.__setattr__(self, "forms", forms)

    @classmethod
    def from_der(cls, value: bytes) -> NameConstraints:
        """Read the value of the extension; never raises, see `malformed`."""
        lists: dict[int, tuple[GeneralName, ...]] = {}
        problem: str | None = None
        try:
            for part in der.inside(value, der.whole(value, der.SEQUENCE)):
                if part.tag not in (_PERMITTED, _EXCLUDED) or part.tag in lists:
                    raise der.DerError(f"an unexpected element with tag 0x{part.tag:02x}")
                lists[part.tag] = tuple(_subtree(value, item) for item in der.inside(value, part))
                if not lists[part.tag]:
                    problem = "the name constraints hold an empty list of subtrees"
            if not lists:
                problem = "the name constraints neither permit nor exclude anything"
        except der.DerError as error:
            problem = f"the name constraints cannot be read: {error}"
        permitted, excluded = lists.get(_PERMITTED, ()), lists.get(_EXCLUDED, ())
        return cls(permitted=permitted, excluded=excluded, malformed=problem)


_PERMITTED, _EXCLUDED = 0xA0, 0xA1


def _subtree(value: bytes, item: der.Element) -> GeneralName:
    """The base of one GeneralSubtree. Minimum and maximum are not processed: such a base is malformed."""
    if item.tag != der.SEQUENCE:
        raise der.DerError(f"a subtree with tag 0x{item.tag:02x}")
    base = der.element(value, item.content, item.stop)
    limits = der.elements(value, base.stop, item.stop)
    name = general_name(base.tag, value[base.content : base.stop], base=True)
    for limit in limits:
        # DER leaves out a minimum of 0, the default; writing it is a flaw without a meaning.
        if limit.tag == 0x80 and der.integer(value[limit.content : limit.stop]) == 0:
            continue
        fault = "a subtree with a minimum or maximum, which no profile uses"
        return GeneralName(kind=name.kind, value=name.value, content=name.content, fault=fault)
    return name


# --- the names of a certificate ----------------------------------------------------------------------------


def constrained_names(certificate: Constrained, rule: ConstraintRule, *, leaf: bool) -> list[GeneralName]:
    """Every name of a certificate that constraints apply to, in order.

    Beside the subjectAltName: the subject as a directory name, its emailAddress where no rfc822Name is given, and
    the common name of an end entity as `rule.common_name` has it.
    """
    san = certificate.san
    names = list(san.names) if san is not None else []
    subject = certificate.subject
    if subject.is_empty:
        return names
    if not any(name.kind == "email" for name in names):
        names.extend(_plain("email", value) for value in subject.values(EMAIL_ADDRESS))
    if leaf and _common_name_counts(names, san, rule):
        names.extend(name for value in subject.values(COMMON_NAME) if (name := _host_in(value)) is not None)
    names.append(GeneralName(kind="directory", value=subject.text, content=subject.der, directory=subject))
    return names


def _common_name_counts(names: list[GeneralName], san: SubjectAltName | None, rule: ConstraintRule) -> bool:
    match rule.common_name:
        case "never":
            return False
        case "without-san":
            return san is None
        case "without-host-names":
            return not any(name.kind in ("dns", "ip") for name in names)


def _plain(kind: NameKind, value: str) -> GeneralName:
    fault = None if value.isascii() else f"a {kind} name with characters outside ASCII"
    return GeneralName(kind=kind, value=value, content=value.encode("utf-8", "surrogatepass"), fault=fault)


def _host_in(common_name: str) -> GeneralName | None:
    """A common name as a host or an address, where it has the form of one."""
    try:
        packed = ipaddress.ip_address(common_name).packed
    except ValueError:
        is_host = "." in common_name and dns_fault(common_name.removeprefix("*.")) is None
        return _plain("dns", common_name) if is_host else None
    return GeneralName(kind="ip", value=common_name, content=packed)


# --- the check ---------------------------------------------------------------------------------------------


def check(
    path: Sequence[Constrained], *, rule: ConstraintRule = RFC5280, anchor_binds: bool = True
) -> tuple[ConstraintFault, ...]:
    """Every way in which a path breaks the name constraints of its CAs, at most `MAX_FAULTS`; empty where none.

    `path` is leaf first and ends with the anchor. `anchor_binds` says whether the anchor's own constraints count
    (RFC 5280 section 6.1 leaves them out, RFC 5937 and most clients apply them). Never raises.
    """
    last = len(path) - 1
    cas = [
        (index, constraints)
        for index in range(1, last + (1 if anchor_binds else 0))
        if (constraints := path[index].name_constraints) is not None
    ]
    if not cas:
        return ()
    faults = [
        ConstraintFault(kind="malformed", index=index, authority=index, sentence=constraints.malformed)
        for index, constraints in cas
        if constraints.malformed
    ]
    # Nearest to the leaf last: what the highest CA forbids is told first.
    cas.reverse()
    names: dict[int, list[GeneralName]] = {}
    for index in range(cas[0][0]):
        if index == 0 or not path[index].self_issued:
            names[index] = constrained_names(path[index], rule, leaf=index == 0)
    if (used := _comparisons(cas, names)) > rule.comparisons:
        sentence = (
            f"its names and the constraints above them need {used} comparisons, and clients give up after "
            f"{rule.comparisons}"
        )
        return (
            *faults,
            ConstraintFault(kind="budget-exhausted", index=0, authority=cas[0][0], sentence=sentence),
        )
    broken = (
        fault
        for ca, constraints in cas
        for index in range(ca - 1, -1, -1)
        if index in names
        for fault in _broken(constraints, names[index], path[index].san, index, ca, rule)
    )
    return tuple(islice(chain(faults, broken), MAX_FAULTS))


def _comparisons(cas: list[tuple[int, NameConstraints]], names: dict[int, list[GeneralName]]) -> int:
    used = 0
    for index, present in names.items():
        counts: dict[str, int] = {}
        for name in present:
            form = form_of(name)
            counts[form] = counts.get(form, 0) + 1
        for ca, constraints in cas:
            if ca > index:
                used += sum(
                    counts.get(form, 0) * (len(permitted.bases) + len(excluded.bases))
                    for form, (permitted, excluded) in constraints.forms.items()
                )
    return used


def _broken(
    constraints: NameConstraints,
    names: list[GeneralName],
    san: SubjectAltName | None,
    index: int,
    ca: int,
    rule: ConstraintRule,
) -> Iterator[ConstraintFault]:
    if san is not None and san.malformed:
        sentence = f"its names are constrained, and {san.malformed}"
        yield ConstraintFault(kind="malformed", index=index, authority=ca, sentence=sentence)
    told: set[str] = set()
    for name in names:
        form = form_of(name)
        found = constraints.forms.get(form)
        if found is None:
            continue
        permitted, excluded = found
        label = f"{form} {clip(name.value)}"
        for fault in () if form in told else _subtree_faults(permitted, excluded, form, rule):
            yield ConstraintFault(kind="malformed", index=index, authority=ca, sentence=fault, name=label)
        told.add(form)
        if form not in UNDERSTOOD:
            sentence = f"a name of the form {form} is constrained, and no client understands such constraints"
            yield ConstraintFault(
                kind="name-constraint", index=index, authority=ca, sentence=sentence, name=label
            )
            continue
        if flaw := name_fault(name):
            sentence = f'the name {form} "{clip(name.value)}" is constrained and malformed: {flaw}'
            yield ConstraintFault(kind="malformed", index=index, authority=ca, sentence=sentence, name=label)
            continue
        if (base := holder(name, excluded, reach=True)) is not None:
            sentence = f'"{clip(name.value)}" lies in the excluded {_described(base)}'
            constraint = f"excluded {form} {clip(base.value)}"
        elif permitted.bases and holder(name, permitted, reach=False) is None:
            constraint = "permitted " + _listed(permitted.bases)
            sentence = (
                f'"{clip(name.value)}" lies in none of the permitted subtrees: {_listed(permitted.bases)}'
            )
        else:
            continue
        yield ConstraintFault(
            kind="name-constraint",
            index=index,
            authority=ca,
            sentence=sentence,
            name=label,
            constraint=constraint,
        )


def _subtree_faults(
    permitted: Subtrees, excluded: Subtrees, form: str, rule: ConstraintRule
) -> Iterator[str]:
    yield from permitted.faults
    yield from excluded.faults
    if form == "dns" and not rule.leading_dot:
        for base in (*permitted.bases, *excluded.bases):
            if base.value.startswith("."):
                yield f'the subtree dns "{clip(base.value)}" is malformed: it begins with a dot'


def _described(base: GeneralName) -> str:
    return f'{form_of(base)} subtree "{clip(base.value)}"'


def _listed(bases: Sequence[GeneralName]) -> str:
    listed = ", ".join(f'"{clip(base.value)}"' for base in bases[:4])
    return listed if len(bases) <= 4 else f"{listed} and {len(bases) - 4} more"
