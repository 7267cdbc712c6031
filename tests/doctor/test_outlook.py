"""Whether a device, by its own listing, will trust what an endpoint presents."""

from __future__ import annotations

from datetime import UTC, datetime

from anchorwatch.devices import reading
from anchorwatch.devices.asa import certificate as screen
from anchorwatch.devices.fact import StoredCertificate
from anchorwatch.devices.moment import DeviceTime, Style
from anchorwatch.devices.printed_name import from_attributes
from anchorwatch.devices.span import Seen
from anchorwatch.doctor import outlook
from anchorwatch.doctor.case import split
from anchorwatch.doctor.outlook import Answer, Endpoint, Outlook
from anchorwatch.pki.catalogue import Catalogue
from anchorwatch.pki.certificate import Certificate
from anchorwatch.pki.name import PeerName
from anchorwatch.pki.truststore import TrustStore
from builders.certs import CA, Issued

NOW = datetime(2020, 6, 1, tzinfo=UTC)
ROOT = CA.root("CN=Harbour Root, O=Harbour\\, Inc., C=US")
OTHER = CA.root("CN=Other Root, C=US")
MIDDLE = ROOT.issue_ca("CN=Harbour Issuing 1, C=US")
LEAF = MIDDLE.issue_leaf("portal.example")
POLICY = "asa# show crypto ca trustpool policy\n{} trustpool certificates installed\n"


def read(issued: Issued) -> Certificate:
    return Certificate.from_der(issued.der)


ENDPOINT = Endpoint(
    name="portal.example", presented=(read(LEAF), read(MIDDLE)), peer=PeerName("dns", "portal.example")
)


def listing(*held: Issued) -> str:
    """A `show crypto ca trustpool` of these certificates."""

    def time(moment: datetime) -> Seen[DeviceTime]:
        return Seen(DeviceTime(wall=moment.replace(tzinfo=None), style=Style.CERTIFICATE))

    def block(certificate: Certificate) -> str:
        return screen.render(
            StoredCertificate(
                kind="CA Certificate",
                serial=Seen(f"{certificate.serial:x}"),
                issuer=Seen(from_attributes(certificate.issuer.attributes)),
                subject=Seen(from_attributes(certificate.subject.attributes)),
                not_before=time(certificate.not_before),
                not_after=time(certificate.not_after),
                trustpoints=Seen(("Trustpool",)),
            )
        )

    return "asa# show crypto ca trustpool detail\n" + "\n".join(map(block, map(read, held)))


def ask(text: str, *known: Issued, store: TrustStore | None = None) -> Outlook | None:
    (case,) = split(reading.read([("capture", text)]))
    return outlook.of(case, ENDPOINT, catalogue=Catalogue.of(map(read, known)), at=NOW, store=store)


def test_a_listed_and_recognised_anchor_is_fine() -> None:
    """The answer names the anchor, how it was recognised and until when it holds."""
    found = ask(listing(OTHER, ROOT), ROOT, OTHER)
    assert found is not None
    assert found.answer is Answer.FINE
    assert "“Harbour Root” is in its store, recognised by its serial number and issuer" in found.sentence


def test_a_listing_without_the_anchor_is_not_fine() -> None:
    """What would do is named."""
    found = ask(listing(OTHER), ROOT, OTHER)
    assert found is not None
    assert found.answer is Answer.NOT_FINE
    assert "any one of “Harbour Issuing 1”, “Harbour Root” would do" in found.sentence


def test_a_name_that_nobody_can_recognise_decides_nothing() -> None:
    """A CA listed by name, of which no certificate is known, may be the one; the answer stays open."""
    found = ask(listing(OTHER, ROOT), OTHER)
    assert found is not None
    assert found.answer is Answer.UNDECIDED
    assert len(found.open_entries) == 1


def test_a_pool_that_was_counted_and_not_listed_leaves_it_open() -> None:
    """Fourteen certificates that nobody listed may hold the anchor."""
    trustpoint = listing(OTHER).replace("Trustpool", "CALLHOME").replace("trustpool detail", "certificates")
    found = ask(trustpoint + "\n" + POLICY.format(14), ROOT, OTHER)
    assert found is not None
    assert found.answer is Answer.UNDECIDED
    assert "14 certificates that this output does not list" in found.sentence


def test_nothing_listed_gives_no_answer_unless_a_store_is_given() -> None:
    """Without a listing there is nothing to judge; a given store takes its place."""
    assert ask(POLICY.format(14), ROOT) is None
    found = ask(POLICY.format(14), ROOT, store=TrustStore.of([read(ROOT)]))
    assert found is not None
    assert found.answer is Answer.FINE
