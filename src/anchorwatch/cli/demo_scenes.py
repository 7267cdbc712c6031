"""What the demonstration tells: March 2016 on an ASAv, October 2018 on a chassis."""

from __future__ import annotations

import asyncio
import re
from datetime import datetime, timedelta

from anchorwatch.cli.demo_stage import Seat, Stage, Teller
from anchorwatch.devices import moment
from anchorwatch.devices.fact import Platform
from anchorwatch.devices.moment import DeviceTime
from anchorwatch.doctor.diagnosis import Diagnosis
from anchorwatch.doctor.plan import Plan
from anchorwatch.fleet.filling import Filling
from anchorwatch.fleet.repair import Proven
from anchorwatch.licensing import deadline

PORTAL = "tools.cisco.com"
BUNDLE = "http://www.cisco.com/security/pki/trs/ios_core.p7b"
G5 = "VeriSign Class 3 Public Primary Certification Authority - G5"
_SECONDS = timedelta(seconds=5)


# --- 2016 -----------------------------------------------------------------------------------------------------


async def of_2016(stage: Stage, teller: Teller) -> None:
    """An ASAv that cannot register, one that cannot renew, and how both are mended."""
    await _the_move(stage, teller)
    new = await _cannot_register(stage, teller)
    await _cannot_renew(stage, teller)
    diagnosis = await _the_diagnosis(stage, teller, new)
    if diagnosis is not None:
        await _the_repair(stage, teller, new, diagnosis)


async def _the_move(stage: Stage, teller: Teller) -> None:
    teller.scene(
        "2016-move",
        "The portal moves to another CA",
        "On 22 March 2016 tools.cisco.com presents a certificate by Symantec's G4. The factory trustpoint of an "
        "ASAv holds VeriSign's G3, an intermediate, and nothing above it.",
    )
    stage.advance(to="2016-03-22T13:25:00Z")
    teller.claim("the portal presents the new chain", stage.ask(do="status")["chain"] == "new")


async def _cannot_register(stage: Stage, teller: Teller) -> Seat:
    teller.scene(
        "2016-register",
        "A new ASAv cannot register, and nothing on the screen says why",
        "It was installed yesterday evening, before its name service worked, so its one automatic import of the "
        "trust pool has failed. Names resolve now and the portal's port answers.",
    )
    seat = await stage.seat("asav-new")
    ping = await seat.type(f"ping tcp {PORTAL} 443")
    teller.claim("the name resolves and the port answers", "!!!!!" in ping)
    await seat.type("license smart register idtoken <token>", secret=stage.token())
    screen = await _until(seat, "show license registration", "Communication message")
    teller.claim("registration is stuck in “Retry In Progress”", "Retry In Progress" in screen)
    teller.claim(
        "the reason on the screen names no certificate",
        "Communication message send response error" in screen,
    )
    test = await seat.type("call-home test profile License")
    teller.claim("a test message ends in CONNECT_FAILED(35)", "CONNECT_FAILED(35)" in test)
    log = await seat.type("show logging | include 717009|717057")
    teller.claim("the log does say it: 717009, no suitable trustpoints", "717009" in log and "G4" in log)
    teller.claim("the automatic import had failed, and is logged", "717057" in log)
    return seat


async def _cannot_renew(stage: Stage, teller: Teller) -> None:
    teller.scene(
        "2016-renew",
        "A registered ASAv cannot renew",
        "It trusts the same G3. It keeps its registration and its licence for now; the deadline is what it loses.",
    )
    seat = await stage.seat("asav-951")
    await seat.type("license smart renew auth")
    log = await _until(seat, "show logging | include 444303", "COMM_FAILED")
    teller.claim("the renewal fails", "COMM_FAILED" in log)
    shown = await seat.type("show crypto ca certificates", shown=("cn=", "end ", "Associated"))
    teller.claim("the trustpoint holds G3 and nothing else", "Secure Server CA - G3" in shown)
    stage.ask(do="break", fault="bundle-altered", device="asav-951")
    teller.note("Somebody on the way changes one bit of the bundle.")
    told = await seat.type(f"crypto ca trustpool import url {BUNDLE} noconfirm signature-required")
    teller.claim("an altered bundle is refused", "installed" not in told and "ERROR" in told)
    stage.ask(do="mend", fault="bundle-altered", device="asav-951")


async def _the_diagnosis(stage: Stage, teller: Teller, seat: Seat) -> Diagnosis | None:
    teller.scene(
        "2016-diagnose",
        "The doctor reads the device and says the cause",
        "Only commands that change nothing are typed. The cause, the lines that prove it, what was ruled out, which "
        "CAs would be enough and which of them is the one to take.",
    )
    diagnosis = await stage.diagnose(seat)
    codes = {finding.code: finding.confidence.value for finding in diagnosis.findings}
    teller.claim("the cause is the missing anchor, confirmed", codes.get("anchor-missing") == "confirmed")
    teller.claim("the failing automatic import is named beside it", "auto-import-failing" in codes)
    plan = diagnosis.plan
    if not isinstance(plan, Plan):
        teller.claim("there is a plan", False)
        return None
    recommended = [anchor.name for anchor in plan.anchors if anchor.recommended]
    teller.claim(
        "three CAs would be enough, and G5 is recommended", len(plan.anchors) == 3 and recommended == [G5]
    )
    return diagnosis


async def _the_repair(stage: Stage, teller: Teller, seat: Seat, diagnosis: Diagnosis) -> None:
    assert isinstance(diagnosis.plan, Plan), "asked for before"
    teller.scene(
        "2016-repair",
        "The plan is carried out over SSH, and proven",
        "The signed bundle comes over plain HTTP, so only its signature counts. How to take a step back is written "
        "down before the step is done.",
    )
    filling = Filling({blank.name: stage.token() for blank in diagnosis.plan.blanks if blank.secret})
    outcome = await stage.apply(seat, diagnosis.plan, filling=filling)
    teller.claim("the finding is gone, by a new reading", isinstance(outcome, Proven))
    policy = await seat.type("show crypto ca trustpool policy", shown=("installed", "Last import", "Next"))
    teller.claim("14 certificates are in the pool", "14 trustpool certificates installed" in policy)
    teller.claim("the policy still says FAILED: that speaks of the automatic import only", "FAILED" in policy)
    screen = await _until(seat, "show license registration", "Registered")
    teller.claim("the ASAv is registered", "Registration Status: Registered" in screen)
    again = await stage.diagnose(seat)
    teller.claim("the doctor says healthy now", again.status.value == "healthy")
    codes = [finding.code for finding in again.findings]
    teller.claim("and explains the stale FAILED", "auto-import-result-stale" in codes)


# --- 2018 -----------------------------------------------------------------------------------------------------


async def of_2018(stage: Stage, teller: Teller) -> None:
    """A chassis that is REGISTERED and failing, the repair in the wrong place, and the right one."""
    teller.scene(
        "2018-move",
        "October 2018: the portal leaves VeriSign for QuoVadis",
        "Whoever imports the bundle every night never notices. A Firepower 9300 asks for its licence in FXOS, which "
        "imports nothing by itself.",
    )
    stage.advance(to="2018-10-09T17:30:00Z")
    well = {each["name"]: each.get("failure", "") for each in stage.ask(do="status")["devices"]}
    teller.claim("an ASAv 9.6(2) with the bundle's port open is well", well["asav-962"] == "")
    teller.claim("a Firepower 2100 with port 80 blocked is not", well["fpr2110-blocked"] != "")
    seat = await stage.seat("fp9300", Platform.FXOS)
    await _chassis_fails(teller, seat)
    await _wrong_place(stage, teller, seat)
    await _right_place(stage, teller, seat)


async def _chassis_fails(teller: Teller, seat: Seat) -> None:
    teller.scene(
        "2018-failing",
        "REGISTERED, and failing",
        "The word REGISTERED says that there was a registration once. Whether it lives, only the last attempt tells.",
    )
    for line in ("scope license", "scope licdebug", "renew"):
        await seat.type(line)
    screen = await _until(
        seat, "show license all", "FAILED", shown=("Status:", "Renewal", "reason", "Expires")
    )
    teller.claim("the chassis says REGISTERED", "Status: REGISTERED" in screen)
    teller.claim(
        "its last renewal failed: Failed to authenticate server", "Failed to authenticate server" in screen
    )
    await seat.type("top")


async def _wrong_place(stage: Stage, teller: Teller, seat: Seat) -> None:
    teller.scene(
        "2018-wrong-place",
        "The repair of 2016, in the ASA on the module, changes nothing",
        "The import works, and the licence does not: on this platform the agent lives in FXOS.",
    )
    await seat.type("connect module 1 console")
    await seat.type("connect asa")
    seat.teller.typed(seat.prompt, "enable")
    await seat.quietly("enable", secret=stage.enable)
    told = await seat.type(f"crypto ca trustpool import url {BUNDLE} noconfirm signature-required")
    teller.claim("the import succeeds", "failed: 0" in told)
    await seat.type("exit")
    await seat.type("exit")
    for line in ("scope license", "scope licdebug", "renew"):
        await seat.type(line)
    screen = await _until(seat, "show license all", "FAILED", shown=("Renewal", "reason"))
    teller.claim("the renewal fails as before", "Failed to authenticate server" in screen)
    await seat.type("top")


async def _right_place(stage: Stage, teller: Teller, seat: Seat) -> None:
    teller.scene(
        "2018-repair",
        "A trustpoint in FXOS, committed, and a renewal",
        "The certificate comes from the catalogue, with its SHA-256; never from a document, whose copies are damaged.",
    )
    cas = stage.catalogue()
    diagnosis = await stage.diagnose(seat, catalogue=cas)
    codes = [finding.code for finding in diagnosis.findings]
    teller.claim("the doctor names the chassis's own store", "fxos-trustpoint-missing" in codes)
    plan = diagnosis.plan
    if not isinstance(plan, Plan):
        teller.claim("there is a plan", False)
        return
    teller.claim(
        "it commits, and never deregisters",
        "commit-buffer" in _typed(plan) and "deregister" not in _typed(plan),
    )
    outcome = await stage.apply(seat, plan, filling=Filling({}), catalogue=cas)
    teller.claim("the finding is gone, by a new reading", isinstance(outcome, Proven))
    await seat.type("scope license")
    screen = await seat.type("show license all")
    await seat.type("top")
    _dates(teller, screen)


def _dates(teller: Teller, screen: str) -> None:
    """The dates of a renewal follow from its time: 180 days, 365 days less the few minutes of dating back."""
    renewed = _time(screen, r"Last Renewal Attempt: SUCCEEDED on (.+)")
    following = _time(screen, r"Next Renewal Attempt: (.+)")
    expires = _time(screen, r"Registration Expires: (.+)")
    contact = _time(screen, r"Last Communication Attempt: SUCCE\w+ on (.+)")
    last = _time(screen, r"Communication Deadline: (.+)")
    if renewed is None or following is None or expires is None or contact is None or last is None:
        teller.claim("every date is printed", False)
        return
    away = following - renewed
    teller.claim("the next renewal is 180 days away", abs(away - deadline.ID_RENEWAL) < _SECONDS)
    end = renewed + deadline.ID_LIFETIME
    teller.claim(
        "the registration expires in a year, less the dating back",
        abs(end - deadline.BACKDATING - expires) < _SECONDS,
    )
    end = contact + deadline.COMMUNICATION_DEADLINE
    teller.claim(
        "the deadline is 90 days away, less the dating back", abs(end - deadline.BACKDATING - last) < _SECONDS
    )


def _time(screen: str, pattern: str) -> datetime | None:
    found = re.search(pattern, screen)
    read: DeviceTime | None = moment.parse(found[1]) if found else None
    return read.wall if read is not None else None


def _typed(plan: Plan) -> str:
    return "\n".join(line for step in plan.steps for line in step.typed)


async def _until(seat: Seat, line: str, word: str, *, shown: tuple[str, ...] = ()) -> str:
    """Look until a word is printed, ten seconds at most; what was printed last is told."""
    for _ in range(40):
        if word in await seat.quietly(line):
            break
        await asyncio.sleep(0.25)
    return await seat.type(line, shown=shown)
