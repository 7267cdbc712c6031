import re
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchorwatch.devices import selection
from anchorwatch.devices.asa import syslog
from anchorwatch.devices.selection import select
from anchorwatch.devices.transcript import split

NOISE = (
    "<166>Mar 22 2016 09:00:{s:02d} fw-1 : %ASA-6-302013: Built outbound TCP connection {n} for outside:192.0.2.7/443",
    "<164>Mar 22 2016 09:00:{s:02d} fw-1 : %ASA-4-106023: Deny tcp src outside:192.0.2.9/{n} dst inside:10.7.17.1/22",
    "Mar 22 2016 09:00:{s:02d} fw-1 : %ASA-5-304001: 10.0.0.1 Accessed URL 192.0.2.1:http://example.org/-717009/{n}",
    "Mar 22 2016 09:00:{s:02d} fw-1 : %ASA-5-111008: User 'u' executed the 'show conn' command.",
)
WANTED = (
    (
        "<163>Mar 22 2016 09:00:{s:02d} fw-1 : %ASA-3-717009: Certificate validation failed. No suitable trustpoints found "
        "to validate certificate serial number: 5{v}, subject name: cn=A,c=US, issuer name: cn=B,c=US ."
    ),
    (
        "Mar 22 2016 09:00:{s:02d} fw-{v} : %FTD-ssl-6-725001: Starting SSL handshake with server outside:192.0.2.2/{n} to "
        "192.0.2.8/443 for TLSv1 session."
    ),
    "<165>Mar 22 2016 09:00:{s:02d}: %ASA-7-444303: %SMART_LIC-3-COMM_FAILED: Communications failure {v}",
    "000123: *Mar  1 09:00:{s:02d}.123: %SMART_LIC-3-AGENT_REG_FAILED: failed: {v}",
    "RP/0/RSP0/CPU0:2022 Feb  6 09:00:{s:02d}.1 : smartlicserver[1]: %LICENSE-SMART_LIC-3-COMM_FAILED : {v}",
    "Mar 22 2016 09:00:{s:02d} fw-1 : %ASA-5-111008: User 'u' executed the 'crypto ca trustpool import {v}' command.",
    "Mar 22 2016 09:00:{s:02d} %PKI-3-CRL_FETCH_FAIL: CRL fetch for trustpoint T{v} failed\nReason : Enrollment URL",
)


@st.composite
def logs(draw: st.DrawFn) -> str:
    """A log of noise and messages of interest, each said a few times."""
    random = Random(draw(st.integers(0, 2**32)))
    lines = [
        random.choice(WANTED if random.random() < 0.3 else NOISE).format(
            s=random.randrange(60), n=random.randrange(1024, 65536), v=random.randrange(3)
        )
        for _ in range(draw(st.integers(0, 60)))
    ]
    return "\n".join(lines) + draw(st.sampled_from(["", "\n"]))


_SAME = (
    r"<\d+>",
    r"(?:\*?[A-Z][a-z]{2} +\d+ (?:\d{4} )?)?\d\d:\d\d:\d\d(?:\.\d+)?",
    r"(?<=2)/\d+",
    r"^000123: ",
)


def plainly(text: str) -> dict[str, list[int]]:
    """The same by looking at each line: what is said → the numbers of the lines that say it."""
    found: dict[str, list[int]] = {}
    lines = text.split("\n")
    for number, line in enumerate(lines, start=1):
        header = re.search(r"%(\w+-)+\d-(717009|725001|444303|[A-Z_]+_FAIL(ED)?) ?:|'crypto", line)
        if header:
            said = line + (lines[number] if "CRL_FETCH" in line else "")
            for pattern in _SAME:
                said = re.sub(pattern, "", said)
            found.setdefault(said, []).append(number)
    return found


def cut(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


@given(text=logs(), size=st.integers(1, 700))
def test_the_selection_is_what_a_look_at_each_line_finds(text: str, size: int) -> None:
    """However a log is cut, counts, first and last occurrences and numbers of lines are those of a plain search."""
    data = text.encode()
    chosen = select(cut(data, size))
    expected = plainly(text)
    assert sorted(
        (kept.count, kept.first[0].number, (kept.last or kept.first)[0].number) for kept in chosen.kept
    ) == (sorted((len(numbers), numbers[0], numbers[-1]) for numbers in expected.values()))
    lines = text.split("\n")
    for line in chosen.lines:
        assert line.text == lines[line.number - 1]
    assert (chosen.line_count, chosen.size, chosen.unkept) == (len(lines), len(data), 0)


def test_the_lines_a_reason_continues_on_come_along() -> None:
    """A message wrapped by a terminal is kept with its other lines, and the message behind it is not part of it."""
    text = (
        "noise\n"
        "Mar 22 2016 09:00:00 fw : %ASA-3-717009: Certificate validation failed. No suitable trustpoints found to val\n"
        "idate certificate serial number: 51, subject name: cn=A,c=US, issuer name: cn=B\n"
        ",c=US .\n"
        "Mar 22 2016 09:00:01 fw : %ASA-6-302013: Built\n"
    )
    for size in (7, 1000):
        chosen = select(cut(text.encode(), size))
        assert [line.number for line in chosen.lines] == [2, 3, 4]
        (logged,) = split(chosen.lines).logged
        (message,) = syslog.parse(logged.lines)
        assert message.detail is not None


def test_a_log_without_line_ends_is_read_too() -> None:
    """Messages that all stand on one line of megabytes are found, each once, in bounded memory."""
    message = "Mar 22 2016 09:00:00 fw : %ASA-3-717027: Certificate chain failed validation. No suitable trustpoint. "
    noise = "Mar 22 2016 09:00:00 fw : %ASA-6-302016: Teardown UDP connection for outside " * 200
    data = ((message + noise) * 60).encode()
    chosen = select(cut(data, 100_000))
    assert chosen.counts == {"717027": 60}
    assert chosen.line_count == 1


def test_several_messages_on_one_line_are_told_apart() -> None:
    """Each message of a line counts by itself, with the column at which its words stand."""
    one = "%ASA-3-717027: no trustpoint "
    two = "%ASA-3-444303: %SMART_LIC-3-COMM_FAILED: no answer "
    line = "09:00:00 " + one + two + "%ASA-6-302013: noise " + one
    chosen = select([f"noise\n{line}\n".encode()])
    assert chosen.counts == {"717027": 2, "444303": 1}
    for kept in chosen.lines:
        assert line[kept.offset :].startswith(kept.text[:20])
        assert kept.number == 2


@pytest.mark.parametrize(
    "rubbish", [b"-717", b"-717\n", b"%ASA-5-111008: x", b"%ASA-", b"SMART_LIC-", b"\n", b"%-1110"]
)
def test_rubbish_made_of_our_words_takes_no_longer(rubbish: bytes) -> None:
    """Millions of words that begin no message are passed by; nothing of them is kept."""
    data = rubbish * (2_000_000 // len(rubbish))
    chosen = select(cut(data, 1 << 20))
    assert (chosen.kept, chosen.size) == ((), len(data))


def test_beyond_the_budget_new_words_are_counted_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory has a limit; what says something new beyond it is counted, and what is known is counted on."""
    monkeypatch.setattr(selection, "BUDGET", 2_000)
    lines = [f"09:00:00 %ASA-3-717027: reason {number % 50}" for number in range(150)]
    chosen = select(["\n".join(lines).encode()])
    kept = sum(each.count for each in chosen.kept)
    assert 0 < len(chosen.kept) < 50
    assert kept == 3 * len(chosen.kept)
    assert chosen.unkept == 150 - kept


def test_line_ends_are_counted_the_same_with_and_without_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The quick way of counting and the plain one give the same numbers."""
    pytest.importorskip("numpy", reason="numpy, which is optional, is not installed")
    data = b"noise\n" * 50_000 + b"09:00:00 %ASA-3-717027: x\n" + b"n\n" * 70_000
    quick = select(cut(data, 200_000))
    monkeypatch.setattr(selection, "load_numpy", lambda: None)
    assert select(cut(data, 200_000)) == quick
    assert quick.lines[0].number == 50_001


def test_progress_is_told_in_octets() -> None:
    """Whoever waits is told how much is done, up to all of it."""
    told: list[int] = []
    data = b"09:00:00 %ASA-6-302013: Built\n" * 1000
    select(cut(data, 4096), progress=told.append)
    assert told == sorted(told)
    assert told[-1] == len(data)


def test_nothing_in_a_selected_line_moves_a_cursor() -> None:
    """Terminal escapes in a log are taken off the kept lines."""
    chosen = select([b"09:00:00 %ASA-3-717027: \x1b[2Jx\x1b]0;t\x07 y\r\n"])
    assert all(line.text.isprintable() for line in chosen.lines)
    assert chosen.counts == {"717027": 1}
