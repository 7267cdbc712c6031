"""The rules of safe repair, each by its name; `docs/explanation/safe-repair.md` tells why."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from itertools import product

import pytest
from hypothesis import given

from anchorwatch.devices.asa import step as asa
from anchorwatch.devices.banned import why_banned
from anchorwatch.devices.fact import Platform
from anchorwatch.devices.step import (
    About,
    BadStep,
    Claim,
    Danger,
    Decider,
    Effect,
    Pasted,
    Place,
    Step,
    Typed,
    Undo,
    lines,
)
from anchorwatch.doctor.plan import NoPlan, Plan
from anchorwatch.doctor.remedy import codes, remedy
from anchorwatch.doctor.rules import RULES
from anchorwatch.doctor.situation import Licensing, Model, Route, Situation
from anchorwatch.licensing.status import RegistrationState
from anchorwatch.pki.catalogue import Catalogue, Known, Origin
from doctor.plans import asav, chassis, plan, planned, refused, typed
from doctor.situations import G5, IDENTRUST, PROXY, QUOVADIS, RELEASES, ca, printed, situations

ASA = Place(platform=Platform.ASA)
# The causes of the domain page, in its order, and the further codes below its table.
CAUSES = [
    "anchor-missing",
    "bundle-outdated",
    "auto-import-off",
    "auto-import-failing",
    "factory-ca-expired",
    "server-certificate-expired",
    "clock-wrong",
    "tls-inspection",
    "hostname-mismatch",
    "onprem-ca-untrusted",
    "revocation-unreachable",
    "trustpoint-usage",
    "key-usage",
    "weak-crypto-refused",
    "tls-mismatch",
    "dns-failing",
    "no-route",
    "proxy-wrong",
    "bundle-url-blocked",
    "transport-disabled",
    "cslu-default",
    "token-invalid",
    "token-mangled",
    "instance-removed",
    "already-registered",
    "identity-cloned",
    "out-of-compliance",
    "export-control",
    "authorization-expired",
    "id-certificate-expired",
    "licensing-pki",
    "portal-outage",
    "trust-store-lost",
    "fxos-trustpoint-missing",
    "pem-damaged",
    "repaired-in-wrong-place",
    "rum-backlog",
    "reservation",
    "ha-unit",
    "evaluation-used-up",
    "unregistered",
    "registration-retrying",
    "communication-failing",
    "entitlement-not-configured",
    "reporting-off",
    "agent-defect",
    "clock-skew",
    "auto-import-result-stale",
    "serial-shortened",
    "text-overwritten",
    "anchor-expiring",
]


def test_every_cause_has_an_answer() -> None:
    """Each finding leads to a plan or to the reason why there is none, on every platform and model."""
    assert codes() == {*CAUSES, "repair-proven", "version-inferred"}
    assert {rule.code for rule in RULES} <= codes()
    for code, platform, model in product(CAUSES, Platform, Model):
        found = remedy(Situation(code=code, platform=platform, model=model, licensing=Licensing.SMART))
        assert isinstance(found, Plan) or (found.reason and found.instead)


# ------------------------------------------------------------------------------------------------ rule 1


@given(situations())
def test_rule_1_first_look_then_change_then_prove(situation: Situation) -> None:
    """Every part that changes something records the state first, and every part ends in a proof that is newer."""
    for part in planned(situation).parts:
        if any(not step.read_only for step in part.steps):
            assert "record-state" in [step.id for step in part.prechecks]
        assert part.verify[-1].expected.claim == Claim(about=About.NEW_SUCCESS)


@given(situations())
def test_rule_1_a_bundle_is_imported_only_with_its_signature(situation: Situation) -> None:
    """An import either demands the signature or is answered with n unless the device says that it verified it."""
    for step in planned(situation).steps:
        if step.id != "import-bundle" or step.place.platform is not Platform.ASA:
            continue
        (entry,) = [
            each for each in step.lines if isinstance(each, Typed) and "trustpool import url" in each.text
        ]
        if "noconfirm" in entry.text:
            assert entry.text.endswith("noconfirm signature-required")
        else:
            (question,) = entry.questions
            assert (question.reply, question.only_after, question.otherwise) == (
                "y",
                "Root file signature verified.",
                "n",
            )


def test_rule_1_an_unknown_release_is_asked() -> None:
    """Where the release is not known, the dialog is used: it exists everywhere."""
    found = plan(replace(asav(), release=""))
    (step,) = [step for step in found.steps if step.id == "import-bundle"]
    assert "noconfirm" not in " ".join(step.typed)


@given(situations())
def test_rule_1_an_import_is_followed_by_a_look_for_the_needed_ca(situation: Situation) -> None:
    """Success of the import is not success of the repair: the CA itself is looked for, and the pool before."""
    for part in planned(situation).parts:
        ids = [step.id for step in part.steps]
        if "import-bundle" in ids:
            at = ids.index("import-bundle")
            assert "save-pool-listing" in ids[:at]
            assert "check-anchor" in ids[at:]


@given(situations())
def test_rule_1_only_what_the_plan_changed_is_saved_and_only_after_asking(situation: Situation) -> None:
    """A configuration is saved if and only if this part changed it, last, and by a person's word."""
    for part in planned(situation).parts:
        saving = [step for step in part.steps if step.effect is Effect.SAVE]
        changed = any(step.changes_configuration for step in part.steps)
        on_chassis = any(step.place.platform is Platform.FXOS for step in part.all)
        assert len(saving) == (1 if changed and not on_chassis else 0)
        assert all(step.decides is Decider.PERSON and step is part.steps[-1] for step in saving)
        assert not any(
            "write memory" in line for step in part.all if step not in saving for line in step.typed
        )


@pytest.mark.parametrize(
    ("release", "said"),
    [("9.4(1)", "imports by hand only"), (None, "same on every release"), ("9.8(2)", "")],
    ids=["before 9.5(2)", "not shown", "after"],
)
def test_an_import_says_whether_the_device_follows_the_next_change(release: str | None, said: str) -> None:
    """The command is one for all releases; what it means for the next change of CA is not, and 9.5(2) divides them."""
    found = plan(replace(asav(), release=release or ""))
    notes = [caution for caution in found.cautions if "9.5(2)" in caution]
    assert [said in note for note in notes] == ([True] if said else [])


def test_rule_1_the_pool_needs_no_saving() -> None:
    """An import into the pool leaves nothing to be saved."""
    assert not any(step.effect is Effect.SAVE for step in plan(asav()).steps)


# ------------------------------------------------------------------------------------------------ rule 2


@given(situations())
def test_rule_2_nothing_is_pasted_but_a_proposable_certificate_of_the_catalogue(situation: Situation) -> None:
    """What is pasted is in the catalogue, with an origin that may be proposed."""
    best = {known.certificate.sha256: known.origin for known in situation.catalogue.entries}
    for paste in planned(situation).pasted:
        assert best[paste.sha256].proposable


@given(situations())
def test_rule_2_the_ca_of_an_inspecting_proxy_is_never_planned(situation: Situation) -> None:
    """A private CA that only the session showed is in no plan, whatever else is known."""
    session = Catalogue((Known(ca(PROXY), Origin.SESSION),))
    found = remedy(
        replace(situation, needed=(printed(PROXY),), catalogue=session, judged=(ca(PROXY).sha256,))
    )
    assert isinstance(found, NoPlan) or not found.pasted


def test_rule_2_a_private_issuer_looks_like_inspection() -> None:
    """Where all that the device names is private, nothing is planned, even for a box that could import."""
    found = refused(replace(asav(), needed=(printed(PROXY),)))
    assert "inspects TLS" in found.reason


def test_rule_2_without_a_certificate_its_sha256_is_named() -> None:
    """Where the catalogue lacks the CA nothing is pasted: the step leaves a blank and says which SHA-256 belongs there."""
    found = plan(replace(chassis("fxos-trustpoint-missing"), at=date(2018, 10, 9), catalogue=Catalogue()))
    assert not found.pasted
    assert [blank.name for blank in found.blanks] == ["certificate"]
    typed = [line for step in found.steps for line in step.typed]
    assert "commit-buffer" in typed
    assert typed.index("<certificate>") == typed.index("ENDOFBUF") - 1
    assert any("SHA-256 85a0dd7d" in caution and "Never take" in caution for caution in found.cautions)


def test_rule_2_a_damaged_paste_cannot_be_made() -> None:
    """One character less, or another certificate, is refused when the step is made, and in a plan file."""
    certificate = ca(QUOVADIS)
    with pytest.raises(BadStep):
        Pasted(
            pem=certificate.pem.replace("A", "B", 1), sha256=certificate.sha256, name="x", terminator="quit"
        )
    with pytest.raises(BadStep):
        Pasted(pem=ca(IDENTRUST).pem, sha256=certificate.sha256, name="x", terminator="quit")


def test_rule_2_a_look_alike_is_a_persons_decision() -> None:
    """A certificate under a well-known name that is not the one known by it is told as such, never silently used."""
    found = plan(
        replace(
            chassis(),
            needed=(printed(QUOVADIS),),
            at=date(2018, 10, 9),
            catalogue=Catalogue.of([ca(QUOVADIS)]),
        )
    )
    assert any("really the CA to trust" in decision.question for decision in found.decisions)


def test_rule_2_a_portal_of_ones_own_is_trusted_only_by_what_its_owner_gave() -> None:
    """An On-Prem CA is planned from the user's hands, and not from the session."""
    situation = replace(asav("onprem-ca-untrusted"), needed=(printed(PROXY),), endpoint="portal.example")
    assert isinstance(remedy(replace(situation, catalogue=Catalogue.of([ca(PROXY)], Origin.SESSION))), NoPlan)
    (paste,) = plan(replace(situation, catalogue=Catalogue.of([ca(PROXY)]))).pasted
    assert paste.sha256 == ca(PROXY).sha256


# ------------------------------------------------------------------------------------------------ rule 3


@given(situations())
def test_rule_3_an_unknown_date_pastes_nothing_that_was_not_judged(situation: Situation) -> None:
    """Without a date no CA is named, unless the judge has looked at what the endpoint presents now."""
    found = planned(replace(situation, at=None, judged=()))
    assert not found.pasted


def test_rule_3_the_chassis_of_2018_read_today_gets_no_quovadis() -> None:
    """The document's lines with an unknown date ask for the date."""
    found = refused(chassis("fxos-trustpoint-missing"))
    assert "date" in found.reason


@pytest.mark.parametrize(
    ("day", "name"),
    [(date(2018, 10, 9), "QuoVadis Root CA 2"), (date(2022, 3, 1), "IdenTrust Commercial Root CA 1")],
)
def test_rule_3_the_ca_depends_on_the_date(day: date, name: str) -> None:
    """The same sentence of the device leads to the root of its day."""
    found = plan(replace(chassis("fxos-trustpoint-missing"), at=day, catalogue=Catalogue()))
    assert [anchor.name for anchor in found.anchors if anchor.recommended] == [name]


def test_rule_3_what_was_judged_now_needs_no_date() -> None:
    """An anchor that the judge found sufficient for the chain of now is planned without a date."""
    found = plan(replace(chassis("fxos-trustpoint-missing"), judged=(ca(IDENTRUST).sha256,)))
    assert {paste.sha256 for paste in found.pasted} == {ca(IDENTRUST).sha256}


# ------------------------------------------------------------------------------------------------ rule 4


def test_rule_4_all_are_explained_and_g5_is_recommended() -> None:
    """In 2016 three CAs would do: the root of 1996 is weak, G4 is an intermediate, G5 is recommended."""
    old = printed("OU=Class 3 Public Primary Certification Authority,O=VeriSign\\, Inc.,C=US")
    g4 = printed("CN=Symantec Class 3 Secure Server CA - G4,O=Symantec Corporation,C=US")
    found = plan(replace(asav(), needed=(old, printed(G5), g4)))
    assert [anchor.recommended for anchor in found.anchors] == [True, False, False]
    assert "1024 bits" in found.anchors[1].objection
    assert "intermediate" in found.anchors[2].objection


def test_rule_4_a_ca_that_is_distrusted_by_then_is_not_recommended() -> None:
    """G5 in a capture of 2019 leads to no plan that brings it."""
    found = remedy(replace(asav(), needed=(printed(G5),), at=date(2019, 1, 1)))
    assert isinstance(found, NoPlan)


# ------------------------------------------------------------------------------------------------ rule 5

NEVER = (
    r"dereg",
    r"import\s+clean",
    r"clear\s+crypto",
    r"factory",
    r"no\s+crypto ca trustpoint\s+_Smart",
    r"delete trustpoint\s+CH",
    r"write erase",
    r"^reload",
    r"^erase",
    r"noconfirm$(?<!remove <fingerprint> noconfirm)",
)


@given(situations())
def test_rule_5_no_plan_types_what_cannot_be_brought_back(situation: Situation) -> None:
    """Whatever the cause, platform, release, unit, date and catalogue: none of the destructive commands."""
    for line in typed(planned(situation)):
        assert not any(re.search(pattern, line, re.IGNORECASE) for pattern in NEVER), line
        assert why_banned(line) is None


@pytest.mark.parametrize(
    "line",
    [
        "license smart deregister",
        "lic sm dereg",
        "do license smart deregister",
        "deregister",
        "crypto ca trustpool import clean url http://x/y noconfirm signature-required",
        "cry ca trustp imp cl def",
        "crypto pki trustpool import clean url http://x/y",
        "clear crypto ca trustpool noconfirm",
        "license smart factory reset",
        "no crypto ca trustpoint _SmartCallHome_ServerCA",
        "delete trustpoint CHdefault",
        "enter trustpoint CHdefault",
        "crypto ca authenticate _SmartCallHome_ServerCA",
        "write erase",
        "reload",
        "wr er",
        "crypto ca trustpool import url http://x/y noconfirm",
        "cr ca trustp imp url http://x/y noc",
    ],
)
def test_rule_5_such_a_line_cannot_be_put_into_a_step(line: str) -> None:
    """A step with a destructive line cannot be made, abbreviated or not."""
    with pytest.raises(BadStep):
        Typed(text=line)


@given(situations())
def test_rule_5_an_outage_is_a_persons_decision(situation: Situation) -> None:
    """A step that may take something down, or destroys, is decided by a person."""
    for step in planned(situation).steps:
        if any(risk.danger is not Danger.WIDENS_TRUST for risk in step.risks):
            assert step.decides is Decider.PERSON


@given(situations())
def test_rule_5_a_factory_trustpoint_stays(situation: Situation) -> None:
    """An expired factory CA is not removed, and no trustpoint of ours carries its name."""
    for line in typed(planned(situation)):
        if "trustpoint" in line:
            assert not re.match(
                r"(no crypto|delete|enter|crypto ca authenticate).*(_Smart|CHdefault|SLA)", line
            )


# ------------------------------------------------------------------------------------------------ rule 6


@given(situations())
def test_rule_6_a_forced_registration_stands_between_two_looks_at_the_export_flag(
    situation: Situation,
) -> None:
    """Before and after `force` the export-controlled functionality is looked at, and the token is a person's choice."""
    found = planned(situation)
    for part in found.parts:
        ids = [step.id for step in part.steps]
        for at, step in enumerate(part.steps):
            if step.id == "register":
                assert ids[at - 1 : at + 2] == ["check-export-before", "register", "check-export-after"]
                assert any("token" in decision.question for decision in found.decisions)
                if any(" force" in line for line in step.typed):
                    assert step.decides is Decider.PERSON


def test_rule_6_the_document_registers_with_force() -> None:
    """A registration that retries is made again with force, a registered one is only renewed."""
    assert "license smart register idtoken <ID token> force" in typed(plan(asav()))
    renewed = typed(plan(replace(asav(), registration=RegistrationState.REGISTERED)))
    assert "license smart renew auth" in renewed
    assert not any("register" in line for line in renewed)


# ------------------------------------------------------------------------------------------------ rule 7


@given(situations())
def test_rule_7_whoever_is_let_in_is_told(situation: Situation) -> None:
    """A plan that installs CAs says how many and whom, or that it is not known and how to find out."""
    found = planned(situation)
    installs = {"import-bundle", "import-default", "add-trustpoint"} & {step.id for step in found.steps}
    if installs:
        assert found.admits is not None
        assert found.admits.sentence
        for step in found.steps:
            if step.id in installs:
                assert [risk.danger for risk in step.risks] == [Danger.WIDENS_TRUST]
                assert step.risks[0].sentence == found.admits.sentence


def test_rule_7_the_bundle_of_2016_lets_in_fourteen() -> None:
    """The copy of March 2016 is told with its number; the default bundle is a person's decision."""
    admits = plan(asav()).admits
    assert admits is not None
    assert admits.count == 14
    default = plan(replace(asav(), route=Route.DEFAULT))
    (step,) = [step for step in default.steps if step.id == "import-default"]
    assert step.decides is Decider.PERSON
    assert default.admits is not None
    assert default.admits.count is None


@given(situations())
def test_rule_7_an_unverified_bundle_is_never_imported(situation: Situation) -> None:
    """A bundle whose signature did not lead to a pinned signer is in no plan."""
    if situation.bundle is not None and not situation.bundle.verified:
        assert not any(situation.bundle.url in line for line in typed(planned(situation)))


# ------------------------------------------------------------------------------------------------ rule 8


@given(situations())
def test_rule_8_a_chassis_is_mended_in_fxos(situation: Situation) -> None:
    """Whatever is planned for a 4100 or 9300 is typed in FXOS, never in the ASA on it."""
    found = planned(replace(situation, model=Model.CHASSIS))
    assert {step.place.platform for step in found.steps} == {Platform.FXOS}
    assert not any("crypto ca" in line for line in typed(found))


@given(situations())
def test_rule_8_every_unit_has_its_part(situation: Situation) -> None:
    """HA units and chassis are mended and proven one by one; contexts are left for the system space."""
    found = planned(situation)
    assert [part.unit for part in found.parts] == list(situation.units or ("",))
    for part in found.parts:
        assert {step.place.unit for step in part.all} == {part.unit}
        for step in part.all:
            if situation.multi_context and step.place.platform is Platform.ASA:
                assert next(step.typed) == "changeto system"


@given(situations())
def test_rule_8_a_standby_is_not_configured(situation: Situation) -> None:
    """Configuration is typed on the active unit of an ASA or IOS-XE pair and replicates."""
    for part in planned(situation).parts[1:]:
        for step in part.steps:
            assert step.place.platform is Platform.FXOS or not step.changes_configuration


def test_rule_8_a_box_that_may_be_a_chassis_is_asked_first() -> None:
    """With an unknown model the plan stops at the hardware, and without any sign of a licence there is none."""
    unknown = replace(asav(), model=Model.UNKNOWN)
    assert plan(unknown).parts[0].prechecks[0].id == "check-owner"
    assert refused(replace(unknown, licensing=Licensing.UNKNOWN)).commands


# ------------------------------------------------------------------------------------------------ rule 9


@given(situations())
def test_rule_9_a_box_with_a_key_gets_no_plan(situation: Situation) -> None:
    """A 5500-X with a PAK licence is healthy with its bare trustpool policy: nothing is typed."""
    assert isinstance(remedy(replace(situation, model=Model.ASA5500X)), NoPlan)
    assert isinstance(remedy(replace(situation, licensing=Licensing.PAK)), NoPlan)


# ----------------------------------------------------------------------------------------------- rule 10


def test_rule_10_a_release_alone_leads_to_nothing() -> None:
    """The release chooses words, never a cause: no finding is named by a release or a notice."""
    assert not any(re.search(r"\d|fn-|notice", code) for code in codes())
    titles = {plan(replace(asav(), release=release)).title for release in RELEASES[Platform.ASA]}
    assert len(titles) == 1


def test_rule_10_auto_import_exists_from_9_5_2_on() -> None:
    """Before 9.5(2) the import is by hand; from then on it is also switched on; unknown asks for the release."""
    by_release = {
        release: remedy(replace(asav("auto-import-off"), release=release))
        for release in RELEASES[Platform.ASA]
    }
    assert isinstance(by_release[""], NoPlan)
    has = {
        release: "auto-import" in typed(found)
        for release, found in by_release.items()
        if isinstance(found, Plan)
    }
    assert has == {
        release: release not in {"9.3(2)", "9.4(1)", "9.5(1)"}
        for release in RELEASES[Platform.ASA]
        if release
    }


# --------------------------------------------------------------------------------------------- revocation


@given(situations())
def test_revocation_is_never_left_unchecked_where_users_come_in(situation: Situation) -> None:
    """`revocation-check none` stands only under the pool's policy or a trustpoint of call-home alone."""
    for step in planned(situation).steps:
        said = list(step.typed)
        for at, line in enumerate(said):
            if line == "revocation-check none":
                scope = [each for each in said[:at] if each.startswith("crypto ")][-1]
                assert re.match(
                    r"crypto (ca|pki) trustpool policy$|crypto ca trustpoint (anchor-|_SmartCallHome_)", scope
                )
                if "anchor-" in scope:
                    assert "validation-usage ssl-server" in said


def test_revocation_on_a_vpn_trustpoint_cannot_be_put_into_a_step() -> None:
    """Such a step cannot be made, and the finding about such a trustpoint gets no plan."""
    with pytest.raises(BadStep):
        Step(
            id="x",
            purpose="x",
            place=ASA,
            lines=lines("configure terminal", "crypto ca trustpoint VPN", "revocation-check none"),
            expected=asa.check_clock(ASA).expected,
            effect=Effect.CONFIGURATION,
            undo=Undo(sentence="x", lines=lines("end")),
        )
    assert isinstance(remedy(replace(asav("revocation-unreachable"), detail="VPN")), NoPlan)
