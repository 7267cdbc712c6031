"""Every rule by its own two texts, and what no damage to a text may do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchorwatch.devices.capture import clean
from anchorwatch.doctor.diagnosis import Diagnosis, Status, diagnose
from anchorwatch.doctor.finding import Confidence, Finding, Severity
from anchorwatch.doctor.rule import Example, Rule, Rung
from anchorwatch.doctor.rules import BY_CODE, RULES

PROVEN = [rule for rule in RULES if rule.holds is not None and rule.silent is not None]
TRUST = {
    "anchor-missing", "bundle-outdated", "auto-import-off", "auto-import-failing", "factory-ca-expired",
    "server-certificate-expired", "tls-inspection", "hostname-mismatch", "onprem-ca-untrusted",
    "revocation-unreachable", "trustpoint-usage", "key-usage", "weak-crypto-refused", "trust-store-lost",
    "fxos-trustpoint-missing", "pem-damaged",
}  # fmt: skip
STATES = {"communication-failing", "registration-retrying", "authorization-expired", "id-certificate-expired"}


def name_of(rule: Rule) -> str:
    return rule.code


def diagnoses(text: str) -> tuple[Diagnosis, ...]:
    return diagnose([("capture", text)]).diagnoses


def findings(text: str) -> tuple[Finding, ...]:
    return tuple(finding for found in diagnoses(text) for finding in found.findings)


def codes(text: str) -> set[str]:
    return {finding.code for finding in findings(text)}


def example(which: Example | None) -> str:
    assert which is not None
    return which.text


@pytest.mark.parametrize("rule", PROVEN, ids=name_of)
def test_a_rule_finds_its_own_example_as_surely_as_it_promises(rule: Rule) -> None:
    """Where the cause holds the rule says so, with its highest confidence."""
    (finding,) = [finding for finding in findings(example(rule.holds)) if finding.code == rule.code]
    assert finding.confidence is rule.cap


@pytest.mark.parametrize("rule", PROVEN, ids=name_of)
def test_a_rule_quotes_the_lines_it_rests_on(rule: Rule) -> None:
    """Each piece of evidence is the text that stands on the line it names."""
    text = example(rule.holds)
    lines = {line.number: line.text for line in clean(text)}
    for finding in findings(text):
        assert finding.evidence
        for span in finding.evidence:
            assert span.text.strip()
            assert span.text.strip() in lines[span.line]


@pytest.mark.parametrize("rule", PROVEN, ids=name_of)
def test_a_rule_is_silent_about_its_look_alike(rule: Rule) -> None:
    """Where only the look-alike holds the rule says nothing."""
    assert rule.code not in codes(example(rule.silent))


@pytest.mark.parametrize(
    "rule", [rule for rule in PROVEN if rule.rung in {Rung.PORTAL, Rung.ENTITLEMENT}], ids=name_of
)
def test_what_is_no_trust_fault_is_never_called_one(rule: Rule) -> None:
    """A fault of the portal, the account, the token or the entitlement is not put down to trust."""
    surely = {
        finding.code
        for finding in findings(example(rule.holds))
        if finding.confidence is not Confidence.CANDIDATE
    }
    assert not surely & TRUST


@pytest.mark.parametrize("rule", PROVEN, ids=name_of)
def test_a_trouble_is_never_called_healthy(rule: Rule) -> None:
    """A text that holds a trouble gives trouble, or at least no health."""
    if rule.severity is Severity.TROUBLE:
        assert Status.HEALTHY not in {found.status for found in diagnoses(example(rule.holds))}


@pytest.mark.parametrize("rule", RULES, ids=name_of)
def test_a_rule_is_a_whole_record(rule: Rule) -> None:
    """A rule tells its evidence, its look-alikes, what mends it and how to prove it."""
    assert rule.sentence.endswith(".")
    assert rule.evidence
    assert rule.look_alikes
    assert rule.remedy
    assert rule.verification.endswith(".")
    assert not any("deregister" in text for _, text in rule.remedy)


def test_what_a_rule_explains_is_a_rule() -> None:
    """Consequences are named by codes that exist, once all rules are there; our own always do."""
    assert {code for rule in RULES for code in rule.explains if code in STATES} <= set(BY_CODE)


def causes(text: str) -> set[str]:
    """What is said with confidence and is no mere consequence."""
    return {
        finding.code
        for finding in findings(text)
        if finding.confidence is not Confidence.CANDIDATE and finding.severity is Severity.TROUBLE
    } - STATES


@st.composite
def damaged(draw: st.DrawFn) -> tuple[Rule, str, str]:
    """An example of a rule, whole and damaged."""
    rule = draw(st.sampled_from(PROVEN))
    whole = example(draw(st.sampled_from([rule.holds, rule.silent])))
    lines = whole.split("\n")
    match draw(st.sampled_from(["drop", "double", "crlf", "cut", "wrap", "bare", "quote"])):
        case "drop":
            del lines[draw(st.integers(0, len(lines) - 1))]
            text = "\n".join(lines)
        case "double":
            place = draw(st.integers(0, len(lines) - 1))
            text = "\n".join([*lines[:place], lines[place], *lines[place:]])
        case "crlf":
            text = "\r\n".join(lines)
        case "cut":
            text = whole[: draw(st.integers(0, len(whole)))]
        case "wrap":
            width = draw(st.integers(40, 120))
            text = "\n".join(
                part
                for line in lines
                for part in ([line[i : i + width] for i in range(0, len(line), width)] or [""])
            )
        case "bare":
            text = "\n".join(line for line in lines if "#" not in line)
        case _:
            text = "\n".join("> " + line for line in lines)
    return rule, whole, text


@given(damaged())
def test_damage_brings_no_other_cause_to_light(world: tuple[Rule, str, str]) -> None:
    """A line lost, doubled, wrapped or quoted makes no crash and no other confident cause.

    What was lost may be the very line that separates two look-alikes, or the one that tells of the healing: then
    the rule's own cause shows, or one the rule names as its look-alike.
    """
    rule, whole, text = world
    near = {other.cause for other in rule.look_alikes}
    assert causes(text) <= causes(whole) | {rule.code} | near


@given(damaged())
def test_damage_that_leaves_the_evidence_leaves_no_health(world: tuple[Rule, str, str]) -> None:
    """While any line of the evidence of a trouble stands, the device is not called healthy."""
    _, whole, text = world
    troubles = [
        finding
        for finding in findings(whole)
        if finding.severity is Severity.TROUBLE and finding.confidence is not Confidence.CANDIDATE
    ]
    if troubles and all(
        any(span.text in line for line in text.splitlines()) for span in troubles[0].evidence[:1]
    ):
        assert {found.status for found in diagnoses(text)} != {Status.HEALTHY}
