"""A diagnosis as a page: nothing runs, nothing is fetched, nothing a device printed becomes markup."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from anchorwatch.doctor.diagnosis import diagnose
from anchorwatch.web.report import render

CAPTURE = """asa# show logging
Mar 22 2016 13:26:32: %ASA-3-717009: Certificate validation failed. No suitable trustpoints found to validate \
certificate serial number: 25, subject name: cn=Harbour <b>Issuing</b>,c=US, issuer name: cn=Harbour Root,c=US .
asa# show version
"""


class Page(HTMLParser):
    """Tags, attributes and the words of marked passages."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.marked: list[str] = []
        self._inside = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "mark":
            self._inside = True
            self.marked.append("")

    def handle_endtag(self, tag: str) -> None:
        self._inside = self._inside and tag != "mark"

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.marked[-1] += data


@pytest.fixture(scope="module")
def page() -> Page:
    return Page(render(diagnose([("console", CAPTURE)])))


def test_the_evidence_is_marked_where_it_stood(page: Page) -> None:
    """The quoted words are marked in the input, and links lead there and back."""
    assert any("%ASA-3-717009" in words for words in page.marked)
    ids = {attributes["id"] for _, attributes in page.tags if attributes.get("id")}
    links = {(attributes.get("href") or "")[1:] for tag, attributes in page.tags if tag == "a"}
    assert links
    assert links <= ids


def test_nothing_runs_and_nothing_is_fetched(page: Page) -> None:
    """No script, no handler, no address outside the page."""
    assert not {"script", "link", "img", "iframe", "object"} & {tag for tag, _ in page.tags}
    for _, attributes in page.tags:
        assert not any(name.startswith("on") or name == "src" for name in attributes)
        assert (attributes.get("href") or "#").startswith("#")


def test_what_a_device_printed_is_never_markup(page: Page) -> None:
    """A name with angle brackets is shown, not obeyed."""
    assert "b" not in {tag for tag, _ in page.tags}
    assert any("<b>Issuing</b>" in words for words in page.marked)


def test_hidden_characters_are_spelled_out() -> None:
    """What turns text round in a browser is written as its code."""
    text = CAPTURE.replace("Harbour Root", "Harbour \u202egoR")
    assert "\u202e" not in render(diagnose([("console", text)]))


def test_no_secret_reaches_the_page() -> None:
    """A token typed in the capture is masked before anything is read."""
    token = "MTJhYzQ1Njc4OTBhYmNkZWYxMjM0NTY3ODkwYWJjZGVmLTE1NDk4NTA1%0AOTQ3MjV8ZzZzTExLa2hZ" * 2
    text = f"asa# license smart register idtoken {token} force\n" + CAPTURE
    assert token[:24] not in render(diagnose([("console", text)]))


def test_the_first_card_says_what_is_broken_what_it_affects_and_what_to_do_next() -> None:
    """The three lines for the one who is on the telephone; a healthy device shows the line that proves it."""
    broken = render(diagnose([("console", CAPTURE)]))
    assert broken.index("<dt>broken</dt>") < broken.index("<dt>affected</dt>") < broken.index("<dt>next</dt>")
    healthy = render(
        diagnose(
            [
                (
                    "log",
                    "Nov 20 2026 03:00:01 fw-a : %ASA-6-444306: %SMART_LIC-6-AUTH_RENEW_SUCCESS: Authorization renewal with Cisco licensing cloud successful.\n",
                )
            ]
        )
    )
    assert "<dt>works</dt>" in healthy
    assert "<dt>next</dt><dd>nothing</dd>" in healthy
