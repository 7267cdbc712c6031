"""Bringing a CA onto a device: by a signed bundle, by the default bundle, or by pasting one verified certificate.

The bundle is the first choice where a device can import one, because its signature vouches and nobody types a
certificate. Pasting is for devices that cannot import (FXOS), and for a CA that the bundle lacks. What is pasted comes
out of the catalogue and is pinned by its SHA-256; without such a certificate there is no plan, but a note on what to
obtain.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never
from urllib.parse import urlsplit

from anchorwatch.devices.asa import step as asa
from anchorwatch.devices.asa import trust_step as asa_trust
from anchorwatch.devices.fact import Platform
from anchorwatch.devices.fxos import step as fxos
from anchorwatch.devices.iosxe import step as iosxe
from anchorwatch.devices.step import Place, Step
from anchorwatch.doctor import anchor, migration
from anchorwatch.doctor.anchor import Choice, Trouble
from anchorwatch.doctor.composition import TOKEN, UNKNOWN_STATE, Group, compose, finish
from anchorwatch.doctor.migration import Confidence
from anchorwatch.doctor.plan import Admission, Anchor, Decision, NoPlan, Plan, Wanted
from anchorwatch.doctor.situation import Route, Situation

_OBTAIN = (
    "a root programme's store (`--catalogue certifi`), a bundle whose signature was verified "
    "(`anchorwatch bundle verify`), or the CA's own site, and then compared with this SHA-256"
)
_ONLY_BY_HAND = (
    "This release imports by hand only (9.5(2) is the first that imports by itself): when the portal's CA changes "
    "again, this has to be done again."
)
_BY_HAND = (
    "The release is not shown. The import by hand is the same on every release; before 9.5(2) it is the only one and "
    "has to be made again when the portal's CA changes again, from 9.5(2) on the device also imports each day at 22:00 "
    "of its own time, where auto-import is on and names resolve."
)
_NO_BUNDLE = frozenset({"bundle-outdated", "onprem-ca-untrusted"})


def trust(situation: Situation) -> Plan | NoPlan:
    """Bring the CA that the portal needs onto the device."""
    private = situation.code == "onprem-ca-untrusted"
    found = anchor.on_premises(situation) if private else anchor.choose(situation)
    chosen: Choice | None
    if isinstance(found, Choice):
        chosen = found
    elif found is Trouble.DATE and not private and _may_import(situation):
        chosen = None
    else:
        return _refused(situation, found)
    route = _route(situation, chosen)
    if route is Route.PASTE and (chosen is None or not _can_be_pasted(situation, chosen)):
        return _obtain(situation, chosen)
    admission = _admission(situation, chosen, route)

    def make(place: Place) -> Iterable[Group]:
        yield _install(situation, place, chosen, route, admission.sentence)
        yield from finish(situation, place)

    return compose(
        situation,
        make,
        title=f"Let {situation.device or 'the device'} trust the portal again",
        cause="The CA of the portal's certificate is not in the store that licensing uses.",
        cautions=_cautions(situation, chosen, route),
        decisions=_decisions(situation, chosen),
        admits=admission,
        anchors=tuple(
            Anchor(name=each.name, sha256=each.sha256, recommended=each.recommended, objection=each.objection)
            for each in sorted(chosen.explained if chosen else (), key=lambda each: not each.recommended)
        ),
        alternatives=_alternatives(situation, chosen, route),
    )


def _can_be_pasted(situation: Situation, chosen: Choice) -> bool:
    """Whether the paste can be written, or left blank for the one certificate whose SHA-256 is known.

    On FXOS there is no other way, so the procedure is worth having before the certificate is; elsewhere there is.
    """
    if chosen.certificate is not None:
        return True
    return situation.owner is Platform.FXOS and bool(chosen.sha256) and not chosen.look_alike


def _may_import(situation: Situation) -> bool:
    """Whether a bundle may be imported without knowing which CA it must bring."""
    return (
        situation.owner is not Platform.FXOS
        and situation.code not in _NO_BUNDLE
        and situation.route is not Route.PASTE
        and situation.detail != "signature"
        and (situation.bundle is None or situation.bundle.verified)
    )


def _route(situation: Situation, chosen: Choice | None) -> Route:
    if situation.owner is Platform.FXOS or chosen is None:
        return Route.PASTE if situation.owner is Platform.FXOS else situation.route or Route.BUNDLE
    bundle = situation.bundle
    if situation.code in _NO_BUNDLE or situation.detail == "signature" or chosen.look_alike:
        fresh = bundle is not None and bundle.verified and chosen.sha256 in bundle
        return Route.BUNDLE if fresh and situation.code == "bundle-outdated" else Route.PASTE
    if bundle is not None and not (bundle.verified and any(each in bundle for each in chosen.accepted)):
        return Route.PASTE
    if situation.route is Route.DEFAULT and situation.owner is not Platform.ASA:
        return Route.BUNDLE
    if situation.route is not None:
        return situation.route
    record = migration.bundle_at(asa_trust.BUNDLE_URL, situation.at)
    if record is not None and chosen.sha256 in record.lacks and bundle is None:
        return Route.PASTE
    return Route.BUNDLE


def _install(
    situation: Situation, place: Place, chosen: Choice | None, route: Route, letting_in: str
) -> Group:
    accepted = chosen.accepted if chosen else ()
    names = (chosen.name,) if chosen else ()
    certificate = chosen.certificate if chosen else None
    url = situation.bundle.url if situation.bundle else asa_trust.BUNDLE_URL
    match situation.owner, route:
        case Platform.FXOS, _:
            assert chosen is not None
            return (
                fxos.add_trustpoint(place, chosen.name, chosen.sha256, certificate, letting_in=letting_in),
                fxos.check_anchor(place, names, accepted),
            )
        case Platform.IOSXE, Route.PASTE:
            assert certificate is not None
            return (
                iosxe.list_pool(place),
                iosxe.add_certificate(place, certificate, letting_in=letting_in),
                iosxe.check_anchor(place, names, accepted),
            )
        case Platform.IOSXE, _:
            return (
                iosxe.list_pool(place),
                iosxe.import_bundle(place, url, accepted, letting_in=letting_in),
                iosxe.check_anchor(place, names, accepted),
            )
        case _, Route.PASTE:
            assert certificate is not None
            change = asa_trust.add_trustpoint(place, certificate, letting_in=letting_in)
        case _, Route.DEFAULT:
            change = asa_trust.import_default(place, accepted, letting_in=letting_in)
        case _, Route.BUNDLE:
            change = asa_trust.import_bundle(
                place, url, accepted, asking=situation.version is None, letting_in=letting_in
            )
        case _:
            assert_never(route)
    return (
        *_reach_bundle(place, route, url),
        asa.list_pool(place),
        change,
        asa.check_anchor(place, names, accepted),
        *call_home_test(situation, place),
    )


def _reach_bundle(place: Place, route: Route, url: str) -> tuple[Step, ...]:
    parts = urlsplit(url)
    if route is not Route.BUNDLE or parts.hostname is None:
        return ()
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return (asa.check_reach(place, parts.hostname, port, id_="check-bundle-reach"),)


def call_home_test(situation: Situation, place: Place) -> tuple[Step, ...]:
    """The test message, where the release sends through call-home."""
    if situation.owner is not Platform.ASA or (situation.version and situation.version.at_least(9, 22)):
        return ()
    return (asa.test_call_home(place),)


# --------------------------------------------------------------------------------------------- words


def _admission(situation: Situation, chosen: Choice | None, route: Route) -> Admission:
    if route is Route.PASTE and chosen is not None:
        return Admission(
            count=1,
            whom=(chosen.name,),
            sentence=f"It lets in one CA more: “{chosen.name}” ({chosen.sha256}).",
        )
    bundle = situation.bundle
    if route is Route.BUNDLE and bundle is not None:
        whom = tuple(dict.fromkeys(name for _, name in bundle.contents))
        return Admission(
            count=len(bundle.contents),
            whom=whom,
            sentence=f"It lets in up to {len(bundle.contents)} CAs, those of the bundle: {', '.join(whom)}.",
        )
    record = migration.bundle_at(asa_trust.BUNDLE_URL, situation.at)
    if route is Route.BUNDLE and record is not None:
        return Admission(
            count=record.count,
            whom=record.whom,
            sentence=(
                f"It lets in up to {record.count} CAs (as the copy of {record.start} had them: "
                f"{', '.join(record.whom)})."
            ),
        )
    what = "the default bundle" if route is Route.DEFAULT else "today's bundle"
    return Admission(
        count=None,
        whom=(),
        sentence=(
            f"It lets in every CA of {what}; how many and whose is not known here: list it first with "
            "`anchorwatch bundle show`, and look at “attempted” afterwards."
        ),
    )


def _cautions(situation: Situation, chosen: Choice | None, route: Route) -> Iterable[str]:
    if chosen is None:
        yield (
            "Which CA the portal needs is not known, because the date of the evidence is not: after the import, judge "
            "what the portal presents now."
        )
    elif chosen.confidence is Confidence.LAST_KNOWN:
        yield (
            f"“{chosen.name}” is the last root we know of for {situation.host}: judge what it presents now before "
            "carrying this out."
        )
    elif chosen.confidence is Confidence.MOVING:
        yield f"{situation.host} was changing its CA at that date."
    if chosen is not None and chosen.certificate is None and route is Route.PASTE:
        yield (
            f"“{chosen.name}” with SHA-256 {chosen.sha256} is not in the catalogue: obtain it from {_OBTAIN}. Never take "
            "it from a document or from the failing connection."
        )
    if route is Route.BUNDLE:
        yield (
            "The bundle comes over plain HTTP; only its signature counts. Never go on without it, and never with "
            "noconfirm alone."
        )
        if situation.owner is Platform.ASA and situation.renews_itself is not True:
            yield _BY_HAND if situation.renews_itself is None else _ONLY_BY_HAND
    if situation.code == "factory-ca-expired":
        yield "The factory trustpoint stays as it is: what is in it cannot be brought back, and it does no harm."
    if situation.owner is Platform.FXOS:
        yield "An import in the ASA on this chassis changes nothing: its licence is the chassis's."
    if situation.registered is None and not situation.in_policy_mode:
        yield UNKNOWN_STATE


def _decisions(situation: Situation, chosen: Choice | None) -> Iterable[Decision]:
    if chosen is not None and chosen.look_alike:
        yield Decision(
            question=f"Is “{chosen.name}” with SHA-256 {chosen.sha256} really the CA to trust?",
            why="It carries a well-known name but is not the certificate known under it; in a rehearsal that is right.",
        )
    if situation.registered is False:
        yield TOKEN


def _alternatives(situation: Situation, chosen: Choice | None, route: Route) -> Iterable[str]:
    if route is Route.BUNDLE and situation.owner is Platform.ASA:
        yield (
            "Where the bundle cannot be fetched: `crypto ca trustpool import default` (an old image may lack the CA), "
            "planned again with that route."
        )
        if chosen is not None:
            yield (
                f"Where the bundle lacks it: “{chosen.name}” alone in a trustpoint, planned again with the certificate "
                f"in the catalogue; SHA-256 {chosen.sha256 or 'not known'}."
            )
    if situation.code == "weak-crypto-refused":
        yield "Last resort, a person's decision: `crypto ca permit-weak-crypto`; it weakens every validation of the box."


def _refused(situation: Situation, trouble: Trouble) -> NoPlan:
    judge_now = (
        f"Judge what {situation.host} presents now, with a catalogue, and plan again with what is found."
    )
    match trouble:
        case Trouble.PRIVATE:
            reason = "The CAs that the device names are nobody's public CAs: that looks like a proxy that inspects TLS."
            instead = ("Look at `tls-inspection` first.", judge_now)
        case Trouble.DATE:
            reason = "Which CA to install depends on the date, and the date of the evidence is not known."
            instead = ("Say when the output was taken.", judge_now)
        case Trouble.DISAGREE:
            reason = (
                "None of the CAs that would do may be proposed: what is named and what the portal has at that date "
                "disagree, or the certificate was learned only from the session."
            )
            instead = (judge_now, "Check the date of the evidence.")
        case Trouble.UNKNOWN_ENDPOINT:
            reason = (
                "The portal is of your own, and its CA is not among the certificates you handed over."
                if situation.code == "onprem-ca-untrusted"
                else f"Nothing names the CA, and {situation.host} is not in the table of moves."
            )
            instead = (
                "Hand over the CA's certificate, obtained from its owner and not from the connection.",
                judge_now,
            )
        case _:
            assert_never(trouble)
    return NoPlan(code=situation.code, reason=reason, instead=instead)


def _obtain(situation: Situation, chosen: Choice | None) -> NoPlan:
    wanted = (Wanted(name=chosen.name, sha256=chosen.sha256, where=_OBTAIN),) if chosen is not None else ()
    return NoPlan(
        code=situation.code,
        reason=(
            "The certificate to install is not in the catalogue, and no document or session is a source for one."
        ),
        instead=("Obtain the certificate, hand it over with --catalogue, and plan again.",),
        wanted=wanted,
    )
