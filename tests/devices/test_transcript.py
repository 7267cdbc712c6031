from hypothesis import given
from hypothesis import strategies as st

from anchorwatch.devices import capture, transcript
from anchorwatch.devices.prompt import canonical, recognise


def commands(text: str) -> list[tuple[str, str]]:
    return [(block.device, block.command) for block in transcript.read(text).blocks]


def test_prompts_cut_a_capture() -> None:
    """Each prompt with a command opens a block that ends at the next."""
    text = (
        "asa> en\nPassword:\nasa# sh ver\nVersion 9.8\nasa# conf t\nasa(config)# crypto ca trustpool policy\n"
    )
    assert commands(text) == [
        ("asa", "enable"),
        ("asa", "show version"),
        ("asa", "configure terminal"),
        ("asa", "crypto ca trustpool policy"),
    ]


def test_an_fxos_prompt_shows_its_path() -> None:
    """The path and the star of the managed-object shell are read."""
    prompt = recognise("FP9300-A /security/trustpoint* # set certchain")
    assert prompt is not None
    assert (prompt.host, prompt.scope, prompt.typed) == ("FP9300-A", "/security/trustpoint*", "set certchain")


def test_a_failover_prompt_names_unit_and_context() -> None:
    """Units and contexts are devices of their own."""
    text = "fw/pri/act# show clock\n10:00\nfw/sec/stby# show clock\n10:00\nfw/admin# show clock\n10:00"
    assert [device for device, _ in commands(text)] == ["fw/primary", "fw/secondary", "fw/admin"]


def test_prose_is_not_a_prompt() -> None:
    """Words that merely look like a prompt open nothing."""
    assert commands("We like C# here\nSerial#: 5\nC#\nasa# rocks on\n") == [("", "")]


def test_a_heading_of_show_tech_opens_a_block() -> None:
    """The dashes of a `show tech-support` cut it, under the device of its prompt."""
    text = "asa# show tech\n------------------ show version ------------------\nVersion 9.8\n"
    assert commands(text) == [("asa", "show tech-support"), ("asa", "show version")]


def test_the_nag_of_an_unlicensed_device_is_lifted_out_of_an_echo() -> None:
    """A notice thrown into a half-typed command leaves the command whole."""
    text = (
        "asav# show lic\nWarning: ASAv platform license state is Unlicensed.\n"
        "Install ASAv platform license for full functionality.\nense all\nSmart Licensing is ENABLED\n"
    )
    read = transcript.read(text)
    assert [(block.command, len(block.lines)) for block in read.blocks] == [("show license all", 2)]
    assert len(read.notices) == 2


def test_logged_lines_are_set_aside() -> None:
    """A message that interrupts an output does not become part of it."""
    text = (
        "asa# show clock\n%ASA-3-717009: Certificate validation failed. x .\n10:00:00 UTC Tue Mar 22 2016\n"
    )
    read = transcript.read(text)
    assert [line.text for line in read.blocks[0].lines if line.text] == ["10:00:00 UTC Tue Mar 22 2016"]
    assert len(read.logged) == 1


def test_a_command_is_written_in_full() -> None:
    """Abbreviations that people type become the words of the manual."""
    assert canonical("sh run all crypto ca trustpool") == "show running-config all crypto ca trustpool"
    assert canonical("sh lic all") == "show license all"
    assert canonical("SHOW LICENSE ALL") == "show license all"
    assert canonical("call-home test profile License") == "call-home test profile License"


@given(st.text(alphabet=st.sampled_from("asa#>(config) show\n\r%ASA-3-717009: cn=,.\\\x1b[<- More ->")))
def test_no_line_is_lost(text: str) -> None:
    """Every word of an input is in a block, among the messages or among the notices."""
    read = transcript.read(text)
    kept = [line.text for block in read.blocks for line in block.lines]
    kept += [block.echo.text for block in read.blocks if block.echo]
    kept += [line.text for logged in read.logged for line in logged.lines]
    kept += [line.text for line in read.notices]
    given = [line.text for line in capture.clean(text)]
    assert sorted("".join(kept).replace(" ", "")) == sorted("".join(given).replace(" ", ""))
