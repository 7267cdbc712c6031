"""What is read beside the screens: typed commands, pasted chains, debugs, and pages that lost an output."""

from __future__ import annotations

from anchorwatch.devices import debug, reading
from anchorwatch.devices.debug import DebugLine, Trouble
from anchorwatch.devices.fxos import trustpoint
from anchorwatch.devices.fxos.trustpoint import ChassisTrustpoint, TrustpointPaste
from anchorwatch.devices.repetition import Repeated
from anchorwatch.devices.screen import to_lines
from anchorwatch.devices.span import Seen
from anchorwatch.devices.typed import Typed

PAGE = """The portal moved, and the pool shows what was installed since then:
asa# license smart renew auth

If that does not help, install the certificate by hand in these steps:
asa# license smart renew auth
"""


def facts(text: str, kind: type) -> list[object]:
    return [item.fact for item in reading.read([("page", text)]).items if isinstance(item.fact, kind)]


def test_a_page_that_repeats_a_block_has_lost_another() -> None:
    """The same command under two sentences stands once where an output should."""
    (again,) = facts(PAGE, Repeated)
    assert isinstance(again, Repeated)
    assert (again.first.line, again.again.span.line, again.device) == (2, 5, "asa")


def test_a_console_capture_repeats_what_it_likes() -> None:
    """Without prose between them two equal outputs are two equal outputs."""
    assert facts("asa# license smart renew auth\n" * 3, Repeated) == []


def test_what_was_typed_keeps_its_place_and_no_secret() -> None:
    """Scope and star of the prompt are kept, an ID token is not."""
    text = (
        "FP9300-A /security/trustpoint* # set certchain\n"
        "asa(config)# license smart register idtoken NzY2ZGE5ZmQtNDU2Ny00ZjYyLWE0YjEtNTM4YzE2%0AfQ force\n"
    )
    chassis, asa = (fact for fact in facts(text, Typed) if isinstance(fact, Typed))
    assert chassis.pending
    assert chassis.scope == "/security/trustpoint*"
    assert asa.mode == "config"
    assert "NzY2" not in asa.command + asa.span.text


def test_only_the_bare_word_ends_a_paste() -> None:
    """A remark behind ENDOFBUF makes it one more line of the certificate."""
    head = "FP9300-A /security/trustpoint* # set certchain\n" + trustpoint.render_paste("MII").replace(
        ">", ">"
    )
    (good,) = facts(head, TrustpointPaste)
    (bad,) = facts(head + " <--- type this", TrustpointPaste)
    assert isinstance(good, TrustpointPaste)
    assert isinstance(bad, TrustpointPaste)
    assert good.ended == Seen(True)
    assert bad.ended == Seen(False)


def test_a_chassis_lists_its_trustpoints() -> None:
    """Name and status of each entry are read, whatever chain stands between them."""
    held = ChassisTrustpoint(name=Seen("quovadis"), status=Seen("Valid"))
    (found,) = trustpoint.parse(to_lines(trustpoint.render(held, "-----BEGIN CERTIFICATE-----\nAA==")))
    assert found.fact == held


def test_the_words_of_a_tls_library_are_sorted() -> None:
    """What failed is told by the words: trust, protocol, or no TLS at all."""
    assert debug.complaint("SSL3_GET_SERVER_CERTIFICATE:certificate verify failed") is Trouble.NOT_VERIFIED
    assert debug.complaint("CRYPTO_PKI: No suitable trustpoints found") is Trouble.NO_ANCHOR
    assert debug.complaint("sslv3 alert handshake failure") is Trouble.NO_COMMON_PROTOCOL
    assert debug.complaint("all is well") is None
    line = DebugLine(trouble=Trouble.NO_ANCHOR, text=Seen("CRYPTO_PKI: (A00C) No suitable trustpoints found"))
    assert [found.fact for found in debug.parse(to_lines(debug.render(line)))] == [line]
