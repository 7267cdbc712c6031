"""Stories as data: those there are, those a person writes, and what is said of mistakes."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchorwatch.devices import version_number
from anchorwatch.devices.fact import Platform
from anchorwatch.lab import mint as minting
from anchorwatch.lab.mint import StoryInconsistentError, mint
from anchorwatch.lab.network import Fault
from anchorwatch.lab.span import SpanError, parse_span
from anchorwatch.lab.story import Story, StoryError, UnknownStoryError, generation
from anchorwatch.lab.story_file import load, names, read, read_file, text_of
from anchorwatch.pki.judgement import judge
from anchorwatch.pki.name import PeerName
from anchorwatch.pki.profile import PROFILES
from anchorwatch.pki.question import Question
from anchorwatch.pki.truststore import TrustStore
from anchorwatch.pki.verdict import Refused, Trusted

OWN = """
story = 1
code = "harbour"
title = "The harbour's portal moves"
host = "licensing.harbour.example"
starts = 2027-01-04T09:00:00Z
shows = "old"
serves = "first"
account = { domain = "harbour.example", name = "Harbour" }

[chains]
old = ["old-leaf"]
new = ["new-leaf"]

[bundle]
url = "http://files.harbour.example/trust.p7b"
name = "Harbour-Bundle"
signer = "signer"
pin = "root"

[bundles.first]
version = "1"
signed = 2027-01-01T00:00:00Z
holds = ["root"]

[authorities.root]
name = [["O", "Harbour"], ["CN", "Harbour Root"]]
valid = [2020-01-01T00:00:00Z, 2040-01-01T00:00:00Z]

[leaves.old-leaf]
name = [["CN", "licensing.harbour.example"]]
hosts = ["licensing.harbour.example"]
issuer = "root"
valid = [2026-01-01T00:00:00Z, 2028-01-01T00:00:00Z]

[leaves.new-leaf]
name = [["CN", "licensing.harbour.example"]]
hosts = ["licensing.harbour.example"]
issuer = "root"
valid = [2026-01-01T00:00:00Z, 2028-01-01T00:00:00Z]

[leaves.signer]
name = [["CN", "Harbour Signer"]]
issuer = "root"
valid = [2026-01-01T00:00:00Z, 2028-01-01T00:00:00Z]
purpose = "1.3.6.1.3.1.9.21.2.3"

[[events]]
at = 2027-02-01T00:00:00Z
said = "it moves"
chain = "new"

[[devices]]
name = "fw-1"
model = "ASAv"
version = "9.8(2)"
trustpoints = { _SmartCallHome_ServerCA = "root" }
clock_ahead = "-3d4h"
faults = ["dns"]
"""


@pytest.mark.parametrize("code", names())
def test_the_story_happens_as_it_is_told(code: str) -> None:
    """In every story of the package the chains are sound when they are shown, and the move costs somebody his trust."""
    told = load(code)
    made = mint({each: told.certificates[each] for each in told.needed})
    move = next(event for event in told.events if event.chain)
    lost = []
    for shown, at in ((told.shows, told.starts), (move.chain, move.at + timedelta(hours=1))):
        for plan in told.devices:
            held = [*told.held_by(plan).values(), *(told.bundles[plan.pool].holds if plan.pool else ())]
            verdict = judge(
                Question(
                    presented=tuple(made[each].certificate for each in told.chains[shown]),
                    store=TrustStore.of([made[each].certificate for each in held], plan.name),
                    at=at,
                    peer=PeerName("dns", told.host),
                    profile=PROFILES["cisco"],
                )
            )
            if plan.since <= told.starts and plan.registered and shown == told.shows:
                assert isinstance(verdict, Trusted), (plan.name, verdict)
            if shown == move.chain and isinstance(verdict, Refused):
                lost.append(plan.name)
    assert lost


@pytest.mark.parametrize(("code", "count"), [("2016", 14), ("2017", 17)])
def test_the_bundles_hold_as_many_as_the_real_ones(code: str, count: int) -> None:
    """The bundle of 2016 held 14 certificates, that of 2017 held 17 and an intermediate among them."""
    assert len(set(load("2018").bundles[code].holds)) == count


def test_versions_decide_what_a_device_came_with() -> None:
    """What a plan leaves open follows from its version, and the platform from its model."""
    told = load("2018")
    plans = {plan.name: plan for plan in told.devices}
    assert plans["asav-962"].factory == "2"
    assert plans["fp4110"].platform is Platform.FXOS
    assert dict(told.held_by(plans["fp4110"])) == {"CHdefault": "g5"}
    assert load("2022").held_by(load("2022").devices[3])["_SmartCallHome_ServerCA2"] == "quovadis-2"


def test_a_story_of_ones_own_is_read() -> None:
    """A file with its own names, dates and devices is a story like others."""
    told = read(OWN)
    (device,) = told.devices
    assert told.url == "https://licensing.harbour.example/its/service/oddce/services/DDCEService"
    assert device.off == -timedelta(days=3, hours=4)
    assert device.faults == (Fault.DNS,)
    assert told.held_by(device) == {"_SmartCallHome_ServerCA": "root"}
    assert told.begins == datetime(2027, 1, 4, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        ("story = 1", "story = 2", "the first key must be `story = 1`"),
        ('host = "lic', 'host = "Lic', "host must be a name in lower case"),
        ("starts = 2027-01-04T09:00:00Z", 'starts = "soon"', "starts must be a moment such as"),
        ('shows = "old"', 'shows = "older"', "there is no chain 'older'; there are: old, new"),
        ('serves = "first"', "", "serves is missing"),
        ('new = ["new-leaf"]', 'new = ["root"]', "chains.new: it begins with 'root', which is an authority"),
        ('new = ["new-leaf"]', 'new = ["signer"]', "chains.new: its leaf 'signer' is not for licensing"),
        ('pin = "root"', 'pin = "roof"', "bundle: there is no certificate 'roof'"),
        ("http://files", "https://files", "bundle: url must be http://HOST/PATH"),
        ('version = "1"', "version = 1", "bundles.first: version must be a text, not 1"),
        ('holds = ["root"]', "holds = []", "bundles.first: a bundle holds at least one certificate"),
        ("valid = [2020", "valid = [2041", "authorities.root: valid ends (2040-01-01) before it begins"),
        ('["O", "Harbour"]', '["X", "Harbour"]', "authorities.root: ['X', 'Harbour'] is no part of a name"),
        ('issuer = "root"', 'issuer = "stem"', "leaves.old-leaf: 'stem' is no authority of this story"),
        ('chain = "new"', 'chain = "new"\nmend = "dns"', "events[1]: an event has exactly one of"),
        ('model = "ASAv"', 'model = "Toaster"', "devices[1] fw-1: there is no model 'Toaster'"),
        ('model = "ASAv"', 'model = "ASAv"\nplatform = "fxos"', "a ASAv runs asa, not 'fxos'"),
        ('model = "ASAv"', 'model = "FPR-2110"\nnags = true', "only an ASAv nags while it is not licensed"),
        ('version = "9.8(2)"', 'version = "new"', "devices[1] fw-1: version must be a version"),
        ('faults = ["dns"]', 'faults = ["dnz"]', "devices[1] fw-1: there is no fault 'dnz'; there are: dns,"),
        ('faults = ["dns"]', 'colour = "red"', "devices[1] fw-1: there is no key 'colour'; known are name,"),
        ('"-3d4h"', '"three days"', "clock_ahead: 'three days' is no span of time; write 90d"),
        ('name = "fw-1"', 'name = "FW 1"', "name must be of lower-case letters, digits and hyphens"),
        ("[[devices]]", "[devices]", "devices must be a list of tables: [[devices]]"),
        ('faults = ["dns"]', 'unsaved = ["a\\u001b[2J"]', "is no line that can be typed"),
    ],
)
def test_each_mistake_is_one_clear_sentence(before: str, after: str, sentence: str) -> None:
    """A mistake is told with its place and with what would be right."""
    assert before in OWN
    with pytest.raises(StoryError) as caught:
        read(OWN.replace(before, after))
    said = [each for each in caught.value.mistakes if sentence in each]
    assert said, caught.value.mistakes
    assert all(each.isprintable() for each in caught.value.mistakes)


def test_all_mistakes_are_told_at_once() -> None:
    """Who writes a story corrects it in one round."""
    with pytest.raises(StoryError) as caught:
        read(OWN.replace('"ASAv"', '"Toaster"').replace('["dns"]', '["dnz"]').replace('"it moves"', "7"))
    assert len(caught.value.mistakes) == 3


def test_a_circle_of_authorities_is_refused() -> None:
    """Authorities that wait for each other are a mistake, told by their codes, in the file and when they are made."""
    circle = OWN.replace('"Harbour Root"]]', '"Harbour Root"]]\nissuer = "top"')
    circle += '[authorities.top]\nname = [["CN", "Top"]]\nissuer = "root"\n'
    circle += "valid = [2020-01-01T00:00:00Z, 2040-01-01T00:00:00Z]\n"
    with pytest.raises(StoryError, match="wait for an issuer that never comes: new-leaf, old-leaf, root"):
        read(circle)
    told = read(OWN)
    plans = {**told.certificates, "root": replace(told.certificates["root"], issuer="old-leaf")}
    with pytest.raises(StoryInconsistentError, match="old-leaf"):
        mint(plans)


def test_an_unknown_story_names_those_there_are() -> None:
    """Asking for a story that is not there says which are."""
    with pytest.raises(UnknownStoryError, match="there are: 2016, 2018, 2022"):
        load("1066")


@given(st.text(max_size=400))
def test_no_text_is_more_than_a_mistake(text: str) -> None:
    """Whatever a file holds, it is a story or a list of mistakes."""
    assert _read_or_told(text)


def _read_or_told(text: str) -> Story | tuple[str, ...]:
    try:
        return read(text)
    except StoryError as error:
        return error.mistakes


_BITS = st.one_of(st.integers(), st.booleans(), st.text(max_size=8), st.lists(st.integers(), max_size=2))


@given(st.sampled_from([line for line in OWN.splitlines() if " = " in line]), _BITS)
def test_no_value_is_more_than_a_mistake(line: str, value: object) -> None:
    """Whatever stands behind a key, the reader says so and goes on."""
    written = (
        repr(value).lower()
        if isinstance(value, bool)
        else repr(value)
        if not isinstance(value, str)
        else '""'
    )
    text = OWN.replace(line, f"{line.partition(' = ')[0]} = {written}")
    assert _read_or_told(text)


def test_what_is_no_file_is_told(tmp_path: Path) -> None:
    """A file that is not there, not text, or endless is one sentence."""
    (tmp_path / "octets").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "long").write_bytes(b"#" * (1024 * 1024 + 1))
    for name, sentence in (("nowhere", "no such file"), ("octets", "not text"), ("long", "at most")):
        with pytest.raises(StoryError, match=sentence):
            read_file(tmp_path / name)
    (tmp_path / "own").write_text(text_of("2018"), encoding="utf-8")
    assert read(read_file(tmp_path / "own")) == load("2018")


def test_what_was_made_is_kept(tmp_path: Path) -> None:
    """Certificates and keys come back from disk as they were, and only what is new is made."""
    told = read(OWN)
    made = mint({code: told.certificates[code] for code in ("root", "signer")})
    minting.save(made, tmp_path)
    again = mint(told.certificates, minting.kept(tmp_path))
    assert again["root"].certificate == made["root"].certificate
    assert again["old-leaf"].certificate.issuer == made["root"].certificate.subject
    assert all(path.stat().st_mode & 0o077 == 0 for path in tmp_path.iterdir())


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("90d", timedelta(days=90)),
        ("3d12h30m", timedelta(days=3, hours=12, minutes=30)),
        ("-1w", -timedelta(weeks=1)),
        ("5 m", timedelta(minutes=5)),
    ],
)
def test_spans_are_read_as_people_type_them(text: str, span: timedelta) -> None:
    """Numbers with their units, several of them, and a sign."""
    assert parse_span(text) == span


@pytest.mark.parametrize("text", ["", "90", "d", "1y", "999999999w", "--1d"])
def test_what_is_no_span_is_refused(text: str) -> None:
    """A text that is no span is one sentence."""
    with pytest.raises(SpanError):
        parse_span(text)


def test_a_device_that_nags_is_one_of_a_story() -> None:
    """It is said of the device, and none does where nothing is said."""
    (plan,) = read(OWN.replace('model = "ASAv"', 'model = "ASAv"\nnags = true')).devices
    assert plan.nags
    assert not read(OWN).devices[0].nags


@pytest.mark.parametrize(
    ("software", "root"),
    [
        ("1.1(4.95)", 2),
        ("2.2(2.19)", 2),
        ("2.2(2.71)", 2),
        ("2.2(2.72)", 3),
        ("2.3(1.99)", 2),
        ("2.3(1.130)", 3),
        ("2.12(0.31)", 4),
    ],
)
def test_a_chassis_comes_with_a_root_as_old_as_its_build(software: str, root: int) -> None:
    """The builds that the field notices list come with the older root."""
    assert generation(Platform.FXOS, version_number.parse(software)) == f"chassis-{root}"
