"""Commands about the licence: what the agent says, what it is asked to do, and what is configured for it.

What asks the portal returns at once; the outcome is on the screens and in the log when the answer has come.
"""

from __future__ import annotations

from collections.abc import Callable

from anchorwatch.base.secret import Secret
from anchorwatch.devices import agent_detail
from anchorwatch.devices import license as license_screen
from anchorwatch.devices.agent_detail import AgentDetail
from anchorwatch.devices.asa import configuration, license_a, registration
from anchorwatch.devices.asa import version as version_screen
from anchorwatch.devices.fact import LicenseConfig
from anchorwatch.devices.license_fact import (
    Attempt,
    Authorization,
    Entitlement,
    LicenseReport,
    RegistrationProgress,
)
from anchorwatch.devices.log_detail import AgentEvent
from anchorwatch.devices.moment import DeviceTime, Style
from anchorwatch.devices.span import Seen
from anchorwatch.lab import agent_news, licence_screen
from anchorwatch.lab.asa import entitlement
from anchorwatch.lab.asa.command_line import CONFIGURATION, DIALECT, PRIVILEGED, CommandLine, Commands
from anchorwatch.lab.asa.machine import Asa
from anchorwatch.lab.asa.platform_screen import features, version
from anchorwatch.lab.asa.settings import AsaSettings, LicenceConfig
from anchorwatch.lab.shell import Typed
from anchorwatch.licensing import token as id_token
from anchorwatch.licensing.error import LicensingError, TokenRefusedError
from anchorwatch.licensing.state import Step
from anchorwatch.licensing.status import (
    AUTHORIZATION_WORDS,
    FIRST_AGENT_WORDS,
    AuthorizationState,
    RegistrationState,
)

COMMANDS = Commands()
SMART = "licence"
_UNREGISTERED = "ERROR: The agent is not registered"


# ------------------------------------------------------------------------------------------------ looking


def report(machine: Asa) -> LicenseReport:
    """The licence as the machine's generation prints it, whole."""
    asked = entitlement.asked(machine.running.licence, machine.hardware.model)
    return licence_screen.whole(
        machine.licence.state,
        licence_screen.Printed(
            policy=machine.policy,
            now=machine.clock.reading(),
            when=lambda at: machine.time(Style.LICENSE, at=at),
            latest=machine.traits.screens == "c",
            reasons=machine.reasons,
            titles={each.tag: each.title for each in asked},
            failed_at=machine.failed_at,
            privacy=tuple(machine.running.licence.privacy),
        ),
    )


def _of(
    *generations: str,
) -> Callable[[Callable[[CommandLine, Typed], str]], Callable[[CommandLine, Typed], str]]:
    """A command that only some generations of the agent know."""

    def only(does: Callable[[CommandLine, Typed], str]) -> Callable[[CommandLine, Typed], str]:
        def known(shell: CommandLine, typed: Typed) -> str:
            if shell.machine.traits.screens in generations:
                return does(shell, typed)
            column = len(shell.prompt) + typed.line.rstrip().rfind(" ") + 1
            return " " * column + "^\n" + DIALECT.errors["invalid"]

        return known

    return only


@COMMANDS.add("show license all", help_="Show licence information")
def _all(shell: CommandLine, _: Typed) -> str:
    if shell.machine.traits.screens == "a":
        return license_a.render(flat(shell.machine))
    return "\n" + license_screen.render(report(shell.machine))


def flat(machine: Asa) -> LicenseReport:
    """The flat screen of the first agents."""
    state = machine.licence.state
    overall = licence_screen.overall(state)
    words = AUTHORIZATION_WORDS[overall]
    compliance = {
        AuthorizationState.AUTHORIZED: "In compliance",
        AuthorizationState.OUT_OF_COMPLIANCE: "Out of compliance",
    }.get(overall)
    number = f" ({words.mib})" if words.mib is not None else ""
    return LicenseReport(
        enabled=Seen(True),
        compliance=Seen(compliance) if compliance else None,
        overall_status=Seen(f"{_plain(overall)}{number}"),
        entitlements=_blocks(machine),
        sections=("flat",),
    )


def _blocks(machine: Asa) -> tuple[Entitlement, ...]:
    state = machine.licence.state
    asked = {each.tag: each for each in entitlement.asked(machine.running.licence, machine.hardware.model)}
    since = machine.asked_at
    return tuple(
        Entitlement(
            tag=each.tag,
            name=asked[each.tag.value].heading if each.tag.value in asked else "",
            version=each.version,
            status=Seen(_plain(each.state)),
            handle=Seen(str(number)),
            requested_time=None if since is None else Seen(_mail(machine, since)),
            count=each.count,
            vendor_string=Seen(""),
        )
        for number, each in enumerate(report(machine).entitlements, start=1)
        if each.tag.value in asked or state.wanted
    )


def _mail(machine: Asa, at: object) -> DeviceTime:
    return machine.time(Style.MAIL, at=at)  # type: ignore[arg-type]  # a moment


def _plain(state: AuthorizationState) -> str:
    """A state as the first agents print it."""
    if state is AuthorizationState.NOTHING_REQUESTED:
        return "Init"
    return AUTHORIZATION_WORDS[state].printed.capitalize()


@COMMANDS.add("show license registration")
@_of("a")
def _registration(shell: CommandLine, _: Typed) -> str:
    return registration.render(progress(shell.machine))


def progress(machine: Asa) -> RegistrationProgress:
    """How the registration goes, as the first agents tell it."""
    state, trying = machine.licence.state, machine.trying

    def seen(at: object) -> Seen[DeviceTime] | None:
        return None if at is None else Seen(machine.time(Style.LICENSE, at=at))  # type: ignore[arg-type]  # a moment

    status = Seen(FIRST_AGENT_WORDS[state.registration])
    if trying.began is None:
        return RegistrationProgress(status=status)
    last = state.last_registration
    failing = state.registration in (RegistrationState.RETRYING, RegistrationState.FAILED)
    said = (machine.reasons.get("registration") or machine.licence.reason) if failing else None
    answered = machine.failed_at if state.registration is RegistrationState.FAILED else last and last.at
    due = None
    timer = next(
        (state.timer(step) for step in (Step.TRUST, Step.TIME, Step.ENROL) if state.timer(step)), None
    )
    if state.registration is RegistrationState.RETRYING and timer is not None and timer.due is not None:
        reading = machine.clock.reading()
        due = reading.wall + (timer.due - reading.mono)
    return RegistrationProgress(
        status=status,
        started=seen(trying.began),
        last_retry=seen(trying.tried),
        next_retry=seen(due),
        retries=Seen(trying.retries),
        last_response_time=seen(answered),
        last_response=Seen(said) if said else None,
    )


@COMMANDS.add("show license entitlement")
@_of("a")
def _entitlement(shell: CommandLine, _: Typed) -> str:
    return license_a.render(LicenseReport(entitlements=_blocks(shell.machine), sections=("flat",)))


@COMMANDS.add("show license pool")
@_of("a")
def _pool(shell: CommandLine, _: Typed) -> str:
    account = shell.machine.licence.state.va
    return f"Assigned Pool Info: {account}" if account else ""


@COMMANDS.add("show license summary")
@_of("b", "c")
def _summary(shell: CommandLine, _: Typed) -> str:
    whole = report(shell.machine)
    found, granted = whole.registration, whole.authorization
    assert found is not None, "the whole report has both"
    assert granted is not None, "the whole report has both"
    return "\n" + license_screen.render(
        LicenseReport(
            enabled=whole.enabled,
            registration=type(found)(
                status=found.status,
                smart_account=found.smart_account,
                virtual_account=found.virtual_account,
                export_controlled=found.export_controlled,
                last_renewal=found.last_renewal,
                next_renewal=found.next_renewal,
            ),
            authorization=Authorization(
                status=Attempt(outcome=granted.status.outcome) if granted.status else None,
                evaluation_remaining=granted.evaluation_remaining,
                last_communication=Attempt(outcome=granted.last_communication.outcome)
                if granted.last_communication
                else None,
                next_communication=granted.next_communication,
            ),
            entitlements=whole.entitlements,
            sections=("enabled", "registration", "authorization", "table"),
        )
    )


@COMMANDS.add("show license status")
@_of("b", "c")
def _status(shell: CommandLine, _: Typed) -> str:
    whole = report(shell.machine)
    left_out = ("usage", "product", "agent", "reservation")
    sections = tuple(each for each in whole.sections if each not in left_out)
    return "\n" + license_screen.render(_with(whole, sections))


@COMMANDS.add("show license usage")
@_of("b", "c")
def _usage(shell: CommandLine, _: Typed) -> str:
    whole = report(shell.machine)
    granted = whole.authorization
    status = granted.status if granted is not None else None
    return "\n" + license_screen.render(
        LicenseReport(
            authorization=Authorization(status=status),
            entitlements=whole.entitlements,
            sections=("authorization", "usage"),
        )
    )


def _with(whole: LicenseReport, sections: tuple[str, ...]) -> LicenseReport:
    import dataclasses

    return dataclasses.replace(whole, sections=sections)


@COMMANDS.add("show license udi")
def _udi(shell: CommandLine, _: Typed) -> str:
    return license_screen.render(LicenseReport(udi=report(shell.machine).udi, sections=("udi",)))


@COMMANDS.add("show license features")
def _features(shell: CommandLine, _: Typed) -> str:
    return version_screen.render_features(features(shell.machine))


@COMMANDS.add("show version", "user", PRIVILEGED, help_="Show the software's version")
def _version(shell: CommandLine, _: Typed) -> str:
    return version_screen.render(version(shell.machine))


@COMMANDS.add("show tech-support license")
def _tech(shell: CommandLine, typed: Typed) -> str:
    machine = shell.machine
    state = machine.licence.state
    parts = [_all(shell, typed)]
    if state.identity is not None:
        valid = [
            machine.time(Style.LICENSE, at=at) for at in (state.identity.not_before, state.identity.not_after)
        ]
        parts.append(
            "License Certificates\n====================\nIdentity Cert:\n"
            f"    Not Before: {valid[0]}\n    Not After: {valid[1]}"
        )
    parts.append(
        agent_detail.render(
            AgentDetail(
                clock_synchronized=Seen(machine.clock.synchronized),
                server_identity_check=Seen(True),
                agent_state=Seen(AUTHORIZATION_WORDS[licence_screen.overall(state)].printed.lower()),
                production_certificate=Seen(True),
            )
        )
    )
    return "\n\n".join(parts)


# ------------------------------------------------------------------------------------------------- asking


@COMMANDS.add(
    "license smart register idtoken <token> [force]", PRIVILEGED, CONFIGURATION, help_="Smart licensing"
)
async def _register(shell: CommandLine, typed: Typed) -> str:
    machine = shell.machine
    try:
        token = id_token.parse(Secret(typed.values["token"]))
    except TokenRefusedError as refusal:
        return f"ERROR: {refusal}"
    if machine.licence.state.registration is RegistrationState.REGISTERED and not typed.has("force"):
        who = f"for udi PID:{machine.hardware.pid},SN:{machine.hardware.serial}"
        event = AgentEvent(
            severity=6, mnemonic="AGENT_ALREADY_REGISTER", text=f"Smart Agent is already registered {who}"
        )
        machine.note(agent_news.asa_code(event), event, event.severity)
        return "ERROR: This device is already registered; use the option force to register it again"
    shell.later(_quietly, machine, lambda: machine.licence.register(token))
    return ""


@COMMANDS.add("license smart renew {id|auth}", PRIVILEGED, CONFIGURATION)
async def _renew(shell: CommandLine, typed: Typed) -> str:
    licence = shell.machine.licence
    if licence.state.registration is not RegistrationState.REGISTERED:
        return _UNREGISTERED
    work = licence.renew_identity if typed.has("id") else licence.renew_authorization
    shell.later(_quietly, shell.machine, work)
    return ""


@COMMANDS.add("license smart deregister", PRIVILEGED, CONFIGURATION)
async def _deregister(shell: CommandLine, _: Typed) -> str:
    licence = shell.machine.licence
    if licence.state.registration is RegistrationState.NOT_REGISTERED:
        return _UNREGISTERED
    shell.later(_quietly, shell.machine, licence.deregister)
    return ""


def _quietly(machine: Asa, work: Callable[[], None]) -> None:
    """Do work for the agent; what it refuses because the state changed meanwhile goes into a debug."""
    machine.follow_time()
    try:
        work()
    except LicensingError as refusal:
        machine.trace("license", f"Smart Agent: {refusal}")


# --------------------------------------------------------------------------------------------- configuring


@COMMANDS.add("license smart", CONFIGURATION)
def _smart(shell: CommandLine, _: Typed) -> None:
    shell.machine.running.licence.shown = True
    shell.enter(SMART)


@COMMANDS.add("no license smart", CONFIGURATION)
@COMMANDS.add("clear configure license", CONFIGURATION)
async def _no_smart(shell: CommandLine, _: Typed) -> None:
    shell.machine.running.licence = LicenceConfig()
    _asked(shell)


@COMMANDS.add("feature tier {standard|essentials}", SMART)
async def _tier(shell: CommandLine, typed: Typed) -> str:
    shell.machine.running.licence.tier = "essentials" if typed.has("essentials") else "standard"
    _asked(shell)
    return ""


@COMMANDS.add("no feature tier [standard|essentials]", SMART)
async def _no_tier(shell: CommandLine, _: Typed) -> None:
    shell.machine.running.licence.tier = ""
    _asked(shell)


@COMMANDS.add("throughput level <level>", SMART)
async def _throughput(shell: CommandLine, typed: Typed) -> str:
    level = next(
        (each for each in entitlement.THROUGHPUTS if each.lower() == typed.values["level"].lower()), None
    )
    if level is None or not shell.machine.hardware.model.startswith("ASAv"):
        return _caret(shell, typed, typed.values["level"])
    shell.machine.running.licence.throughput = level
    _asked(shell)
    return ""


@COMMANDS.add("no throughput level [<level>]", SMART)
async def _no_throughput(shell: CommandLine, _: Typed) -> None:
    shell.machine.running.licence.throughput = ""
    _asked(shell)


@COMMANDS.add("[no] feature {strong-encryption|carrier}", SMART)
async def _feature(shell: CommandLine, typed: Typed) -> None:
    held, word = shell.machine.running.licence.features, typed.words[-1]
    if typed.has("no"):
        held[:] = [each for each in held if each != word]
    elif word not in held:
        held.append(word)
    _asked(shell)


@COMMANDS.add("feature context <count>", SMART)
async def _contexts(shell: CommandLine, typed: Typed) -> str:
    count = typed.values["count"]
    if not (count.isdigit() and 1 <= int(count[:4]) <= 250):
        return _caret(shell, typed, count)
    held = shell.machine.running.licence.features
    held[:] = [*(each for each in held if not each.startswith("context")), f"context {count}"]
    _asked(shell)
    return ""


@COMMANDS.add("no feature context [<count>]", SMART)
async def _no_contexts(shell: CommandLine, _: Typed) -> None:
    held = shell.machine.running.licence.features
    held[:] = [each for each in held if not each.startswith("context")]
    _asked(shell)


@COMMANDS.add("[no] privacy {host-name|version}", SMART)
def _privacy(shell: CommandLine, typed: Typed) -> None:
    held, word = shell.machine.running.licence.privacy, typed.words[-1]
    if typed.has("no"):
        held[:] = [each for each in held if each != word]
    elif word not in held:
        held.append(word)
    shell.changed()


def _asked(shell: CommandLine) -> None:
    """Something else is asked for now; the agent is told in the background."""
    shell.changed()
    shell.later(shell.machine.ask_for_licences)


def _caret(shell: CommandLine, typed: Typed, word: str) -> str:
    return " " * (len(shell.prompt) + typed.line.rfind(word)) + "^\n" + DIALECT.errors["invalid"]


@COMMANDS.add("show running-config [all] license [smart]")
def _running(shell: CommandLine, _: Typed) -> str:
    return configured(shell.machine.running)


def configured(settings: AsaSettings) -> str:
    """What is asked for, as the configuration shows it; "" where nothing is."""
    held = settings.licence
    if not held.shown:
        return ""
    fact = LicenseConfig(
        shown=Seen("license smart"),
        tier=Seen(held.tier) if held.tier else None,
        throughput=Seen(held.throughput) if held.throughput else None,
        features=tuple(Seen(each) for each in held.features),
    )
    return "\n".join([configuration.render(fact), *(f" privacy {each}" for each in held.privacy)])
