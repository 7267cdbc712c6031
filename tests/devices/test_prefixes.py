"""What a tool wrote before or around a device's lines is taken off, and places still count in the file."""

from __future__ import annotations

import pytest

from anchorwatch.devices import capture

SCREEN = (
    "edge# show license all",
    "",
    "Smart Licensing is ENABLED",
    "",
    "Registration:",
    "  Status: REGISTERED",
    "  Smart Account: Example Works",
    "License Authorization:",
    "  Status: AUTHORIZED on Aug 04 07:18:13 2020 UTC",
)


@pytest.mark.parametrize(
    "prefix",
    ["[2020-09-04 10:00:01.123] ", "10:00:01 ", "10:00:01.250 | ", "2020-09-04 10:00:01 "],
    ids=["bracketed", "time", "time and bar", "date and time"],
)
def test_a_time_before_every_line(prefix: str) -> None:
    """A terminal program's clock is not the device's, and columns count in the file as it is."""
    lines = capture.clean("\n".join(prefix + line for line in SCREEN))
    assert [line.text for line in lines] == list(SCREEN)
    status = lines[5].whole
    assert (status.line, status.column, status.text) == (6, len(prefix) + 3, "Status: REGISTERED")


@pytest.mark.parametrize("form", ["{:4d}  {}", "{}: {}", "{:03d} | {}", "{}\t{}"])
def test_a_number_before_every_line(form: str) -> None:
    """Line numbers that count up are an editor's."""
    lines = capture.clean("\n".join(form.format(at, line) for at, line in enumerate(SCREEN, start=17)))
    assert [line.text for line in lines] == list(SCREEN)
    assert lines[5].whole.column == len(form.format(22, "")) + 3


def test_numbers_that_do_not_count_up_are_data() -> None:
    """A list of numbers belongs to the device."""
    text = "\n".join(f"{number} hits" for number in (5, 6, 9, 10, 12, 40))
    assert [line.text for line in capture.clean(text)] == text.split("\n")


def test_a_page_of_paragraphs_and_breaks() -> None:
    """A fragment of a page has no head; its breaks are tags all the same."""
    page = "<p>" + "<br/>\n".join(line.replace(" ", "&nbsp;") for line in SCREEN) + "</p>"
    assert [line.text for line in capture.clean(page) if line.text] == [line for line in SCREEN if line]


def test_a_tab_counts_as_one_character() -> None:
    """A collector parts its own columns by tabs; what stands behind them keeps its place."""
    (line,) = capture.clean("2020-09-04 10:00:01\tLocal4.Error\t192.0.2.1\t%ASA-3-717009: Certificate")
    assert line.text[line.text.index("%") :].startswith("%ASA-3-717009")
    assert line.text.index("%") == 43
