"""Name constraints: what a CA permits and excludes, and whether the names below keep it."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from anchorwatch.pki.certificate import Certificate
from anchorwatch.pki.constraint import (
    MAX_COMPARISONS,
    MAX_FAULTS,
    ConstraintFault,
    ConstraintRule,
    NameConstraints,
    check,
)
from anchorwatch.pki.distinguished_name import encode
from anchorwatch.pki.name import Name, SubjectAltName
from builders.certs import CA

DNS, EMAIL, URI, IP, OTHER, DIRECTORY = 0x82, 0x81, 0x86, 0x87, 0xA0, 0xA4


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A certificate of a path, reduced to what constraints look at."""

    subject: Name
    san: SubjectAltName | None = None
    name_constraints: NameConstraints | None = None
    self_issued: bool = False


Base = tuple[int, str | bytes] | tuple[int, str]


def subtree(kind: int, value: str | bytes) -> bytes:
    """One GeneralSubtree."""
    return encode(0x30, encode(kind, value.encode() if isinstance(value, str) else value))


def constraints(permitted: Sequence[Base] = (), excluded: Sequence[Base] = ()) -> NameConstraints:
    """Name constraints, encoded and read back."""
    content = b""
    for tag, bases in ((0xA0, permitted), (0xA1, excluded)):
        if bases:
            content += encode(tag, b"".join(subtree(*base) for base in bases))
    return NameConstraints.from_der(encode(0x30, content))


def leaf(*names: tuple[int, str | bytes], subject: str = "") -> Member:
    """An end entity with these names."""
    entries = b"".join(
        encode(tag, value.encode() if isinstance(value, str) else value) for tag, value in names
    )
    return Member(
        subject=Name.from_text(subject), san=SubjectAltName.from_der(encode(0x30, entries)) if names else None
    )


def root(constraint: NameConstraints | None) -> Member:
    """An anchor with these constraints."""
    return Member(subject=Name.from_text("CN=Harbour Root"), name_constraints=constraint, self_issued=True)


def network(text: str) -> bytes:
    """Address and mask of a network."""
    net = ipaddress.ip_network(text)
    return net.network_address.packed + net.netmask.packed


def kinds(faults: tuple[ConstraintFault, ...]) -> list[str]:
    """Only the reason codes."""
    return [fault.kind for fault in faults]


NAMES: list[tuple[int, str | bytes, int, str | bytes, bool]] = [
    (DNS, "harbour.example", DNS, "harbour.example", True),
    (DNS, "harbour.example", DNS, "a.b.harbour.example", True),
    (DNS, "Harbour.Example", DNS, "a.hARBOUR.example", True),
    (DNS, "harbour.example", DNS, "newharbour.example", False),
    (DNS, "harbour.example", DNS, "example", False),
    (DNS, ".harbour.example", DNS, "a.harbour.example", True),
    (DNS, ".harbour.example", DNS, "harbour.example", False),
    (DNS, ".harbour.example", DNS, "*.harbour.example", True),
    (DNS, "harbour.example", DNS, "*.harbour.example", True),
    (DNS, "harbour.example", DNS, "*.a.harbour.example", True),
    (DNS, "", DNS, "anything.example", True),
    (IP, network("192.0.2.0/24"), IP, bytes([192, 0, 2, 7]), True),
    (IP, network("192.0.2.0/24"), IP, bytes([192, 0, 3, 7]), False),
    (IP, network("0.0.0.0/0"), IP, bytes([192, 0, 3, 7]), True),
    (IP, network("0.0.0.0/0"), IP, bytes(16), False),
    (IP, network("2001:db8::/32"), IP, ipaddress.ip_address("2001:db8:1::").packed, True),
    (IP, network("2001:db8::/32"), IP, ipaddress.ip_address("2001:db9::").packed, False),
    (IP, bytes([192, 0, 2, 9, 255, 255, 255, 0]), IP, bytes([192, 0, 2, 7]), True),
    (EMAIL, "a@harbour.example", EMAIL, "a@Harbour.example", True),
    (EMAIL, "a@harbour.example", EMAIL, "A@harbour.example", False),
    (EMAIL, "*@harbour.example", EMAIL, "a@harbour.example", False),
    (EMAIL, "harbour.example", EMAIL, "a@harbour.example", True),
    (EMAIL, "harbour.example", EMAIL, "a@b.harbour.example", False),
    (EMAIL, ".harbour.example", EMAIL, "a@b.harbour.example", True),
    (EMAIL, ".harbour.example", EMAIL, "a@harbour.example", False),
    (URI, "harbour.example", URI, "https://user@Harbour.example:8443/path?x#y", True),
    (URI, "harbour.example", URI, "https://a.harbour.example/", False),
    (URI, ".harbour.example", URI, "https://a.harbour.example/", True),
    (URI, ".harbour.example", URI, "https://harbour.example/", False),
    (DIRECTORY, Name.from_text("O=Harbour").der, DIRECTORY, Name.from_text("CN=x, O=HARBOUR").der, True),
    (DIRECTORY, Name.from_text("O=Harbour").der, DIRECTORY, Name.from_text("O=Harbour, CN=x").der, False),
    (DIRECTORY, Name.from_text("").der, DIRECTORY, Name.from_text("CN=x").der, True),
]


class TestForms:
    @pytest.mark.parametrize(("base_kind", "base", "kind", "name", "inside"), NAMES)
    def test_permitted(
        self, base_kind: int, base: str | bytes, kind: int, name: str | bytes, inside: bool
    ) -> None:
        """A name must lie in a permitted subtree of its form (RFC 5280 section 4.2.1.10)."""
        faults = check([leaf((kind, name)), root(constraints(permitted=[(base_kind, base)]))])
        assert kinds(faults) == ([] if inside else ["name-constraint"])

    @pytest.mark.parametrize(("base_kind", "base", "kind", "name", "inside"), NAMES)
    def test_excluded(
        self, base_kind: int, base: str | bytes, kind: int, name: str | bytes, inside: bool
    ) -> None:
        """A name must not lie in an excluded subtree."""
        faults = check([leaf((kind, name)), root(constraints(excluded=[(base_kind, base)]))])
        assert kinds(faults) == (["name-constraint"] if inside else [])

    def test_a_wildcard_could_be_an_excluded_host(self) -> None:
        """A wildcard is refused where it reaches into an excluded subtree, and where it reaches out of a permitted one."""
        wild = leaf((DNS, "*.harbour.example"))
        assert kinds(check([wild, root(constraints(excluded=[(DNS, "quay.harbour.example")]))])) == [
            "name-constraint"
        ]
        assert kinds(check([wild, root(constraints(excluded=[(DNS, ".harbour.example")]))])) == [
            "name-constraint"
        ]
        assert kinds(check([wild, root(constraints(permitted=[(DNS, "quay.harbour.example")]))])) == [
            "name-constraint"
        ]
        assert check([wild, root(constraints(excluded=[(DNS, "a.quay.harbour.example")]))]) == ()
        assert check([wild, root(constraints(excluded=[(DNS, "meadow.example")]))]) == ()

    def test_other_forms_are_free(self) -> None:
        """A constraint of one form says nothing about names of another."""
        only_dns = root(constraints(permitted=[(DNS, "harbour.example")]))
        assert check([leaf((IP, bytes(4)), (EMAIL, "a@meadow.example"), (URI, "urn:x")), only_dns]) == ()

    def test_a_form_nobody_understands(self) -> None:
        """A constraint of an unknown form matters only where a name of that form occurs."""
        kind = encode(0x06, b"\x2a\x03\x04")
        mine, other = (
            kind + encode(0xA0, encode(0x0C, b"x")),
            encode(0x06, b"\x2a\x03\x05") + encode(0xA0, b"\x05\x00"),
        )
        forbids = root(constraints(excluded=[(OTHER, mine), (0x88, b"\x2a\x03")]))
        assert check([leaf((DNS, "a.example"), (OTHER, other)), forbids]) == ()
        assert kinds(check([leaf((OTHER, mine)), forbids])) == ["name-constraint"]
        assert kinds(check([leaf((0x88, b"\x2a\x04")), forbids])) == ["name-constraint"]

    def test_mailboxes_outside_ascii(self) -> None:
        """An rfc822Name constraint binds SmtpUTF8Mailbox names too (RFC 9598 section 6)."""
        mailbox = encode(0x06, bytes.fromhex("2b06010505070809")) + encode(
            0xA0, encode(0x0C, "jö@bücher.example".encode())
        )
        assert (
            check([leaf((OTHER, mailbox)), root(constraints(permitted=[(EMAIL, "xn--bcher-kva.example")]))])
            == ()
        )
        assert kinds(
            check([leaf((OTHER, mailbox)), root(constraints(permitted=[(EMAIL, "harbour.example")]))])
        ) == ["name-constraint"]

    def test_the_subject_is_a_directory_name(self) -> None:
        """Directory constraints bind the subject unless it is empty, and names of that form beside it."""
        only = root(constraints(permitted=[(DIRECTORY, Name.from_text("O=Harbour").der)]))
        assert check([leaf(subject="CN=a, O=Harbour"), only]) == ()
        assert check([leaf((DNS, "a.example")), only]) == ()
        assert kinds(check([leaf(subject="CN=a, O=Meadow"), only])) == ["name-constraint"]

    def test_the_subjects_mailbox(self) -> None:
        """The subject's emailAddress is bound where no rfc822Name is given."""
        only = root(constraints(permitted=[(EMAIL, "harbour.example")]))
        assert kinds(check([leaf(subject="emailAddress=a@meadow.example"), only])) == ["name-constraint"]
        assert (
            check([leaf((EMAIL, "a@harbour.example"), subject="emailAddress=a@meadow.example"), only]) == ()
        )

    @pytest.mark.parametrize(
        ("rule", "names", "bound"),
        [
            ("never", (), False),
            ("without-san", (), True),
            ("without-san", ((IP, bytes(4)),), False),
            ("without-san", ((EMAIL, "a@b.example"),), False),
            ("without-host-names", ((EMAIL, "a@b.example"),), True),
            ("without-host-names", ((IP, bytes(4)),), False),
        ],
    )
    def test_the_common_name_as_a_host(
        self, rule: str, names: tuple[tuple[int, str | bytes], ...], bound: bool
    ) -> None:
        """A client that takes the common name for a host binds it as one."""
        only = root(constraints(permitted=[(DNS, "harbour.example")]))
        path = [leaf(*names, subject="CN=a.meadow.example"), only]
        asked = ConstraintRule(common_name=rule)  # type: ignore[arg-type]  # the words are the table's
        assert kinds(check(path, rule=asked)) == (["name-constraint"] if bound else [])

    def test_a_common_name_that_is_no_host(self) -> None:
        """A common name in words is no host, and one that is an address is an address."""
        only = root(constraints(permitted=[(DNS, "harbour.example"), (IP, network("192.0.2.0/24"))]))
        assert check([leaf(subject="CN=Harbour Portal"), only]) == ()
        assert check([leaf(subject="CN=192.0.2.7"), only]) == ()
        assert kinds(check([leaf(subject="CN=192.0.3.7"), only])) == ["name-constraint"]


class TestPath:
    OUTSIDE = leaf((DNS, "meadow.example"))
    ONLY_HARBOUR = constraints(permitted=[(DNS, "harbour.example")])

    def test_every_ca_is_asked(self) -> None:
        """Constraints of several CAs bind together: the lower ones narrow and never widen."""
        wide = constraints(permitted=[(DNS, "quay.harbour.example"), (DNS, "pier.harbour.example")])
        narrow = constraints(permitted=[(DNS, "pier.harbour.example")])
        quay = leaf((DNS, "quay.harbour.example"))
        for upper, lower in ((wide, narrow), (narrow, wide)):
            middle = Member(subject=Name.from_text("CN=Middle"), name_constraints=lower)
            faults = check([quay, middle, root(upper)])
            assert kinds(faults) == ["name-constraint"]
            assert faults[0].authority == (1 if lower is narrow else 2)

    def test_intermediates_are_bound_unless_self_issued(self) -> None:
        """A self-issued intermediate is exempt, an end entity never is."""
        names = SubjectAltName.from_der(encode(0x30, encode(DNS, b"meadow.example")))
        inside = leaf((DNS, "harbour.example"))
        for self_issued in (False, True):
            middle = Member(subject=Name.from_text("CN=Harbour Root"), san=names, self_issued=self_issued)
            faults = check([inside, middle, root(self.ONLY_HARBOUR)])
            assert [fault.index for fault in faults] == ([] if self_issued else [1])
        own = Member(subject=Name.from_text("CN=Harbour Root"), san=names, self_issued=True)
        assert [fault.index for fault in check([own, root(self.ONLY_HARBOUR)])] == [0]

    def test_constraints_bind_only_downward(self) -> None:
        """A CA's own names, and those above it, are not bound by its constraints."""
        names = SubjectAltName.from_der(encode(0x30, encode(DNS, b"meadow.example")))
        middle = Member(subject=Name.from_text("CN=Middle"), san=names, name_constraints=self.ONLY_HARBOUR)
        assert check([leaf((DNS, "harbour.example")), middle, root(None)]) == ()

    def test_the_anchors_constraints_bind_where_asked(self) -> None:
        """Whether the anchor's own constraints count is the client's choice."""
        path = [self.OUTSIDE, root(self.ONLY_HARBOUR)]
        assert kinds(check(path)) == ["name-constraint"]
        assert check(path, anchor_binds=False) == ()

    def test_a_fault_says_who_and_what(self) -> None:
        """A fault names the certificate, the name, the CA and the subtrees, and shows no control characters."""
        (fault,) = check([leaf((DNS, "meadow.example")), root(self.ONLY_HARBOUR)])
        assert (fault.index, fault.authority) == (0, 1)
        assert fault.name == "dns meadow.example"
        assert fault.constraint == 'permitted "harbour.example"'
        assert fault.sentence == '"meadow.example" lies in none of the permitted subtrees: "harbour.example"'
        (fault,) = check([leaf((DNS, "\x1b[2J.harbour.example")), root(self.ONLY_HARBOUR)])
        assert fault.kind == "malformed"
        assert fault.sentence.isprintable()

    def test_with_real_certificates(self) -> None:
        """Certificates as they are parsed give the same answer."""
        nc = x509.NameConstraints([x509.DNSName("harbour.example")], [x509.DNSName("quay.harbour.example")])
        ca = CA.root("Harbour Root", extra=[(nc, True)])
        path = [Certificate.from_der(ca.issue_leaf("pier.harbour.example").der), Certificate.from_der(ca.der)]
        assert check(path) == ()
        path[0] = Certificate.from_der(ca.issue_leaf("quay.harbour.example").der)
        assert kinds(check(path)) == ["name-constraint"]


class TestMalformed:
    @pytest.mark.parametrize(
        ("kind", "base", "said"),
        [
            (DNS, "*.harbour.example", "a wildcard is no subtree"),
            (DNS, "a..b", "a label is empty"),
            (DNS, ".", "a lone dot"),
            (DNS, "büro.example", "outside ASCII"),
            (IP, bytes(4), "4 octets"),
            (IP, bytes(16), "16 octets"),
            (IP, bytes([192, 0, 2, 0, 255, 0, 255, 0]), "not contiguous"),
            (EMAIL, "a@b@harbour.example", "no mailbox"),
            (DIRECTORY, b"\x01", "expected|name"),
        ],
    )
    def test_a_malformed_subtree(self, kind: int, base: str | bytes, said: str) -> None:
        """A malformed subtree is a fault where a name of its form occurs, and only there."""
        names: dict[int, tuple[int, str | bytes]] = {
            DNS: (DNS, "a.harbour.example"),
            IP: (IP, bytes(4)),
            EMAIL: (EMAIL, "a@harbour.example"),
            DIRECTORY: (DIRECTORY, Name.from_text("CN=a").der),
        }
        other = names[IP if kind == DNS else DNS]
        for lists in ({"permitted": [(kind, base)]}, {"excluded": [(kind, base)]}):
            bad = root(constraints(**lists))
            told = [fault for fault in check([leaf(names[kind]), bad]) if fault.kind == "malformed"]
            assert len(told) == 1
            assert any(word in told[0].sentence for word in said.split("|"))
            assert check([leaf(other), bad]) == ()

    def test_a_leading_dot_is_a_choice(self) -> None:
        """RFC 5280 has no leading dot in DNS constraints; most clients read one."""
        path = [leaf((DNS, "a.harbour.example")), root(constraints(permitted=[(DNS, ".harbour.example")]))]
        assert check(path) == ()
        assert kinds(check(path, rule=ConstraintRule(leading_dot=False))) == ["malformed"]

    @pytest.mark.parametrize(
        "name",
        [
            (DNS, ".harbour.example"),
            (DNS, "a b"),
            (DNS, "*"),
            (DNS, "f*.harbour.example"),
            (IP, bytes(5)),
            (EMAIL, "a@b@harbour.example"),
            (URI, "urn:harbour"),
            (URI, "https://192.0.2.1/"),
            (URI, "https://[::1]/"),
        ],
    )
    def test_a_malformed_name_cannot_be_placed(self, name: tuple[int, str | bytes]) -> None:
        """A name that is malformed, or of which the constraint cannot say anything, is a fault under constraints."""
        every: dict[int, str | bytes] = {
            DNS: "harbour.example",
            EMAIL: "harbour.example",
            URI: "harbour.example",
            IP: network("0.0.0.0/0"),
        }
        assert kinds(check([leaf(name), root(constraints(permitted=list(every.items())))])) == ["malformed"]
        assert kinds(check([leaf(name), root(constraints(excluded=[(name[0], every[name[0]])]))])) == [
            "malformed"
        ]
        assert check([leaf(name), root(None)]) == ()

    def test_names_that_cannot_be_read(self) -> None:
        """A subjectAltName that cannot be read is a fault under any constraints."""
        broken = Member(subject=Name.from_text(""), san=SubjectAltName.from_der(b"example.com"))
        assert kinds(check([broken, root(constraints(permitted=[(DNS, "a.example")]))])) == ["malformed"]

    @pytest.mark.parametrize(
        "value",
        [
            b"",
            b"\x05\x00",
            b"\x30\x00",
            encode(0x30, b"\xa0\x00\xa1\x00"),
            encode(0x30, b"\x05\x00\x05\x00"),
            encode(0x30, encode(0xA0, subtree(DNS, "a")) * 2),
            encode(0x30, encode(0xA0, encode(0x30, b""))),
            encode(0x30, encode(0xA0, encode(0x31, encode(DNS, b"a")))),
            b"harbour.example",
        ],
    )
    def test_a_malformed_extension(self, value: bytes) -> None:
        """An extension that is no list of subtrees is a fault whatever names there are."""
        broken = NameConstraints.from_der(value)
        assert broken.malformed
        assert kinds(check([leaf(), root(broken)])) == ["malformed"]

    def test_minimum_and_maximum(self) -> None:
        """A minimum other than zero, or a maximum, is not processed, so it is a fault where its form occurs."""

        def limited(limit: bytes) -> NameConstraints:
            return NameConstraints.from_der(
                encode(0x30, encode(0xA0, encode(0x30, encode(DNS, b"harbour.example") + limit)))
            )

        inside = leaf((DNS, "harbour.example"))
        assert check([inside, root(limited(b"\x80\x01\x00"))]) == ()
        assert "malformed" in kinds(check([inside, root(limited(b"\x80\x01\x01"))]))
        assert "malformed" in kinds(check([inside, root(limited(b"\x81\x01\x00"))]))
        assert check([leaf((IP, bytes(4))), root(limited(b"\x81\x01\x00"))]) == ()

    @given(st.binary(max_size=60))
    def test_any_bytes_are_constraints_or_malformed(self, data: bytes) -> None:
        """Arbitrary bytes never raise, neither when read nor when asked."""
        read = NameConstraints.from_der(data)
        check([leaf((DNS, "harbour.example"), (IP, bytes(4)), subject="CN=a"), root(read)])


class TestBudget:
    def test_many_names_and_many_constraints(self) -> None:
        """Where names times subtrees pass the limit that clients have, the answer is told at once and says the number."""
        many = root(constraints(permitted=[(DNS, f"n{number}.example") for number in range(600)]))
        faults = check([leaf(*((DNS, f"n{number}.example") for number in range(600))), many])
        assert kinds(faults) == ["budget-exhausted"]
        assert "360000 comparisons" in faults[0].sentence
        assert str(MAX_COMPARISONS) in faults[0].sentence
        assert (
            check(
                [leaf(*((DNS, f"n{number}.example") for number in range(600))), many],
                rule=ConstraintRule(comparisons=1_048_576),
            )
            == ()
        )

    def test_many_faults(self) -> None:
        """A certificate of a thousand wrong names does not make a thousand sentences."""
        faults = check(
            [leaf(*((DNS, f"n{number}.example") for number in range(1000))), root(TestPath.ONLY_HARBOUR)]
        )
        assert len(faults) == MAX_FAULTS


labels = st.text("ab", min_size=1, max_size=2)
hosts = st.lists(labels, min_size=1, max_size=4).map(".".join)
bases = st.one_of(hosts, hosts.map(".{}".format), st.just(""))


class TestLaws:
    @given(st.lists(bases, min_size=1, max_size=4), st.lists(bases, min_size=1, max_size=4), hosts)
    def test_excluded_beats_permitted(self, permitted: list[str], excluded: list[str], host: str) -> None:
        """A path that keeps both lists keeps each alone, and whatever the excluded list refuses stays refused."""
        some, none = [(DNS, base) for base in permitted], [(DNS, base) for base in excluded]
        member = leaf((DNS, host))
        both = not check([member, root(constraints(some, none))])
        one = not check([member, root(constraints(some))])
        other = not check([member, root(constraints(excluded=none))])
        assert both == (one and other)

    @given(st.lists(bases, min_size=1, max_size=5), hosts)
    def test_dns_look_up_says_what_reading_says(self, permitted: list[str], host: str) -> None:
        """The look-up agrees with the sentence of RFC 5280: add labels on the left-hand side."""
        expected = any(
            not base or (host.endswith(base) if base[0] == "." else host == base or host.endswith("." + base))
            for base in permitted
        )
        faults = check([leaf((DNS, host)), root(constraints([(DNS, base) for base in permitted]))])
        assert (not faults) == expected

    @given(st.lists(bases, min_size=1, max_size=3), hosts.filter(lambda host: "." in host), labels)
    def test_a_permitted_wildcard_permits_what_it_stands_for(
        self, permitted: list[str], host: str, label: str
    ) -> None:
        """Where a wildcard is accepted, so is every host it stands for; likewise under exclusion."""
        for lists in ({"permitted": permitted}, {"excluded": permitted}):
            made = constraints(**{key: [(DNS, base) for base in value] for key, value in lists.items()})
            if not check([leaf((DNS, f"*.{host}")), root(made)]):
                assert not check([leaf((DNS, f"{label}.{host}")), root(made)])

    @given(st.ip_addresses(), st.ip_addresses(), st.integers(0, 128))
    def test_networks_say_what_the_standard_library_says(
        self,
        address: ipaddress.IPv4Address | ipaddress.IPv6Address,
        base: ipaddress.IPv4Address | ipaddress.IPv6Address,
        length: int,
    ) -> None:
        """An address lies in a network exactly where `ipaddress` says so."""
        net = ipaddress.ip_network((base, min(length, base.max_prefixlen)), strict=False)
        made = constraints([(IP, network(str(net)))])
        assert (not check([leaf((IP, address.packed)), root(made)])) == (address in net)

    @given(st.lists(st.tuples(st.sampled_from([DNS, EMAIL, URI]), st.text(max_size=12)), max_size=4))
    def test_no_constraints_no_faults(self, names: list[tuple[int, str]]) -> None:
        """Without constraints no name is a fault, however odd."""
        assert check([leaf(*names), root(None)]) == ()
