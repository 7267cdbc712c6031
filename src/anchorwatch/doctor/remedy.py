"""What mends a finding: from a cause and all that is known beside it to a plan, or to the reason why there is none.

The rules of safe repair hold for every plan made here; `docs/explanation/safe-repair.md` tells them with the tests
that prove them. First it is asked whether anything may be typed at all (a box without a licensing agent, a platform
whose grammar we do not know), then the cause decides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from anchorwatch.devices.asa import step as asa
from anchorwatch.devices.asa import trust_step as asa_trust
from anchorwatch.devices.fact import Platform
from anchorwatch.devices.iosxe import step as iosxe
from anchorwatch.devices.step import BadStep, Effect, Place, Step
from anchorwatch.doctor.advice import CODES as NOTHING_TO_TYPE
from anchorwatch.doctor.advice import advice
from anchorwatch.doctor.composition import (
    OWNERS,
    TOKEN,
    UNKNOWN_STATE,
    Group,
    Rung,
    compose,
    finish,
    kit,
    registration,
)
from anchorwatch.doctor.plan import Decision, NoPlan, Plan
from anchorwatch.doctor.rules import RULES
from anchorwatch.doctor.situation import Licensing, Model, Situation
from anchorwatch.doctor.trust_repair import call_home_test, trust
from anchorwatch.licensing.status import RegistrationState

Repair = Callable[[Situation], Plan | NoPlan]


def commands(code: str, platform: Platform) -> tuple[str, ...]:
    """The lines that a rule's page shows for the cause `code` on a platform; empty where a person has to decide."""
    return tuple(
        text for rule in RULES if rule.code == code for where, text in rule.remedy if where is platform
    )


def remedy(situation: Situation) -> Plan | NoPlan:
    """The plan for a situation, or why there is none and what to do instead.

    `KeyError` for a code that is no finding. What a capture says can never become a line that must not be typed:
    a host name that is none leads to no plan.
    """
    if situation.code in NOTHING_TO_TYPE:
        return advice(situation.code)
    repair = _REPAIRS[situation.code]
    try:
        return _not_ours(situation) or repair(situation)
    except BadStep as error:
        return NoPlan(
            code=situation.code,
            reason=f"A name that the output holds cannot be typed: {error}.",
            instead=("Take the output from the device again.", "Look at the name in its configuration."),
        )


def codes() -> frozenset[str]:
    """Every finding that `remedy` knows an answer for."""
    return NOTHING_TO_TYPE | frozenset(_REPAIRS)


def _not_ours(situation: Situation) -> NoPlan | None:
    """Why nothing may be typed on this device at all; None where something may."""
    code = situation.code
    if situation.model is Model.ASA5500X or situation.licensing is Licensing.PAK:
        return NoPlan(
            code=code,
            reason="This device is licensed by a key (PAK) and has no licensing agent; its trust pool is no concern of a licence.",
            instead=("Nothing is to be done.",),
        )
    if situation.owner not in OWNERS:
        reasons = {
            Platform.FTD: "The licence of a Threat Defense device belongs to its manager (FMC or FDM).",
        }
        return NoPlan(
            code=code,
            reason=reasons.get(
                situation.owner, "No source of ours confirms the commands that would mend this platform."
            ),
            instead=("Take the finding to the manager of the device, or to Cisco's support.",),
        )
    if (
        situation.owner is Platform.ASA
        and situation.model is Model.UNKNOWN
        and (situation.licensing is Licensing.UNKNOWN or code == "repaired-in-wrong-place")
    ):
        return NoPlan(
            code=code,
            reason=(
                "It is not known whether this box has a licensing agent of its own: a 5500-X has none, and that of a "
                "4100 or 9300 is in FXOS."
            ),
            instead=("Collect these outputs and plan again.",),
            commands=("show version", "show license features", "show license all"),
        )
    return None


# ----------------------------------------------------------------------------------------- one change


def _one(
    situation: Situation,
    step: Callable[[Place], Step],
    title: str,
    cause: str,
    *,
    decisions: Iterable[Decision] = (),
    cautions: Iterable[str] = (),
    alternatives: Iterable[str] = (),
    again: bool = True,
    mends: Rung | None = None,
) -> Plan:
    """A plan that changes one thing and lets the agent try again."""

    def make(place: Place) -> Iterable[Group]:
        yield (step(place), *call_home_test(situation, place))
        if again:
            yield from finish(situation, place)

    unknown = again and situation.registered is None and not situation.in_policy_mode
    return compose(
        situation,
        make,
        title=title,
        cause=cause,
        decisions=(*decisions, *((TOKEN,) if again and situation.registered is False else ())),
        cautions=(*cautions, *((UNKNOWN_STATE,) if unknown else ())),
        alternatives=alternatives,
        mends=mends,
    )


def _clock(situation: Situation) -> Plan | NoPlan:
    return _one(
        situation,
        kit(situation).time_server,
        "Let the clock follow a time server",
        "The clock is wrong, and certificates are judged by it.",
        decisions=(
            Decision(
                question="Does the clock have to be set by hand first?",
                why="A server that is far away from the clock may not be followed; a jump of the clock moves schedules, "
                "logs and the validity of every certificate at once.",
            ),
        ),
        cautions=(
            "After a jump out of the identity certificate's validity the registration is lost after 60 minutes: be quick.",
            "Compare in UTC: the zone's label is free text.",
        ),
        mends=Rung.CLOCK,
    )


def _dns(situation: Situation) -> Plan | NoPlan:
    return _one(
        situation,
        kit(situation).name_server,
        "Let the device resolve names",
        "The portal's name does not resolve.",
        mends=Rung.NAME,
    )


def _route(situation: Situation) -> Plan | NoPlan:
    if situation.owner is Platform.FXOS:
        return NoPlan(
            code=situation.code,
            reason="A chassis reaches the portal through its management port; its gateway is set with its address.",
            instead=(
                f"Let the network's owner open TCP 443 to {situation.host} from the management port.",
                "Check the gateway of the management port.",
            ),
        )
    return _one(
        situation,
        asa.route if situation.owner is Platform.ASA else iosxe.route,
        "Give the portal a route",
        "The portal's name resolves, but no connection comes about.",
        decisions=(
            Decision(
                question="Is a route missing, or does a filter on the way refuse TCP 443 (and 80 for the bundle)?",
                why="Only a missing route is mended here; a management-only interface has a table of its own.",
            ),
        ),
        alternatives=("Where the wrong interface is used: `source-interface` in call-home.",),
        mends=Rung.ROUTE,
    )


def _proxy(situation: Situation) -> Plan | NoPlan:
    return _one(
        situation,
        kit(situation).proxy,
        "Send call-home through the right proxy",
        "Direct connections are refused, and the proxy is missing or wrong.",
    )


def _transport(situation: Situation) -> Plan | NoPlan:
    return _one(
        situation,
        kit(situation).transport_on,
        "Switch the transport of licensing on",
        "No message leaves the device: call-home or its profile is switched off.",
    )


def _reporting(situation: Situation) -> Plan | NoPlan:
    if situation.owner is not Platform.IOSXE:
        return NoPlan(
            code=situation.code,
            reason="Only IOS-XE has a line that lets a profile carry licensing.",
            instead=("Look at `transport-disabled`.",),
        )
    return _transport(situation)


def _cslu(situation: Situation) -> Plan | NoPlan:
    if situation.owner is not Platform.IOSXE:
        return NoPlan(
            code=situation.code,
            reason="This platform has no local utility (CSLU) as a transport.",
            instead=("Diagnose again.",),
        )
    return _one(
        situation,
        iosxe.smart_transport,
        "Report to the portal directly",
        "The default transport is a local utility that nobody runs.",
        decisions=(
            Decision(
                question="Is reporting required at all?",
                why="Where it is not, the messages are harmless and `license smart transport off` ends them.",
            ),
        ),
        again=False,
    )


def _host_name(situation: Situation) -> Plan | NoPlan:
    return _one(
        situation,
        kit(situation).portal_url,
        "Reach the portal by a name that its certificate carries",
        "The certificate is trusted but made out to another name.",
        alternatives=("The owner of an On-Prem portal gives it a certificate for the name in use.",),
    )


def _tls(situation: Situation) -> Plan | NoPlan:
    if situation.owner is not Platform.ASA:
        return NoPlan(
            code=situation.code,
            reason="No source of ours confirms how this platform chooses its TLS version.",
            instead=("Look whether a later release offers TLS 1.2 to the portal.",),
        )
    return _one(
        situation,
        asa.client_version,
        "Let the device offer TLS 1.2",
        "The two ends find no common TLS version or cipher.",
        alternatives=("Upgrade to a release that offers it by itself.",),
    )


def _entitlement(situation: Situation) -> Plan | NoPlan:
    if situation.platform is not Platform.ASA or situation.model is Model.CHASSIS:
        return NoPlan(
            code=situation.code,
            reason="On a chassis the application asks for the entitlement, and elsewhere a feature does.",
            instead=(
                "On 4100 and 9300: `license smart`, `feature tier` in the ASA; a person chooses the tier.",
            ),
        )
    return _one(
        situation,
        lambda place: asa.ask_entitlement(place, throughput=situation.model is Model.ASAV),
        "Ask for the entitlement",
        "No feature tier is configured, so nothing is asked of the portal.",
        decisions=(
            Decision(
                question="Which tier and throughput has been bought?", why="It is charged to the account."
            ),
        ),
        again=False,
    )


def _revocation(situation: Situation) -> Plan | NoPlan:
    """Only the pool's policy, or a trustpoint that serves call-home alone, may do without revocation lists."""
    where = situation.detail
    first = "Open the way from the device to the host of the revocation list first: that is the repair."
    pool = where.lower() == "trustpool"
    factory = where.startswith("_SmartCallHome_") and situation.owner is Platform.ASA
    if situation.owner is Platform.FXOS or not (pool or factory):
        return NoPlan(
            code=situation.code,
            reason=(
                "Revocation is never left unchecked on a trustpoint that lets users in, and which one is concerned is "
                "not known to be another."
            ),
            instead=(first,),
            commands=("show running-config crypto ca trustpoint", "show crypto ca trustpool policy")
            if situation.owner is Platform.ASA
            else (),
        )

    def step(place: Place) -> Step:
        if situation.owner is Platform.IOSXE:
            return iosxe.revocation_off(place)
        return asa_trust.revocation_off(place, "" if pool else where)

    return _one(
        situation,
        step,
        "Let licensing do without revocation lists",
        "The revocation list cannot be fetched, so a good certificate is refused.",
        cautions=(first,),
        decisions=(
            Decision(
                question="Can the host of the revocation list really not be reached?",
                why="Leaving it unchecked accepts a server whose certificate was revoked.",
            ),
        ),
    )


# ------------------------------------------------------------------------------------ automatic import


def _auto_import_off(situation: Situation) -> Plan | NoPlan:
    if situation.owner is not Platform.ASA:
        return trust(situation)
    if situation.renews_itself is None:
        return NoPlan(
            code=situation.code,
            reason="Whether this release can import by itself (9.5(2) and later) is not known.",
            instead=("Collect this output and plan again.",),
            commands=("show version",),
        )
    if not situation.renews_itself:
        return trust(situation)

    def make(place: Place) -> Iterable[Group]:
        yield (asa_trust.auto_import_on(place),)

    now = trust(situation)
    if isinstance(now, NoPlan):
        return compose(
            situation,
            make,
            title="Let the pool renew itself",
            cause="The automatic import is off, so the pool stays as it is when a CA moves.",
            cautions=(f"No import by hand is planned beside it: {now.reason}",),
        )
    first = compose(situation, make, title="", cause="")
    return _joined(first, now, "Let the pool renew itself, and renew it now")


def _joined(first: Plan, second: Plan, title: str) -> Plan:
    """Two plans for the same units as one: the changes of the first, then those of the second, saved once."""
    parts = []
    for before, after in zip(first.parts, second.parts, strict=True):
        saving = [step for step in (*before.steps, *after.steps) if step.effect is Effect.SAVE][:1]
        steps = [step for step in (*before.steps, *after.steps) if step.effect is not Effect.SAVE]
        checks = after.prechecks or before.prechecks
        parts.append(replace(after, prechecks=checks, steps=(*steps, *saving)))
    return replace(
        second,
        title=title,
        cause="The automatic import is off, so the pool stayed as it was when the CA moved.",
        parts=tuple(parts),
    )


def _auto_import_failing(situation: Situation) -> Plan | NoPlan:
    match situation.detail:
        case "flash" | "memory":
            return NoPlan(
                code=situation.code,
                reason=f"The bundle could not be kept: the device is short of {situation.detail}.",
                instead=(
                    "Find out what fills it; what may go is for a person to say.",
                    "Then import again, and look at the counters.",
                ),
                commands=("dir flash:", "show memory"),
            )
        case "reach":
            return _bundle_blocked(situation)
        case _:
            return trust(situation)


def _bundle_blocked(situation: Situation) -> Plan | NoPlan:
    open_it = "Allow TCP 80 from the device to www.cisco.com; then nothing on the device has to change."
    if situation.owner is not Platform.ASA or situation.renews_itself is False:
        return NoPlan(
            code=situation.code,
            reason="The place of the bundle cannot be reached, and this device imports by hand.",
            instead=(open_it, "Or bring the CA onto the device by itself, before the portal moves again."),
        )
    return _one(
        situation,
        asa_trust.auto_import_from,
        "Fetch the bundle from a place inside",
        "The bundle's place cannot be reached: licensing may work today and will fail at the next move.",
        decisions=(
            Decision(
                question="Open port 80 to www.cisco.com, or serve a copy of the bundle inside?",
                why="Opening is the smaller change; a copy has to be renewed by somebody, unchanged.",
            ),
        ),
        alternatives=(open_it,),
        again=False,
    )


# --------------------------------------------------------------------------------------- registration


def _register(title: str, cause: str, *, force: bool, question: Decision | None = None) -> Repair:
    def repair(situation: Situation) -> Plan | NoPlan:
        def make(place: Place) -> Iterable[Group]:
            yield registration(situation, place, force=force)

        return compose(
            situation,
            make,
            title=title,
            cause=cause,
            decisions=(*((question,) if question else ()), TOKEN),
        )

    return repair


def _token(situation: Situation) -> Plan | NoPlan:
    if situation.registered:
        return _renew(situation)
    return _register(
        "Register with a token that is good",
        "The portal was reached and refused the token.",
        force=situation.registration is not RegistrationState.NOT_REGISTERED,
    )(situation)


def _renew(situation: Situation) -> Plan | NoPlan:
    def make(place: Place) -> Iterable[Group]:
        return finish(situation, place)

    if situation.registered is None and not situation.in_policy_mode:
        return NoPlan(
            code=situation.code,
            reason="Whether the device is registered is not known, and that decides between renewing and registering.",
            instead=("Collect this output and plan again.",),
            commands=("show license all",),
        )
    return compose(
        situation,
        make,
        title="Let the agent try again",
        cause="What kept the agent from the portal is mended, or has to be mended first.",
        cautions=("It is a consequence: find the rung that has failed all the time, and mend that first.",),
        decisions=(TOKEN,) if situation.registered is False else (),
    )


_OTHER = Decision(
    question="Does another live device hold this identity (a replaced unit, a clone, a restored machine, an HA peer)?",
    why="force takes the registration over; if the other one lives, it loses its own.",
)
_REPAIRS: dict[str, Repair] = {
    "anchor-missing": trust,
    "bundle-outdated": trust,
    "auto-import-off": _auto_import_off,
    "auto-import-failing": _auto_import_failing,
    "factory-ca-expired": trust,
    "clock-wrong": _clock,
    "hostname-mismatch": _host_name,
    "onprem-ca-untrusted": trust,
    "revocation-unreachable": _revocation,
    "trustpoint-usage": trust,
    "weak-crypto-refused": trust,
    "tls-mismatch": _tls,
    "dns-failing": _dns,
    "no-route": _route,
    "proxy-wrong": _proxy,
    "bundle-url-blocked": _bundle_blocked,
    "transport-disabled": _transport,
    "reporting-off": _reporting,
    "cslu-default": _cslu,
    "token-invalid": _token,
    "token-mangled": _token,
    "instance-removed": _register(
        "Register anew",
        "The instance was removed in the portal; the device does not know it yet.",
        force=True,
    ),
    "already-registered": _register(
        "Take the registration over",
        "The portal knows an instance with this identity already.",
        force=True,
        question=_OTHER,
    ),
    "export-control": _register(
        "Register with a token that allows export-controlled functionality",
        "The registration does not allow strong encryption.",
        force=True,
        question=Decision(
            question="May this account use export-controlled functionality?",
            why="The token decides; where the portal does not offer it, that is a matter of the contract.",
        ),
    ),
    "authorization-expired": _renew,
    "id-certificate-expired": _register(
        "Register anew",
        "The identity certificate has ended; it can no longer renew itself.",
        force=True,
        question=Decision(
            question="Is the rung mended that kept the device from the portal for a year?",
            why="A new token uses the same way.",
        ),
    ),
    "licensing-pki": _register(
        "Register anew",
        "A certificate of the licensing messages is refused; the trust pool is not concerned.",
        force=True,
        question=Decision(
            question="Does Cisco's support agree?",
            why="Where a new registration does not help, nothing on the device does; and deregistering first would "
            "only lose what there is.",
        ),
    ),
    "trust-store-lost": trust,
    "fxos-trustpoint-missing": trust,
    "pem-damaged": trust,
    "repaired-in-wrong-place": trust,
    "ha-unit": _renew,
    "evaluation-used-up": _register(
        "Register", "The evaluation period is used up and the device was never registered.", force=False
    ),
    "unregistered": _register("Register", "The device was never registered.", force=False),
    "entitlement-not-configured": _entitlement,
}
