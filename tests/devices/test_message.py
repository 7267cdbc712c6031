import time
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchorwatch.devices.asa import message
from anchorwatch.devices.log_detail import (
    AutomaticImport,
    CallHomeMessage,
    CertificateEnds,
    ChainReceived,
    ClientIdentified,
    Handshake,
    IssuerUnsuitable,
    LibraryError,
    LogDetail,
    NameUnresolved,
    NoTrustpoint,
    OutsideValidity,
    RevocationTrouble,
    TrustpointChosen,
    ValidationFailed,
)
from anchorwatch.devices.moment import DeviceTime, Style
from anchorwatch.devices.printed_name import PrintedName

words = st.from_regex(r"[A-Za-z][A-Za-z0-9-]{0,9}( [A-Za-z0-9-]{1,9}){0,3}", fullmatch=True)
values = st.lists(words, min_size=1, max_size=2).map(", ".join)
names = st.lists(st.tuples(st.sampled_from(["cn", "ou", "o", "l"]), values), min_size=1, max_size=4).map(
    lambda attributes: PrintedName(tuple(attributes))
)
serials = st.integers(1, 2**127).map(lambda number: f"{number:X}")
hosts = st.sampled_from(["tools.cisco.com", "crl.example"])
points = st.sampled_from(["_SmartCallHome_ServerCA", "ASDM_TrustPoint0"])
days = st.datetimes(datetime(2010, 1, 1), datetime(2040, 1, 1)).map(  # noqa: DTZ001 - wall clocks
    lambda wall: DeviceTime(wall=wall.replace(microsecond=0), style=Style.CERTIFICATE)
)
ends = {"kind": st.sampled_from(["CA", "ID"]), "trustpoint": points, "expiration": days, "subject": names}
ends |= {"issuer": names, "serial": serials}
call_home = {
    "group": st.sampled_from(["inventory", "test"]),
    "destination": st.just("https://tools.cisco.com/x"),
}

said: st.SearchStrategy[tuple[str, LogDetail]] = st.one_of(
    st.tuples(st.just("717009"), st.builds(NoTrustpoint, serial=serials, subject=names, issuer=names)),
    st.tuples(st.sampled_from(["717009", "717027"]), st.builds(ValidationFailed, reason=words)),
    st.tuples(st.just("717031"), st.builds(IssuerUnsuitable, issuer=names, reason=words)),
    st.tuples(st.just("717030"), st.builds(TrustpointChosen, trustpoint=points)),
    st.tuples(st.just("717025"), st.builds(ChainReceived, length=st.integers(1, 9))),
    st.tuples(st.just("717029"), st.builds(ClientIdentified, serial=serials, subject=names)),
    st.tuples(st.just("717054"), st.builds(CertificateEnds, **ends, days=st.integers(0, 99))),
    st.tuples(st.just("717055"), st.builds(CertificateEnds, **ends, days=st.none())),
    st.tuples(st.just("717057"), st.builds(AutomaticImport, succeeded=st.just(False), reason=words)),
    st.tuples(st.just("717058"), st.builds(AutomaticImport, succeeded=st.just(True), reason=words)),
    st.tuples(st.just("717026"), st.builds(NameUnresolved, host=hosts)),
    st.tuples(
        st.just("717010"),
        st.builds(RevocationTrouble, method=st.just("crl"), subject=points, reason=st.just("")),
    ),
    st.tuples(
        st.just("717032"),
        st.builds(RevocationTrouble, method=st.just("ocsp"), subject=st.just(""), reason=words),
    ),
    st.tuples(st.just("725014"), st.builds(LibraryError, function=st.just("SSL3_READ"), reason=words)),
    st.tuples(
        st.just("120005"), st.builds(CallHomeMessage, **call_home, fate=st.just("dropped"), reason=words)
    ),
    st.tuples(
        st.just("120006"), st.builds(CallHomeMessage, **call_home, fate=st.just("failed"), reason=words)
    ),
    st.tuples(
        st.just("120007"),
        st.builds(CallHomeMessage, **call_home, fate=st.just("delivered"), reason=st.just("")),
    ),
    st.tuples(
        st.sampled_from(["725001", "725002", "725006"]),
        st.builds(
            Handshake,
            peer=st.sampled_from(["server", "client"]),
            interface=st.sampled_from(["outside", "mgmt-1"]),
            address=st.ip_addresses(v=4).map(str),
            port=st.integers(1, 65535),
            to_address=st.ip_addresses(v=4).map(str),
            to_port=st.integers(1, 65535),
        ),
    ),
    st.tuples(
        st.just("CERTIFICATE_INVALID_EXPIRED"),
        st.builds(OutsideValidity, fault=st.just("expired"), serial=serials, limit=days),
    ),
    st.tuples(
        st.just("CERTIFICATE_INVALID_NOT_YET_VALID"),
        st.builds(OutsideValidity, fault=st.just("not-yet-valid"), serial=serials, limit=days),
    ),
    st.tuples(
        st.just("SL_MESSAGE_FAILED"),
        st.builds(
            CallHomeMessage,
            fate=st.just("failed"),
            group=st.just("Smart Licensing"),
            destination=st.just("https://tools.cisco.com/x"),
            reason=words,
            number=st.integers(100, 300),
        ),
    ),
)


@given(said)
def test_what_a_message_says_is_read_again(pair: tuple[str, LogDetail]) -> None:
    """Every kind of news reads back from the words the device would use."""
    code, detail = pair
    assert message.understand(code, message.express(code, detail)) == detail


@given(said)
def test_lost_blanks_do_not_matter(pair: tuple[str, LogDetail]) -> None:
    """A message that lost every blank between its own words still tells which kind of news it is."""
    code, detail = pair
    text = message.express(code, detail)
    understood = message.understand(code, text.replace("  ", " ").replace(": ", ":").replace(". ", "."))
    assert type(understood) is type(detail)


@pytest.mark.parametrize(
    ("code", "text", "reason"),
    [
        (
            "717057",
            (
                "Automatic import of trustpool certificate bundle has failed. < Maximum retry attempts reached. "
                "Failed to reach CA server>"
            ),
            "Maximum retry attempts reached. Failed to reach CA server",
        ),
        (
            "717009",
            "Certificate validation failed. Peer certificate key usage is invalid",
            "Peer certificate key usage is invalid",
        ),
        ("120006", "Call-Home message to https://tools.cisco.com/x failed. Reason: NO_ROUTE", "NO_ROUTE"),
    ],
)
def test_reasons_are_kept_in_the_words_of_the_device(code: str, text: str, reason: str) -> None:
    """What stands behind a failure is the evidence, so its words stay."""
    detail = message.understand(code, text)
    assert detail is not None
    assert getattr(detail, "reason") == reason  # noqa: B009 - several kinds of news carry one


@pytest.mark.parametrize("filling", [" ", ", issuer name:", "Subject Name Issuer Name ", "cn=", "((("])
@pytest.mark.parametrize("code", sorted(message.FORMS))
def test_hostile_texts_are_read_in_bounded_time(code: str, filling: str) -> None:
    """A megabyte of text that nearly fits costs no more than a fraction of a second."""
    forms = message.FORMS[code]
    began = time.perf_counter()
    for form in forms:
        start = form.pattern.pattern.split("(")[0].replace(r"\s*", " ").replace("\\", "").replace("?", "")
        message.understand(code, start + filling * (1_000_000 // len(filling)))
    assert time.perf_counter() - began < 2
