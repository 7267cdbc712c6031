from collections.abc import Iterator
from dataclasses import replace

import pytest

from anchorwatch.lab import story_file as story
from anchorwatch.lab.device import VirtualAsa
from anchorwatch.lab.mint import StoryInconsistentError, mint
from anchorwatch.lab.play import play
from anchorwatch.lab.play_town import Town
from anchorwatch.lab.story import UnknownStoryError


@pytest.fixture(scope="module")
def town() -> Iterator[Town]:
    with Town(story.load("2016")) as built:
        built.publish_bundle()
        yield built


@pytest.fixture
def device_after_the_move(town: Town) -> VirtualAsa:
    town.turn_to("moved")
    town.show_chain("new")
    return town.device()


def test_every_scene_of_2016_is_observed() -> None:
    """The whole story plays on real parts, and every claim of every scene is seen to hold."""
    scenes = list(play(story.load("2016")))
    assert [(scene.code, scene.missed) for scene in scenes] == [
        (code, ()) for code in ("before", "move", "diagnosis", "judgement", "tampering", "repair", "proof")
    ]


def test_a_story_in_which_nothing_moves_is_not_observed() -> None:
    """When the portal keeps its chain the demo does not claim a failure that did not happen."""
    told = story.load("2016")
    still = replace(told, chains={"old": told.chains["old"], "new": told.chains["old"]})
    missed = {scene.code: scene.missed for scene in play(still)}
    assert "the device's message was refused" in missed["move"]
    assert "the doctor found that an anchor is missing" in missed["diagnosis"]


def test_the_log_names_what_the_wire_showed(town: Town, device_after_the_move: VirtualAsa) -> None:
    """The serial numbers in the log are those of the certificates the portal presented, outermost first."""
    device_after_the_move.test_call_home()
    logged = device_after_the_move.type("show logging").splitlines()
    assert len(logged) == 2
    for line, code in zip(logged, ("g5-cross", "g4"), strict=True):
        assert f"serial number: {town.story.certificates[code].serial.upper()}," in line


def test_an_import_that_brings_nothing_says_so(device_after_the_move: VirtualAsa) -> None:
    """A second import of one bundle counts duplicates, and the pool stays as it was."""
    command = "crypto ca trustpool import url http://www.cisco.com/security/pki/trs/ios_core.p7b noconfirm"
    device_after_the_move.type(command)
    assert "  installed: 0\n  duplicates: 14\n" in device_after_the_move.type(command)
    assert len(device_after_the_move.pool) == 14


def test_a_bundle_of_another_signer_is_refused(device_after_the_move: VirtualAsa) -> None:
    """Only a pinned signer's bundle is imported, however well it is signed."""
    device_after_the_move.pins = frozenset({"00" * 32})
    command = "crypto ca trustpool import url http://www.cisco.com/security/pki/trs/ios_core.p7b noconfirm"
    assert "ERROR" in device_after_the_move.type(command)
    assert len(device_after_the_move.pool) == 0


def test_hosts_the_town_does_not_know_are_not_reached(device_after_the_move: VirtualAsa) -> None:
    """A name without an address is a failure of its own, never a trust fault."""
    device_after_the_move.portal_url = "https://nowhere.example/its/service"
    assert "ERROR: Failed: NO_ROUTE" in device_after_the_move.type("call-home test profile License")
    assert device_after_the_move.log == []


def test_a_wrong_command_is_answered(device_after_the_move: VirtualAsa) -> None:
    """The device answers what it does not know, as devices do."""
    assert "Invalid input" in device_after_the_move.type("make coffee")


def test_an_unknown_story_names_those_there_are() -> None:
    """Asking for a story that is not there says which are."""
    with pytest.raises(UnknownStoryError, match="2016"):
        story.load("1066")


def test_a_story_that_certifies_itself_in_a_circle_is_refused() -> None:
    """Two authorities that wait for each other are a mistake in the story."""
    told = story.load("2016")
    certificates = dict(told.certificates)
    certificates["class3"] = replace(certificates["class3"], issuer="g5")
    certificates["g5"] = replace(certificates["g5"], issuer="class3")
    with pytest.raises(StoryInconsistentError, match="class3"):
        mint(certificates)
