"""The dialects: what one end renders the other recognises, and the files agree with the steps that are typed."""

import pytest

from anchorwatch.devices import dialect, prompt
from anchorwatch.devices.asa import step as asa
from anchorwatch.devices.banned import why_banned
from anchorwatch.devices.dialect import Dialect
from anchorwatch.devices.fact import Platform
from anchorwatch.devices.fxos import step as fxos
from anchorwatch.devices.iosxe import step as iosxe
from anchorwatch.devices.shell import Shell
from anchorwatch.doctor import ask

DIALECTS = [dialect.of(platform) for platform in dialect.platforms()]
SHELLS = {Platform.ASA: asa.SHELL, Platform.FXOS: fxos.SHELL, Platform.IOSXE: iosxe.SHELL}
HOSTS = ("asa-3", "fw/admin", "edge/pri/act", "FP9300-A", "r1.site_7")


def name_of(each: Dialect) -> str:
    return each.name


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("speaks", DIALECTS, ids=name_of)
def test_every_prompt_is_recognised_as_its_mode(speaks: Dialect, host: str) -> None:
    """Rendering a mode's prompt and recognising it gives the mode, the name and the star."""
    for mode in speaks.modes:
        for star in (False, True):
            text = speaks.render(mode.name, host, star=star)
            at = speaks.recognise(text)
            assert at is not None, text
            assert at.mode is not None
            assert at.mode.prompt == mode.prompt
            if "{host}" in mode.prompt:
                assert at.prompt.host == host.split("/", maxsplit=1)[0]
            assert at.prompt.scope.endswith("*") == (star and "{star}" in mode.prompt)


@pytest.mark.parametrize(
    "text",
    [
        "Trustpool import:",
        "asa# show clock",
        "  asa# ",
        "C#: 5",
        "",
        "#",
        "-----BEGIN CERTIFICATE-----",
        ">",
        "Device#1 of 2>x",
        "a" * 5_000 + "#",
    ],
)
@pytest.mark.parametrize("speaks", DIALECTS, ids=name_of)
def test_what_is_no_prompt_is_not_recognised(speaks: Dialect, text: str) -> None:
    """A command behind a prompt, an indented one, a label or a lone mark is no place where a device waits."""
    assert speaks.recognise(text) is None


@pytest.mark.parametrize("speaks", DIALECTS, ids=name_of)
def test_a_mode_that_no_file_knows_is_a_prompt_all_the_same(speaks: Dialect) -> None:
    """Devices have more modes than anybody wrote down; their prompts are prompts."""
    at = speaks.recognise("asa-3(config-something-new)# ")
    assert at is not None
    assert at.mode is None
    assert at.prompt.mode == "config-something-new"


@pytest.mark.parametrize("speaks", DIALECTS, ids=name_of)
def test_every_error_line_is_a_failure(speaks: Dialect) -> None:
    """What the dialect prints for a command that is not taken begins with a mark of failure."""
    assert speaks.errors
    for line in speaks.errors.values():
        assert speaks.failure(line), line
        assert speaks.failure("  " + line), line
    assert not speaks.failure("INFO: Succeeded")


@pytest.mark.parametrize("speaks", DIALECTS, ids=name_of)
def test_the_marks_of_failure_of_the_steps_are_those_of_the_dialect(speaks: Dialect) -> None:
    """A step and the driver agree on what means failure."""
    shell: Shell = SHELLS[speaks.platform]
    assert set(shell.failure) <= set(speaks.failures)


@pytest.mark.parametrize("speaks", DIALECTS, ids=name_of)
def test_what_is_gathered_only_looks(speaks: Dialect) -> None:
    """The block to gather holds nothing but navigation and commands that change nothing, and ends where it began."""
    moves = {word for mode in speaks.modes for word in (*mode.enter, mode.leave, mode.end)}
    looks = ("show ", "ping ", "call-home test profile ")
    for line in speaks.block("tools.example"):
        assert line in moves or line.startswith(looks), line
        assert why_banned(line) is None
        assert "{" not in line
    here = speaks.ground
    for line in speaks.gather:
        entered = [mode for mode in speaks.modes if mode.parent == here and line in mode.enter]
        if entered:
            here = entered[0].name
        elif line == speaks.mode(here).end:
            here = speaks.ground
        elif line == speaks.mode(here).leave:
            here = speaks.mode(here).parent
    assert here == speaks.ground


@pytest.mark.parametrize("speaks", DIALECTS, ids=name_of)
def test_what_people_are_told_to_type_is_gathered_too(speaks: Dialect) -> None:
    """Every confirmed command of `anchorwatch ask` whose output is read stands in the block, as that or with a count."""
    gathered = speaks.block(ask.PORTAL)
    for command in ask.block(speaks.platform):
        if command.confirmed and not command.line.startswith("telnet"):
            assert any(line.startswith(command.line) for line in gathered), command.line


@pytest.mark.parametrize("speaks", DIALECTS, ids=name_of)
def test_each_dialog_is_the_question_it_is(speaks: Dialect) -> None:
    """A question is recognised by the end of its line, whatever stands before; the safe answer is no consent."""
    for each in speaks.dialogs:
        assert speaks.dialog(f"  some words. {each.text} ") == each
        assert speaks.waits(each.text)
        assert each.safe.lower() not in {"y", "yes"}


def test_the_first_configuration_of_a_fresh_asa_asks_and_is_answered_with_later() -> None:
    """Neither consent nor refusal is given for the owner of the device."""
    found = dialect.of(Platform.ASA).dialog(
        "Would you like to enable anonymous error reporting to help improve the product? [Y]es, [N]o, [A]sk later: "
    )
    assert found is not None
    assert found.safe == "A"


def test_a_pasted_certificate_ends_as_each_platform_wants_it() -> None:
    """The ASA reads until quit, FXOS prompts each line and reads until ENDOFBUF."""
    asa_paste = dialect.of(Platform.ASA).paste(prompt.canonical("crypt ca authenticate anchor-1"))
    assert asa_paste is not None
    assert (asa_paste.prompt, asa_paste.terminator, asa_paste.blank_ends) == ("", "quit", False)
    fxos_paste = dialect.of(Platform.FXOS).paste("set certchain")
    assert fxos_paste is not None
    assert (fxos_paste.prompt, fxos_paste.terminator) == (">", "ENDOFBUF")
    assert dialect.of(Platform.ASA).paste("show clock") is None


def test_a_platform_without_a_dialect_is_not_guessed() -> None:
    """Nothing is typed on a device whose command line nobody described."""
    with pytest.raises(KeyError):
        dialect.of(Platform.NXOS)
