"""The counters of an import."""

from datetime import UTC, datetime
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from anchorwatch.formats import read
from anchorwatch.formats.merge import merge
from anchorwatch.formats.writer import Form, write
from anchorwatch.pki.certificate import Certificate
from anchorwatch.pki.truststore import TrustStore
from builders.certs import CA
from formats.signers import ANCHORS

AT = datetime(2020, 1, 1, tzinfo=UTC)
OVER = Certificate.from_der(CA.root("Over", not_after=datetime(2019, 1, 1, tzinfo=UTC)).der)


def test_each_entry_goes_to_one_counter() -> None:
    """New, held, repeated, expired and unreadable entries are told apart and add up."""
    data = (
        write((*ANCHORS, OVER, ANCHORS[3]), Form.PEM)
        + b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----"
    )
    store = TrustStore.of(ANCHORS[:2], "pool")
    result = merge(store, read(data), at=AT)
    assert result.counters == {"attempted": 7, "installed": 2, "duplicates": 3, "expired": 1, "failed": 1}
    assert result.installed == ANCHORS[2:]
    assert result.expired == (OVER,)
    assert [anchor.certificate for anchor in result.store.anchors] == list(ANCHORS)
    assert len(store) == 2


def test_the_core_bundle_into_an_empty_pool(shared: Path) -> None:
    """In 2018 all of the core bundle is installed; in 2024 what has expired since is not."""
    bundle = read((shared / "pki/cisco/ios_core_v4_2017-01-11.p7b").read_bytes())
    early = merge(TrustStore.of(()), bundle, at=datetime(2018, 10, 5, tzinfo=UTC))
    assert early.counters == {"attempted": 17, "installed": 17, "duplicates": 0, "expired": 0, "failed": 0}
    late = merge(TrustStore.of(()), bundle, at=datetime(2024, 1, 1, tzinfo=UTC))
    assert [certificate.title for certificate in late.expired] == [
        "HydrantID SSL ICA G2",
        "QuoVadis Root Certification Authority",
    ]


@given(
    held=st.lists(st.sampled_from(ANCHORS)),
    brought=st.lists(st.sampled_from((*ANCHORS, OVER)), min_size=1),
)
def test_law_the_counters_add_up(held: list[Certificate], brought: list[Certificate]) -> None:
    """Attempted = installed + duplicates + expired + failed; a second import of the same installs nothing."""
    bundle = read(write(brought, Form.PKCS7))
    once = merge(TrustStore.of(held), bundle, at=AT)
    assert once.attempted == len(brought)
    assert once.counters["attempted"] == sum(list(once.counters.values())[1:])
    assert len(once.store) == len(set(held)) + len(once.installed)
    twice = merge(once.store, bundle, at=AT)
    assert twice.installed == ()
    assert twice.store == once.store
