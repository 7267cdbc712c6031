"""The form of every message: golden texts that a change must not alter by accident."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from anchorwatch.licensing import claim, message, problem, wire
from anchorwatch.licensing.error import MalformedMessageError
from anchorwatch.licensing.failure import Evidence, Failure, FailureClass, Incident
from anchorwatch.licensing.key import Algorithm
from anchorwatch.licensing.status import AuthorizationState

T0 = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
KEY = claim.PublicKeyClaim(kid="k1", alg=Algorithm.ED25519, spki=bytes(44))

GOLDEN: list[tuple[object, str]] = [
    (
        message.Discovery(portal="portal.example"),
        (
            '{"portal":"portal.example","versions":["1"],"est_label":"sl1","algorithms":["Ed25519","ES256"],'
            '"trust":"/sl/v1/trust"}'
        ),
    ),
    (message.TimeRequest(nonce="A" * 22), '{"nonce":"AAAAAAAAAAAAAAAAAAAAAA"}'),
    (
        message.DeviceInfo(
            udi=message.Udi(pid="ASAv", sn="9ABC"),
            sw=message.Software(name="asa", version="9.16"),
            agent="aw/1",
            trust_seq=3,
        ),
        (
            '{"udi":{"pid":"ASAv","sn":"9ABC"},"sw":{"name":"asa","version":"9.16"},"agent":"aw/1","features":[],'
            '"trust_seq":3,"probes":[]}'
        ),
    ),
    (
        message.EntitlementRequest(
            seq=2,
            last_jti="j1",
            entitlements=(message.Wanted(tag="standard", count=1),),
            clock=message.ClockReport(now=T0, source="grant", mono_ms=5, boot_id="b"),
            trust_seq=3,
        ),
        (
            '{"seq":2,"entitlements":[{"tag":"standard","count":1}],"clock":{"now":"2026-03-01T12:00:00Z",'
            '"source":"grant","mono_ms":5,"boot_id":"b"},"trust_seq":3,"last_jti":"j1","mode":"normal","adoptions":0}'
        ),
    ),
    (
        message.IncidentReport(
            incidents=(
                Incident(
                    id="i1",
                    failure=Failure(
                        kind=FailureClass.TLS_ALERT, sentence="alert", evidence=Evidence(alert=48)
                    ),
                    first=T0,
                    last=T0,
                ),
            )
        ),
        (
            '{"incidents":[{"id":"i1","failure":{"kind":"tls_alert","sentence":"alert","evidence":{"presented":[],'
            '"missing":[],"alert":48}},"first":"2026-03-01T12:00:00Z","last":"2026-03-01T12:00:00Z","count":1}]}'
        ),
    ),
    (
        claim.TimeClaim(iss="p.example", nonce="n", now=T0, radius_ms=500),
        '{"iss":"p.example","nonce":"n","now":1772366400,"radius_ms":500}',
    ),
    (
        claim.Grant(
            iss="p.example",
            sub="d1",
            cnf=claim.Confirmation(x5t="x" * 43),
            jti="j1",
            seq=1,
            iat=T0,
            nbf=T0,
            ref=T0,
            exp=T0,
            grace=T0,
            acct=claim.Account(sa="S", va="V"),
            ent=(claim.Entitled(tag="standard", n=1, status=AuthorizationState.AUTHORIZED),),
            export=claim.Export(allowed=True),
            trust_seq=3,
        ),
        '{"iss":"p.example","sub":"d1","cnf":{"x5t#S256":"' + "x" * 43 + '"},"jti":"j1","seq":1,'
        '"iat":1772366400,"nbf":1772366400,"ref":1772366400,"exp":1772366400,"grace":1772366400,'
        '"acct":{"sa":"S","va":"V"},"ent":[{"tag":"standard","n":1,"status":"authorized","source":"pool",'
        '"on_expiry":"continue"}],"export":{"allowed":true,"basis":"token"},"trust_seq":3}',
    ),
    (
        claim.TrustBundle(
            iss="p.example",
            seq=1,
            iat=T0,
            exp=T0,
            refresh_hint=timedelta(days=7),
            anchors=(),
            grant_keys=(KEY,),
            roots=(KEY,),
        ),
        '{"iss":"p.example","seq":1,"iat":1772366400,"exp":1772366400,"refresh_hint":604800,"anchors":[],'
        '"grant_keys":[{"kid":"k1","alg":"Ed25519","spki":"' + "A" * 59 + '"}],'
        '"roots":[{"kid":"k1","alg":"Ed25519","spki":"' + "A" * 59 + '"}],"threshold":1,"planned":[]}',
    ),
    (
        problem.problem(problem.Type.TAG_UNKNOWN, "standard", fits=0),
        (
            '{"type":"https://anchorwatch.invalid/problems/tag-unknown","title":"The entitlement is not known here",'
            '"status":422,"retry":"operator","detail":"standard","fits":0}'
        ),
    ),
]


@pytest.mark.parametrize(("value", "text"), GOLDEN, ids=lambda each: type(each).__name__)
def test_the_written_form_is_the_agreed_one(value: Any, text: str) -> None:
    """Each message is written in one form, and that form is read as the same message."""
    assert wire.dump(value).decode() == text
    assert wire.parse(type(value), text.encode()) == value


@pytest.mark.parametrize(("value", "text"), GOLDEN, ids=lambda each: type(each).__name__)
def test_unknown_members_are_ignored(value: Any, text: str) -> None:
    """A member of a later edition changes nothing."""
    assert wire.parse(type(value), (text[:-1] + ',"later":{"edition":[1]}}').encode()) == value


@pytest.mark.parametrize(
    ("octets", "words"),
    [
        (b"[]", "not a JSON object"),
        (b"{}", "nonce is missing"),
        (b'{"nonce":7}', "nonce is not a string"),
        (b'{"nonce":"short"}', "does? not belong|characters"),
        (b"\xff", "not UTF-8"),
        (b"{" + b" " * wire.MAX_BODY, "too many"),
    ],
)
def test_what_is_wrong_is_said(octets: bytes, words: str) -> None:
    """A refusal names the member and what is wrong with it."""
    with pytest.raises(MalformedMessageError, match=words):
        wire.parse(message.TimeRequest, octets)


def test_every_problem_has_its_meaning() -> None:
    """Each type has a status, a word on trying again, and a title; a stranger's type is no type of ours."""
    assert set(problem.MEANINGS) == set(problem.Type)
    found = problem.read(problem.write(problem.problem(problem.Type.REPLAY)))
    assert found is not None
    assert found.kind is problem.Type.REPLAY
    strange = problem.Problem(
        type="https://other.example/problems/replay", title="x", status=401, retry=problem.Retry.AFTER
    )
    assert strange.kind is None
