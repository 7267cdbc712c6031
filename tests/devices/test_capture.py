from hypothesis import given
from hypothesis import strategies as st

from anchorwatch.devices.capture import clean, decode


def texts(text: str) -> list[str]:
    return [line.text for line in clean(text)]


def test_terminal_escapes_are_taken_off() -> None:
    """Colours, titles and cursor movements of a console log leave only the words."""
    assert texts("\x1b[32mStatus\x1b[0m: \x1b]0;title\x07REGISTERED\x1b[K") == ["Status: REGISTERED"]


def test_pager_marks_are_taken_off() -> None:
    """The pager's mark and the blanks that overwrite it vanish, whichever platform wrote it."""
    assert texts("a\n<--- More --->\r              \rb\n --More-- \x08\x08\x08\x08c") == ["a", "b", "c"]


def test_every_line_ending_is_a_line_ending() -> None:
    """Windows, Unix, old Macintosh and doubled carriage returns cut the same lines."""
    for ending in ("\n", "\r\n", "\r\r\n", "\r"):
        assert texts(ending.join(("one", "two", "three"))) == ["one", "two", "three"]


def test_backspaces_erase() -> None:
    """A corrected command reads as it was corrected."""
    assert texts("show vre\x08\x08\x08version") == ["show version"]


def test_markdown_of_a_saved_page_is_taken_off() -> None:
    """Fences, bold and links of a page saved as text vanish; the comma of a device keeps its backslash."""
    page = "```\n**Status:** [%ASA-3-717009:](#) o=VeriSign\\, Inc. \\_SmartCallHome\\_ServerCA\n```"
    assert texts(page) == ["", "Status: %ASA-3-717009: o=VeriSign\\, Inc. _SmartCallHome_ServerCA", ""]


def test_mail_quotation_marks_are_taken_off() -> None:
    """Three quoted lines are a mail; the column still counts the mark."""
    lines = clean("> one\n> two\n> three")
    assert [line.text for line in lines] == ["one", "two", "three"]
    assert lines[1].whole.column == 3


def test_the_tags_of_a_saved_page_are_taken_off() -> None:
    """A page saved with its tags gives the device's lines; a device's own angle brackets stay."""
    page = (
        "<html><head><title>x</title></head><body>\n<pre>Features Authorized:\n  &lt;none&gt;<br>Type: <b>cslu</b>\n"
        "Address: <empty></pre></body></html>"
    )
    words = [text.strip() for text in texts(page) if text.strip()]
    assert words == ["Features Authorized:", "<none>", "Type: cslu", "Address: <empty>"]
    assert [line.number for line in clean(page) if line.text.startswith("Address")] == [4]


def test_the_times_of_a_terminal_program_are_taken_off() -> None:
    """A logger's stamp before every line is not the device's."""
    stamped = "\n".join(f"[2024-01-05 10:11:1{n}.123] {word}" for n, word in enumerate("abcdef"))
    assert texts(stamped) == list("abcdef")


def test_the_times_of_a_syslog_file_stay() -> None:
    """The times before logged messages are evidence."""
    logged = "\n".join(f"2024-01-05T10:11:1{n}Z fw %ASA-6-725002: x" for n in range(6))
    assert texts(logged) == logged.split("\n")


def test_long_runs_of_blank_lines_cost_nothing() -> None:
    """A million empty lines leave a few, and the line behind them keeps its number."""
    lines = clean("\n" * 1_000_000 + "end")
    assert len(lines) < 10
    assert lines[-1].number == 1_000_001


def test_a_lone_mark_is_data() -> None:
    """One line that starts with the mark is left alone: the FXOS prompts for a paste with it."""
    assert texts(">ENDOFBUF") == [">ENDOFBUF"]


def test_any_encoding_is_read() -> None:
    """UTF-8, UTF-16 with and without its mark, and Windows Latin all become text."""
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"):
        assert decode("Status: REGISTERED für ACME".encode(encoding)) == "Status: REGISTERED für ACME"


def test_a_line_without_end_is_cut() -> None:
    """A million characters without a line end become pieces of bounded length with one number."""
    lines = clean("x" * 1_000_000)
    assert max(len(line.text) for line in lines) <= 65_536
    assert {line.number for line in lines} == {1}


@given(st.text() | st.binary().map(decode))
def test_nothing_that_moves_a_cursor_leaves(text: str) -> None:
    """Whatever goes in, no control character comes out, and lines keep their order."""
    lines = clean(text)
    assert all(character.isprintable() or ord(character) > 0x9F for line in lines for character in line.text)
    assert [line.number for line in lines] == sorted(line.number for line in lines)
