"""One step on a device over real SSH: what is typed, what is answered, and where it stops."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from anchorwatch.base.secret import DOTS, Secret
from anchorwatch.devices.asa import step as asa
from anchorwatch.devices.asa import trust_step
from anchorwatch.devices.fact import Platform
from anchorwatch.devices.fxos import step as fxos
from anchorwatch.devices.step import Expected, Place, Question, Step, Typed
from anchorwatch.fleet.carrying import Carried, carry
from anchorwatch.fleet.filling import BadFilling, Filling
from anchorwatch.fleet.visit import visiting
from anchorwatch.net.target import Access, Patience, Target
from anchorwatch.pki.certificate import Certificate
from builders.certs import CA
from builders.ssh_device import PASSWORD, Io, SshDevice, Talk

QUICK = Patience(
    connect=timedelta(seconds=5),
    moment=timedelta(milliseconds=15),
    silence=timedelta(seconds=2),
    command=timedelta(seconds=20),
)
ASA = Place(platform=Platform.ASA)
FXOS = Place(platform=Platform.FXOS, scope="top")
NOTHING = Filling({})
ROOT = Certificate.from_der(
    CA.root(
        "Harbour Root",
        not_before=datetime(2010, 1, 1, tzinfo=UTC),
        not_after=datetime(2040, 1, 1, tzinfo=UTC),
    ).der
)
TOKEN = "NjBhOTQ4ZTItZTg1Ny00Z%0AMTU4LTk3ZjMt%3D"


def on(
    talk: Talk,
    step: Step,
    folder: Path,
    *,
    filling: Filling = NOTHING,
    platform: Platform = Platform.ASA,
    stop: Callable[[], bool] = lambda: False,
) -> tuple[Carried, list[str], str]:
    """Carry a step out on a device that talks so: what came of it, what was typed since, and the transcript."""
    with SshDevice(talk) as device:
        access = Access(password=lambda: Secret(PASSWORD), known_hosts=(device.known_hosts(folder),))

        async def act() -> tuple[Carried, int, str]:
            async with visiting(Target.parse(device.url), access, platform=platform, patience=QUICK) as visit:
                arrived = len(device.typed)
                return await carry(visit, step, filling, stop=stop), arrived, visit.transcript()

        carried, arrived, transcript = asyncio.run(act())
        return carried, device.typed[arrived:], transcript


def trustpoint_asa(md5: str, *, broken_line: int = 0, fresh: bool = False) -> Talk:
    """An ASA that takes a certificate and shows a fingerprint for it; it may leave the paste at a line."""

    async def talk(io: Io) -> None:
        mode, fresh_now = "", fresh
        while True:
            line = await io.line(f"asa-3{mode}# ")
            match line.split():
                case ["terminal", *_]:
                    pass
                case ["configure", "terminal"]:
                    if fresh_now:
                        io.print("Help to improve the product.")
                        await io.line("Would you like to enable reporting? [Y]es, [N]o, [A]sk later: ")
                        fresh_now = False
                    mode = "(config)"
                case ["crypto", "ca", "trustpoint", _]:
                    mode = "(config-ca-trustpoint)"
                case ["enrollment" | "validation-usage" | "revocation-check", *_]:
                    pass
                case ["exit"]:
                    mode = "(config)"
                case ["end"]:
                    mode = ""
                case ["crypto", "ca", "authenticate", _]:
                    await _paste(io, md5, broken_line)
                    mode = "(config)"
                case _:
                    io.print("ERROR: % Invalid input detected at '^' marker.")

    return talk


async def _paste(io: Io, md5: str, broken_line: int) -> None:
    io.print('Enter the base 64 encoded CA certificate.\nEnd with the word "quit" on a line by itself\n')
    count = 0
    while await io.line("") != "quit":
        count += 1
        if count == broken_line:
            io.print("ERROR: Failed to parse certificate")
            return
    io.print(f"\nINFO: Certificate has the following attributes:\nFingerprint:     {md5}")
    if await io.line("Do you accept this certificate? [yes/no]: ") == "yes":
        io.print("\nTrustpoint CA certificate accepted.\n\n% Certificate successfully imported")
    else:
        io.print("% The certificate was not accepted")


def add() -> Step:
    return trust_step.add_trustpoint(ASA, ROOT, letting_in="one CA")


def test_a_certificate_is_pasted_and_accepted_by_its_fingerprint(tmp_path: Path) -> None:
    """The dialog is answered with yes only below the fingerprint that the step knows."""
    talk = trustpoint_asa(trust_step.grouped(ROOT.md5))
    carried, typed, transcript = on(talk, add(), tmp_path)
    assert carried.surprise == ""
    assert typed == [*list(add().typed)[:-2], "quit", "yes", "end"]
    assert "Trustpoint CA certificate accepted." in transcript


def test_another_fingerprint_is_answered_with_no(tmp_path: Path) -> None:
    """What the device read is not what was pasted: it is not accepted, and the step has failed."""
    carried, typed, _ = on(trustpoint_asa("0000 1111"), add(), tmp_path)
    assert "without" in carried.surprise
    assert carried.settled
    assert typed[-2:] == ["no", "end"]


@pytest.mark.parametrize("line", [1, 4])
def test_a_paste_that_the_device_leaves_is_stopped(tmp_path: Path, line: int) -> None:
    """Not one line of the certificate is typed at the prompt that came back, and the cleanup leaves the mode."""
    carried, typed, _ = on(trustpoint_asa("0", broken_line=line), add(), tmp_path)
    assert "Failed to parse certificate" in carried.surprise
    assert carried.settled
    assert typed[-1] == "end"
    assert len(typed) == 8 + line


def test_the_question_of_a_fresh_device_is_answered_with_later(tmp_path: Path) -> None:
    """It decides nothing for the device's owner."""
    talk = trustpoint_asa(trust_step.grouped(ROOT.md5), fresh=True)
    carried, typed, _ = on(talk, add(), tmp_path)
    assert carried.surprise == ""
    assert typed[:2] == ["configure terminal", "A"]


def plain(host: str, answer: Callable[[Io, str], None] | str, *, ask: str = "") -> Talk:
    """A device with one command; it may ask something behind it."""

    async def talk(io: Io) -> None:
        while True:
            line = await io.line(f"{host}# ")
            if line.startswith("terminal") or not line:
                continue
            if isinstance(answer, str):
                io.print(answer)
            else:
                answer(io, line)
            if ask:
                await io.line(ask)

    return talk


def looks(*texts: str, questions: tuple[Question, ...] = (), failure: tuple[str, ...] = ()) -> Step:
    shown = asa.check_clock(ASA)
    return replace(
        shown,
        lines=(Typed(text="show clock", questions=questions), Typed(text="show ntp status")),
        expected=Expected(sentence="as expected", texts=texts),
        failure=failure or shown.failure,
    )


def test_a_question_that_nobody_foresaw_is_answered_with_nothing(tmp_path: Path) -> None:
    """Ctrl-C leaves it; nothing that could be an answer is typed, and the next line is not."""
    carried, typed, _ = on(plain("asa-3", "x", ask="Erase everything? [confirm]"), looks(), tmp_path)
    assert "Erase everything" in carried.surprise
    assert typed == ["show clock", "^C"]
    assert carried.settled


def test_a_question_that_must_come_and_does_not_is_a_surprise(tmp_path: Path) -> None:
    """The dialog is not the one the step was written for."""
    question = Question(text="Do you want to continue? (y/n)", reply="y", one_key=True)
    carried, typed, _ = on(plain("asa-3", "x"), looks(questions=(question,)), tmp_path)
    assert "did not lead to the question" in carried.surprise
    assert typed == ["show clock"]


def test_a_mark_of_failure_stops_at_once(tmp_path: Path) -> None:
    """The lines after it are not typed."""
    carried, typed, _ = on(plain("asa-3", "WARNING: look"), looks(failure=("WARNING:",)), tmp_path)
    assert "WARNING: look" in carried.surprise
    assert typed == ["show clock"]


def test_an_expected_text_must_be_output(tmp_path: Path) -> None:
    """The echo of a command, or a line of the log that quotes it, is not what a step waits for."""

    def answers(io: Io, line: str) -> None:
        io.print(f"%ASA-5-111008: User 'admin' executed the '{line} accepted' command.\nnothing")

    step = looks("clock accepted")
    carried, typed, _ = on(plain("asa-3", answers), step, tmp_path)
    assert carried.surprise == "the device did not print “clock accepted”"
    assert len(typed) == 2
    fine, _, _ = on(plain("asa-3", "clock accepted"), step, tmp_path)
    assert fine.surprise == ""


def test_a_wish_to_stop_is_heard_between_lines(tmp_path: Path) -> None:
    """The line that was typed is waited for, the next is not typed."""
    asked: list[int] = []

    def stop() -> bool:
        asked.append(1)
        return len(asked) > 1

    carried, typed, _ = on(plain("asa-3", "x"), looks(), tmp_path, stop=stop)
    assert carried.surprise == "somebody stopped it"
    assert typed == ["show clock"]


def test_a_token_is_typed_whole_and_told_nowhere(tmp_path: Path) -> None:
    """Percent signs and all; the transcript shows dots."""
    step = asa.register(ASA, force=False)
    filling = Filling({"ID token": Secret(TOKEN)})
    carried, typed, transcript = on(
        plain("asa-3", lambda io, line: io.print(f"INFO: {line}")), step, tmp_path, filling=filling
    )
    assert carried.surprise == ""
    assert typed == [f"license smart register idtoken {TOKEN}"]
    assert TOKEN not in transcript
    assert TOKEN not in repr(carried)
    assert f"idtoken {DOTS}" in transcript


@pytest.mark.parametrize("value", ["", "a b", "a\nreload", "x?", "<name>", "é", "a" * 300])
def test_a_value_is_one_word(value: str) -> None:
    """It cannot add words, lines, help or blanks; and a secret that is none is not told."""
    with pytest.raises(BadFilling) as caught:
        Filling({"ID token": Secret(value)})
    assert not value.strip() or value not in str(caught.value)


def test_a_missing_value_stops_before_anything_is_typed(tmp_path: Path) -> None:
    """All lines are filled in before the first one goes out."""
    with pytest.raises(BadFilling, match="DNS server"):
        on(plain("asa-3", ""), asa.name_server(ASA), tmp_path, filling=Filling({"interface": "outside"}))


def chassis(*, refuse: bool = False) -> Talk:
    """An FXOS whose changes wait for a commit, which may be refused."""

    async def talk(io: Io) -> None:
        scope, star = "", ""
        while True:
            line = await io.line(f"FP9300-A{f' {scope}{star} ' if scope else star}# ")
            match line.split():
                case ["terminal", *_] | []:
                    pass
                case ["top"]:
                    scope = ""
                case ["scope", "security"]:
                    scope = "/security"
                case ["enter", "trustpoint", _]:
                    scope, star = "/security/trustpoint", "*"
                case ["set", "certchain"]:
                    io.print(
                        "Enter lines one at a time. Enter ENDOFBUF to finish. Press ^C to abort.\n"
                        "Trustpoint Certificate Chain:"
                    )
                    while await io.line(">") != "ENDOFBUF":
                        pass
                case ["commit-buffer"] if refuse:
                    io.print("Error: Update failed: [certificate chain is not valid]")
                case ["commit-buffer" | "discard-buffer"]:
                    star = ""
                case _:
                    io.print("% Invalid Command at '^' marker")

    return talk


def fxos_add() -> Step:
    return fxos.add_trustpoint(FXOS, "Harbour Root", ROOT.sha256, ROOT, letting_in="one CA")


def test_a_chassis_takes_a_certificate_and_commits(tmp_path: Path) -> None:
    """Each pasted line has its prompt, and at the end no prompt carries a star."""
    carried, typed, _ = on(chassis(), fxos_add(), tmp_path, platform=Platform.FXOS)
    assert carried.surprise == ""
    assert typed == list(fxos_add().typed)


def test_a_refused_commit_is_discarded(tmp_path: Path) -> None:
    """What was not committed is thrown away, and the device stands at the top again."""
    carried, typed, _ = on(chassis(refuse=True), fxos_add(), tmp_path, platform=Platform.FXOS)
    assert "certificate chain is not valid" in carried.surprise
    assert carried.settled
    assert typed[-3:] == ["commit-buffer", "discard-buffer", "top"]


def test_a_certificate_from_a_file_is_pasted_where_the_step_has_a_blank(tmp_path: Path) -> None:
    """A step that only names its certificate gets it from whoever carries it out."""
    step = fxos.add_trustpoint(FXOS, "Harbour Root", ROOT.sha256, None, letting_in="one CA")
    carried, typed, _ = on(
        chassis(), step, tmp_path, platform=Platform.FXOS, filling=Filling({"certificate": ROOT.pem})
    )
    assert carried.surprise == ""
    assert typed == list(fxos_add().typed)


def test_the_platform_is_asked_and_not_guessed(tmp_path: Path) -> None:
    """`show version` tells; a device that tells nothing is left alone."""

    async def who(talk: Talk) -> str:
        with SshDevice(talk) as device:
            access = Access(password=lambda: Secret(PASSWORD), known_hosts=(device.known_hosts(tmp_path),))
            async with visiting(Target.parse(device.url), access, patience=QUICK) as visit:
                return f"{visit.speaks.name} {visit.device} {visit.at_ground}"

    told = {
        "Cisco Adaptive Security Appliance Software Version 9.8(2)\nFirepower Extensible Operating System Version 2": "asa",
        "Version: 2.10(1.159)\nStartup-Vers: 2.10(1.159)": "fxos",
        "Cisco IOS XE Software, Version 16.12.05": "iosxe",
    }
    for text, name in told.items():
        assert asyncio.run(who(plain("box", text))) == f"{name} box True"
    with pytest.raises(Exception, match="does not say what it is"):
        asyncio.run(who(plain("box", "hello")))
    with pytest.raises(Exception, match="manager"):
        asyncio.run(who(plain("box", "Cisco Firepower Threat Defense for VMware (75) Version 6.7")))
