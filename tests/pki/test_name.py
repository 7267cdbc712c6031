"""Distinguished names as text and compared, and peers matched against certificates."""

from __future__ import annotations

import base64
import contextlib
import ipaddress
from pathlib import Path

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from anchorwatch.pki.certificate import Certificate
from anchorwatch.pki.distinguished_name import encode
from anchorwatch.pki.name import (
    GeneralName,
    MalformedName,
    Name,
    NameRule,
    PeerName,
    SubjectAltName,
    difference,
    identify,
    likeness,
    matches,
    nearest,
    unlisted_common_names,
)
from anchorwatch.pki.public_suffix import is_public_suffix
from builders.certs import general_name as built_name

UTF8, PRINTABLE, TELETEX, IA5, UNIVERSAL, BMP = 0x0C, 0x13, 0x14, 0x16, 0x1C, 0x1E
CN, ORGANIZATION, UNIT, COUNTRY = b"\x55\x04\x03", b"\x55\x04\x0a", b"\x55\x04\x0b", b"\x55\x04\x06"


def pair(kind: bytes, value: bytes, tag: int = UTF8) -> bytes:
    """One attribute type and value."""
    return encode(0x30, encode(0x06, kind) + encode(tag, value))


def name_of(*rdns: bytes | list[bytes]) -> Name:
    """A name of these relative names in DER order; a list is one with several attributes."""
    sets = [encode(0x31, b"".join(rdn) if isinstance(rdn, list) else rdn) for rdn in rdns]
    return Name.from_der(encode(0x30, b"".join(sets)))


def san(*values: str | x509.GeneralName) -> SubjectAltName:
    """The subjectAltName with these entries, encoded and read back."""
    extension = x509.SubjectAlternativeName([built_name(value) for value in values])
    return SubjectAltName.from_der(extension.public_bytes())


def raw_san(*entries: tuple[int, bytes]) -> SubjectAltName:
    """A subjectAltName of entries that no library would write."""
    return SubjectAltName.from_der(encode(0x30, b"".join(encode(tag, content) for tag, content in entries)))


def der_of(text: str) -> bytes:
    """The octets of the one PEM block in a file."""
    return base64.b64decode(text.partition("-----BEGIN CERTIFICATE-----")[2].partition("-----END")[0])


words = st.text(min_size=1, max_size=20)


def rdns_of(values: st.SearchStrategy[str]) -> st.SearchStrategy[list[list[tuple[bytes, str]]]]:
    """Relative names with these values, in DER order."""
    pairs = st.tuples(st.sampled_from([CN, ORGANIZATION, UNIT]), values)
    return st.lists(st.lists(pairs, min_size=1, max_size=2), max_size=4)


texts = rdns_of(words)
# What RFC 4518 prohibits (unassigned, private) is compared as it stands, so the laws of folding leave it out.
assigned = rdns_of(
    st.text(
        st.characters(categories=["L", "M", "N", "P", "S", "Zs"], exclude_characters="\ufffd"),
        min_size=1,
        max_size=20,
    )
)


def built(rdns: list[list[tuple[bytes, str]]]) -> Name:
    """The name of drawn attributes, which may hold any character that has an encoding."""
    return name_of(*([pair(kind, value.encode("utf-8", "replace")) for kind, value in rdn] for rdn in rdns))


class TestText:
    def test_reads_most_specific_first(self) -> None:
        """The text begins with what is most specific, as people read names."""
        name = name_of(
            pair(COUNTRY, b"US", PRINTABLE), pair(ORGANIZATION, b"Harbour, Inc."), pair(CN, b"Root 1")
        )
        assert name.text == "CN=Root 1, O=Harbour\\, Inc., C=US"
        assert name.common_name == "Root 1"
        assert name.attributes == (("2.5.4.6", "US"), ("2.5.4.10", "Harbour, Inc."), ("2.5.4.3", "Root 1"))

    @pytest.mark.parametrize(
        ("value", "written"),
        [
            ("#1", "\\#1"),
            (" a ", "\\ a\\ "),
            ('say "x"', 'say \\"x\\"'),
            ("a+b;c<d>", "a\\+b\\;c\\<d\\>"),
            ("back\\slash", "back\\\\slash"),
            ("a\x1b[31mred", "a\\1B[31mred"),
            ("nul\x00", "nul\\00"),
            ("\u202eevil", "\\E2\\80\\AEevil"),
            ("Gëzim 株式会社", "Gëzim 株式会社"),
        ],
    )
    def test_escapes(self, value: str, written: str) -> None:
        """What RFC 4514 or a terminal would misread is escaped, letters of every script are not."""
        assert name_of(pair(CN, value.encode())).text == f"CN={written}"

    def test_unknown_types_are_dotted(self) -> None:
        """An attribute type without a short name stands as its dotted number."""
        assert name_of(pair(b"\x2a\x03\x04", b"x")).text == "1.2.3.4=x"

    def test_values_that_are_no_strings(self) -> None:
        """A bit string in a name is shown as its encoding, compared by it, and hides nothing else."""
        odd = name_of(pair(b"\x55\x04\x2d", b"\x00ABC", 0x03), pair(CN, b"Root"))
        assert odd.text == "CN=Root, x500UniqueIdentifier=#030400414243"
        assert odd == Name.from_text(odd.text)
        assert odd != name_of(pair(b"\x55\x04\x2d", b"\x00abc", 0x03), pair(CN, b"Root"))

    def test_undecodable_strings(self) -> None:
        """A string that breaks its own encoding is shown as its encoding."""
        assert name_of(pair(CN, b"\xff\xfe")).text == "CN=#0c02fffe"
        assert name_of(pair(CN, b"\xd8\x00", BMP)).text == "CN=#1e02d800"

    def test_the_empty_name(self) -> None:
        """The empty name is empty text and says so."""
        empty = Name.from_text("")
        assert empty.is_empty
        assert empty.text == ""
        assert empty.common_name is None
        assert empty == Name.from_der(b"\x30\x00")

    @given(texts)
    def test_text_round_trips(self, rdns: list[list[tuple[bytes, str]]]) -> None:
        """The text of a name, read back, is the same name with the same text."""
        name = built(rdns)
        again = Name.from_text(name.text)
        assert again == name
        assert hash(again) == hash(name)

    @given(texts)
    def test_text_is_safe_to_show(self, rdns: list[list[tuple[bytes, str]]]) -> None:
        """No text of a name holds a character that a terminal acts on."""
        assert built(rdns).text.isprintable()

    @pytest.mark.parametrize(
        "text", ["Root", "CN", "XX=1", "CN=a\\", "CN=a,", "CN=a,,O=b", "9.9.9=x", "CN=\\FF"]
    )
    def test_refuses_what_is_no_name(self, text: str) -> None:
        """Text that is no distinguished name is refused with a sentence."""
        with pytest.raises(MalformedName, match=r"name|identifier"):
            Name.from_text(text)

    @given(st.binary(max_size=60))
    def test_any_bytes_are_a_name_or_a_sentence(self, data: bytes) -> None:
        """Arbitrary bytes are read or refused, never anything else."""
        with contextlib.suppress(MalformedName):
            assert Name.from_der(data).der == data

    def test_cannot_be_changed(self) -> None:
        """A name is a value."""
        with pytest.raises(AttributeError):
            Name.from_text("CN=a").der = b""


class TestComparison:
    def test_string_types_are_folded(self) -> None:
        """The same characters in another string type are the same name (RFC 5280 section 7.1)."""
        same = [name_of(pair(CN, b"Root", tag)) for tag in (UTF8, PRINTABLE, TELETEX, IA5)] + [
            name_of(pair(CN, "Root".encode("utf-16-be"), BMP)),
            name_of(pair(CN, "Root".encode("utf-32-be"), UNIVERSAL)),
        ]
        assert len(set(same)) == 1

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ("CN=Root CA", "CN=root ca"),
            ("CN=Root  CA", "CN=Root CA"),
            ("CN=\\ Root CA\\ ", "CN=Root CA"),
            ("CN=STRASSE", "CN=straße"),
            ("CN=Ｒｏｏｔ", "CN=Root"),
            ("CN=e\\CC\\81", "CN=é"),
            ("CN=a\\C2\\A0b", "CN=a b"),
            ("CN=so\\C2\\ADft", "CN=soft"),
            ("CN=a + O=b", "O=b + CN=a"),
        ],
    )
    def test_same(self, one: str, other: str) -> None:
        """Case, blanks, compatibility forms, soft hyphens and the order within one RDN make no difference."""
        assert Name.from_text(one) == Name.from_text(other)

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ("CN=a, O=b", "O=b, CN=a"),
            ("CN=a + O=b", "CN=a, O=b"),
            ("CN=a", "OU=a"),
            ("CN=Root CA", "CN=RootCA"),
            ("CN=a", "CN=a, O=b"),
            ("CN=\\EE\\80\\80", "CN=\\EE\\80\\81"),
        ],
    )
    def test_different(self, one: str, other: str) -> None:
        """Order, grouping, type and words do make a difference."""
        assert Name.from_text(one) != Name.from_text(other)

    @given(assigned, st.data())
    def test_key_ignores_case_and_blanks(
        self, rdns: list[list[tuple[bytes, str]]], data: st.DataObject
    ) -> None:
        """Changing case and doubling blanks never changes the key."""
        swap = data.draw(st.sampled_from([str.upper, str.lower, str.title]))
        changed = [
            [
                (kind, f"  {swap(value) if value.isascii() else value} ".replace(" ", "  "))
                for kind, value in rdn
            ]
            for rdn in rdns
        ]
        assert built(changed).key == built(rdns).key

    @given(st.text(st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs"]), max_size=20))
    def test_key_ignores_string_type(self, value: str) -> None:
        """A BMPString and a UTF8String with the same assigned characters have the same key."""
        wide, narrow = name_of(pair(CN, value.encode("utf-16-be"), BMP)), name_of(pair(CN, value.encode()))
        assert wide == narrow or any(not char.isprintable() for char in value)

    @given(texts, texts, texts)
    def test_within_is_transitive(
        self,
        one: list[list[tuple[bytes, str]]],
        two: list[list[tuple[bytes, str]]],
        three: list[list[tuple[bytes, str]]],
    ) -> None:
        """A subtree of a subtree is a subtree, and every name lies in its own and in the empty one."""
        base, middle, low = built(one), built(one + two), built(one + two + three)
        assert middle.within(base)
        assert low.within(middle)
        assert low.within(base)
        assert low.within(low)
        assert low.within(Name.from_text(""))

    @given(texts, texts)
    def test_within_both_ways_is_equal(
        self, one: list[list[tuple[bytes, str]]], two: list[list[tuple[bytes, str]]]
    ) -> None:
        """Two names within each other are the same name."""
        left, right = built(one), built(two)
        assert (left.within(right) and right.within(left)) == (left == right)

    def test_every_real_name_round_trips(self, shared: Path) -> None:
        """Subjects and issuers of real certificates, odd ones included, are read, written and read back."""
        names = set()
        for file in (shared / "pki" / "certs").glob("*.pem"):
            certificate = Certificate.from_der(der_of(file.read_text(encoding="ascii")))
            names |= {certificate.subject, certificate.issuer}
        assert len(names) > 1000
        assert [name.text for name in names if Name.from_text(name.text) != name] == []


class TestLikeness:
    G4 = Name.from_text(
        "CN=Harbour Class 3 Secure Server CA - G4, OU=Harbour Trust Network, O=Harbour Corp., C=US"
    )
    G3 = Name.from_text(
        "CN=Lagoon Class 3 Secure Server CA - G3, OU=Lagoon Trust Network, O=Lagoon\\, Inc., C=US"
    )
    OTHER = Name.from_text("CN=Meadow Root, O=Meadow, C=FR")

    def test_says_which_words_differ(self) -> None:
        """Two generations of a CA are told apart by their words."""
        assert difference(self.G4, self.G3) == (
            'two words differ: "Lagoon" instead of "Harbour", "G3" instead of "G4"; so do OU, O'
        )

    @pytest.mark.parametrize(
        ("one", "other", "said"),
        [
            ("CN=a", "CN=A", ""),
            ("CN=Root, O=One", "CN=Root, O=Two", 'one word differs in O: "Two" instead of "One"'),
            ("CN=Root", "CN=Root 2", 'one word differs: "2" added'),
            ("CN=Root, O=b", "CN=Root", 'O "b" missing'),
            ("CN=Root", "OU=Root 1, O=b", 'CN "Root" missing; so do OU, O'),
            ("CN=a, O=b", "O=b, CN=a", "the same attributes in another order or grouping"),
        ],
    )
    def test_difference(self, one: str, other: str, said: str) -> None:
        """A difference is said in words, from the first name to the second."""
        assert difference(Name.from_text(one), Name.from_text(other)) == said

    def test_nearest(self) -> None:
        """The nearest name is the other generation, never the name itself, and never a stranger."""
        assert nearest(self.G4, [self.OTHER, self.G4, self.G3]) == self.G3
        assert nearest(Name.from_text("CN=Qqq"), [self.OTHER]) is None
        assert nearest(self.G4, []) is None

    @given(texts, texts)
    def test_likeness_is_a_symmetric_degree(
        self, one: list[list[tuple[bytes, str]]], two: list[list[tuple[bytes, str]]]
    ) -> None:
        """Likeness lies between 0 and 1, does not depend on the order, and is 1 for the same name."""
        left, right = built(one), built(two)
        assert 0.0 <= likeness(left, right) <= 1.0
        assert likeness(left, right) == likeness(right, left)
        assert likeness(left, left) == 1.0


class TestPeer:
    @pytest.mark.parametrize(
        ("kind", "given_as", "value"),
        [
            ("dns", "Portal.Example.", "portal.example"),
            ("dns", "xn--bcher-kva.example", "xn--bcher-kva.example"),
            ("dns", "_sip.foo_bar.example", "_sip.foo_bar.example"),
            ("dns", "localhost", "localhost"),
            ("ip", "192.0.2.7", "192.0.2.7"),
            ("ip", "2001:DB8:0:0:0:0:0:1", "2001:db8::1"),
            ("ip", "fe80::1%eth0", "fe80::1"),
            ("email", "Harbour.Master@Example.COM", "Harbour.Master@example.com"),
            ("email", '"two words"@example.com', '"two words"@example.com'),
            ("email", "jörg@bücher.example", "jörg@xn--bcher-kva.example"),
        ],
    )
    def test_normalised_at_birth(self, kind: str, given_as: str, value: str) -> None:
        """A peer's name takes the one form it is compared in."""
        assert PeerName(kind, given_as).value == value  # type: ignore[arg-type]  # the kinds are the table's

    @pytest.mark.parametrize(
        ("kind", "value", "said"),
        [
            ("dns", "", "empty"),
            ("dns", "a..b", "a label is empty"),
            ("dns", "-a.example", "no label"),
            ("dns", "*.example.com", "no label"),
            ("dns", "a b.example", "no label"),
            ("dns", "a" * 64 + ".example", "no label"),
            ("dns", ".".join(["abcdefghi"] * 26), "253 are the most"),
            ("dns", "192.0.2.7", "as in an IP address"),
            ("dns", "bücher.example", 'write it as "xn--bcher-kva.example"'),
            ("dns", "evil\x1b[2J.example", "no label"),
            ("ip", "192.0.2.256", "no IP address"),
            ("ip", "portal.example", "no IP address"),
            ("email", "example.com", "no mailbox"),
            ("email", "a@b@example.com", "no mailbox"),
            ("email", ".a@example.com", "no mailbox"),
            ("email", "a@-b.example", "no label"),
            ("uri", "https://example.com", "no kind of peer name"),
        ],
    )
    def test_malformed_is_a_sentence(self, kind: str, value: str, said: str) -> None:
        """What is no such name is refused with one printable sentence."""
        with pytest.raises(ValueError, match=said) as caught:
            PeerName(kind, value)  # type: ignore[arg-type]  # the kinds are the table's
        assert str(caught.value).isprintable()

    @pytest.mark.parametrize(
        ("typed", "kind"),
        [("portal.example", "dns"), ("192.0.2.1", "ip"), ("[2001:db8::1]", "ip"), ("a@b.example", "email")],
    )
    def test_parse_tells_the_kind(self, typed: str, kind: str) -> None:
        """What a person types is taken for what it looks like."""
        assert PeerName.parse(typed).kind == kind

    @given(st.text(max_size=40))
    def test_parse_never_surprises(self, typed: str) -> None:
        """Any text is a peer whose value, parsed again, is itself, or a ValueError."""
        with contextlib.suppress(ValueError):
            peer = PeerName.parse(typed)
            assert PeerName.parse(peer.value) == peer


class TestMatching:
    @pytest.mark.parametrize(
        ("presented", "host", "matched"),
        [
            ("portal.example", "portal.example", True),
            ("PORTAL.example", "portal.EXAMPLE.", True),
            ("portal.example", "other.example", False),
            ("*.harbour.example", "a.harbour.example", True),
            ("*.harbour.example", "xn--a-1b3c148a.harbour.example", True),
            ("*.harbour.example", "harbour.example", False),
            ("*.harbour.example", "a.b.harbour.example", False),
            ("a.*.example", "a.b.example", False),
            ("*a.harbour.example", "ba.harbour.example", False),
            ("xn--*-1b3c148a.harbour.example", "xn--bliss-1b3c148a.harbour.example", False),
            ("*.example", "a.example", False),
            ("*", "example", False),
            ("*.*.harbour.example", "a.b.harbour.example", False),
            ("portal.example.", "portal.example", False),
        ],
    )
    def test_dns(self, presented: str, host: str, matched: bool) -> None:
        """A wildcard is a whole left-most label above at least two, and stands for one label (RFC 9525)."""
        assert matches(PeerName("dns", host), raw_san((0x82, presented.encode()))) is matched

    @pytest.mark.parametrize(
        ("presented", "host", "matched"),
        [
            ("ba*.harbour.example", "baz.harbour.example", True),
            ("*z.harbour.example", "baz.harbour.example", True),
            ("b*z.harbour.example", "bz.harbour.example", True),
            ("b*z.harbour.example", "b.harbour.example", False),
            ("b**z.harbour.example", "baz.harbour.example", False),
            ("xn--*.harbour.example", "xn--a.harbour.example", False),
        ],
    )
    def test_partial_wildcards_where_a_client_has_them(
        self, presented: str, host: str, matched: bool
    ) -> None:
        """A client that reads wildcards within a label reads one, and never within an A-label."""
        rule = NameRule(partial_wildcard=True)
        assert matches(PeerName("dns", host), raw_san((0x82, presented.encode())), rule=rule) is matched
        assert not matches(PeerName("dns", host), raw_san((0x82, presented.encode())))

    def test_addresses(self) -> None:
        """An address is compared by its octets and never with a DNS name."""
        names = san("192.0.2.7", "2001:db8::7")
        assert matches(PeerName("ip", "192.0.2.7"), names)
        assert matches(PeerName("ip", "2001:0db8::0007"), names)
        assert not matches(PeerName("ip", "192.0.2.8"), names)
        assert not matches(PeerName("ip", "::ffff:192.0.2.7"), names)
        answer = identify(PeerName("ip", "192.0.2.7"), raw_san((0x82, b"192.0.2.7")))
        assert not answer.matched
        assert "stands in it as a DNS name" in answer.sentence

    @pytest.mark.parametrize(
        ("presented", "wanted", "matched"),
        [
            ("master@Harbour.example", "master@harbour.EXAMPLE", True),
            ("Master@harbour.example", "master@harbour.example", False),
            ("harbour.example", "master@harbour.example", False),
            ("a@b@harbour.example", "b@harbour.example", False),
        ],
    )
    def test_mailboxes(self, presented: str, wanted: str, matched: bool) -> None:
        """A mailbox's local part is compared octet by octet, its host without regard to case (section 7.5)."""
        assert matches(PeerName("email", wanted), raw_san((0x81, presented.encode()))) is matched

    def test_mailboxes_outside_ascii(self) -> None:
        """An SmtpUTF8Mailbox is a mailbox whose host may be written either way (RFC 9598)."""
        other = x509.OtherName(
            x509.ObjectIdentifier("1.3.6.1.5.5.7.8.9"), encode(UTF8, "jörg@bücher.example".encode())
        )
        names = san(other)
        assert [name.kind for name in names.names] == ["email"]
        assert matches(PeerName("email", "jörg@xn--bcher-kva.example"), names)
        assert not matches(PeerName("email", "Jörg@xn--bcher-kva.example"), names)

    def test_the_common_name_is_a_last_resort(self) -> None:
        """The common name counts only where a client allows it and no DNS name is presented."""
        subject, peer = Name.from_text("CN=portal.example"), PeerName("dns", "portal.example")
        old = NameRule(common_name=True)
        assert not matches(peer, None, subject)
        assert matches(peer, None, subject, rule=old)
        assert matches(peer, san("192.0.2.7"), subject, rule=old)
        assert not matches(peer, san("other.example"), subject, rule=old)
        assert not matches(PeerName("ip", "192.0.2.7"), None, Name.from_text("CN=192.0.2.7"), rule=old)

    def test_the_subjects_mailbox_is_a_last_resort(self) -> None:
        """So does the subject's emailAddress for a mailbox."""
        subject, peer = Name.from_text("CN=x, emailAddress=a@b.example"), PeerName("email", "a@b.example")
        assert matches(peer, None, subject, rule=NameRule(common_name=True))
        assert not matches(peer, None, subject)

    def test_underscores(self) -> None:
        """A host with an underscore matches unless the rule keeps to the preferred syntax."""
        peer, names = PeerName("dns", "foo_bar.example"), san(x509.DNSName("foo_bar.example"))
        assert matches(peer, names)
        assert not matches(peer, names, rule=NameRule(underscore=False))

    def test_public_suffixes(self) -> None:
        """A wildcard over everybody's domain matches unless the rule refuses it."""
        careful = NameRule(public_suffix_wildcard=False)
        for suffix in ("co.uk", "s3.amazonaws.com"):
            peer, names = PeerName("dns", f"a.{suffix}"), san(x509.DNSName(f"*.{suffix}"))
            assert matches(peer, names)
            assert not matches(peer, names, rule=careful)
        assert matches(
            PeerName("dns", "a.harbour.example"), san(x509.DNSName("*.harbour.example")), rule=careful
        )
        assert is_public_suffix("com")
        assert not is_public_suffix("harbour.example")

    def test_why_not(self) -> None:
        """A mismatch names what was presented, a few of many, and nothing a terminal acts on."""
        many = raw_san(*((0x82, b"h%d.example" % number) for number in range(9)), (0x82, b"\x1b[2J.example"))
        answer = identify(PeerName("dns", "portal.example"), many)
        assert answer.sentence == (
            '"portal.example" is not among its DNS names: "h0.example", "h1.example", "h2.example", "h3.example" '
            "and 6 more"
        )
        assert "names no host" in identify(PeerName("dns", "portal.example"), None).sentence
        assert "no IP addresses" in identify(PeerName("ip", "192.0.2.1"), many).sentence

    @given(st.binary(max_size=40))
    def test_any_extension_is_read_and_matches_nothing_by_accident(self, data: bytes) -> None:
        """Arbitrary bytes are a subjectAltName that says what is wrong; a malformed one matches nobody."""
        names = SubjectAltName.from_der(data)
        if names.malformed:
            assert not matches(
                PeerName("dns", "portal.example"),
                names,
                Name.from_text("CN=portal.example"),
                rule=NameRule(common_name=True),
            )

    def test_odd_entries_are_kept_and_say_why(self) -> None:
        """Entries that are malformed or of forms we do not compare stay visible."""
        names = raw_san(
            (0x87, b"\x7f\x00\x00"),
            (0x82, "büro.example".encode()),
            (0x88, b"\x2a\x03"),
            (0xA3, b""),
            (0xA5, b""),
            (0xA0, b"\x01"),
            (0xA4, b"\x01"),
            (0x9F, b""),
            (0x86, b"https://harbour.example/"),
        )
        assert names.malformed is not None
        names = raw_san(
            (0x87, b"\x7f\x00\x00"),
            (0x82, "büro.example".encode()),
            (0x88, b"\x2a\x03"),
            (0xA3, b""),
            (0xA5, b""),
            (0xA0, b"\x01"),
            (0xA4, b"\x01"),
            (0x89, b""),
            (0x86, b"https://harbour.example/"),
        )
        assert names.malformed is None
        assert [name.kind for name in names.names] == [
            "ip",
            "dns",
            "registered_id",
            "x400",
            "edi",
            "other",
            "directory",
            "other",
            "uri",
        ]
        assert [name.fault is not None for name in names.names] == [
            True,
            True,
            False,
            False,
            False,
            True,
            True,
            True,
            False,
        ]

    def test_directory_names(self) -> None:
        """A directory name in a subjectAltName is a name like any other."""
        entry = san(x509.DirectoryName(x509.Name.from_rfc4514_string("CN=a,O=b"))).names[0]
        assert entry.directory == Name.from_text("CN=a, O=b")
        assert isinstance(entry, GeneralName)

    def test_unlisted_common_names(self) -> None:
        """An issuer copies the common name from the names, character for character."""
        names = san("portal.example", "2001:db8::1")
        assert unlisted_common_names(Name.from_text("CN=portal.example"), names) == ()
        assert unlisted_common_names(Name.from_text("CN=2001:db8::1"), names) == ()
        assert unlisted_common_names(Name.from_text("CN=Portal.example"), names) == ("Portal.example",)
        assert unlisted_common_names(Name.from_text("CN=2001:DB8::1"), names) == ("2001:DB8::1",)

    @given(st.ip_addresses())
    def test_every_address_matches_itself(
        self, address: ipaddress.IPv4Address | ipaddress.IPv6Address
    ) -> None:
        """Whatever way an address is written, it is the address of a certificate that has its octets."""
        assert matches(PeerName("ip", address.exploded), san(str(address)))
