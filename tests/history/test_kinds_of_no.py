"""Real servers that have a good path which OpenSSL does not find, and the three kinds of "no".

Found by `tools/find_missed_paths.py` among 235 real leaves and 163 real stores; these are facts about public
certificates, named by the beginning of their SHA-256. What they have in common: the server sends two certificates
of one authority, the first leads to a root that the frozen store does not hold, and OpenSSL never comes back to the
second.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pytest

from anchorwatch.pki import PROFILES, Question, Reason, Refused, Trusted, judge
from anchorwatch.pki.verdict import Change
from history.engine import openssl_alone
from history.shelf import Shelf


@dataclass(frozen=True, slots=True)
class Missed:
    """One pair: the chain as sent, the store, the moment, and the anchor that the good path ends in."""

    sent: str
    family: str
    store: str
    at: str
    anchor: str


PAIRS = (
    Missed(
        "55bcc17ac3e3bb43 564dbc6a76550fd2 59f8cb7d7e9e13cb",
        "certifi",
        "2020-06-20",
        "2020-06-20T12:00:00Z",
        "9acfab7e43c8d880",
    ),
    Missed(
        "55bcc17ac3e3bb43 564dbc6a76550fd2 59f8cb7d7e9e13cb",
        "nss",
        "2020-06-12",
        "2020-06-12T12:00:00Z",
        "9acfab7e43c8d880",
    ),
    Missed(
        "fdae8fd07fe74aca fee765da4cacf53c 67add1166b020ae6",
        "cisco",
        "2021-09-01_Trusted-Intersect-Bundle_v10",
        "2021-09-01T12:00:00Z",
        "96bcec06264976f3",
    ),
    Missed(
        "bff91486bcc97313 8fac576439c9fd3e 0ba8c0d459b76abc aadadd5a879d2eb8",
        "cisco",
        "2017-01-11_Trusted-Core-Bundle_v4",
        "2023-07-16T12:00:00Z",
        "9acfab7e43c8d880",
    ),
    Missed(
        "24c0737a55fe979a e4f93b694981068a ddcd1e8a20638d4a 0ba8c0d459b76abc 6523c34f1e879add",
        "cisco",
        "2017-01-11_Trusted-Core-Bundle_v4",
        "2026-04-16T12:00:00Z",
        "4348a0e9444c78cb",
    ),
    Missed(
        "50f6e40f406a9583 8fac576439c9fd3e 0ba8c0d459b76abc 6523c34f1e879add",
        "cisco",
        "2017-01-11_Trusted-Core-Bundle_v4",
        "2026-02-03T12:00:00Z",
        "4348a0e9444c78cb",
    ),
    Missed(
        "2be8b28d62bbb416 1f8eb9e9a8e066cc 0ba8c0d459b76abc 6523c34f1e879add",
        "cisco",
        "2017-01-11_Trusted-Core-Bundle_v4",
        "2026-03-06T12:00:00Z",
        "4348a0e9444c78cb",
    ),
    Missed(
        "af0f4a1d6d945c0a 731d3d9cfaa06148 25847d668eb4f04f",
        "debian",
        "2014-02-23_debian-20140223",
        "2016-10-20T12:00:00Z",
        "0687260331a72403",
    ),
    Missed(
        "15adbb67d8c139d9 54f8ca858bcc7591 9c3f2fd11c57d7c6 76b27b80a58027dc",
        "android_aosp",
        "2013-08-16_before-4.4",
        "2025-07-08T12:00:00Z",
        "ebd41040e4bb3ec7",
    ),
    Missed(
        "06592626343dbbcb 0437ab2ec2c2b489 24c7299864e0a2a6",
        "microsoft_windows",
        "2018-12-08",
        "2023-10-25T12:00:00Z",
        "cb3ccbb76031e5e0",
    ),
    Missed(
        "8eccb0be92ae68e8 575c09b07a001ca0 1d233edb537734ed",
        "openjdk",
        "2020-07-16_jdk-14-0-2",
        "2026-05-19T12:00:00Z",
        "2ce1cb0bf9d2f9e1",
    ),
    Missed(
        "5791510d9a11ac9a 575c09b07a001ca0 1d233edb537734ed",
        "oracle_java",
        "2019-05-27_jdk-12-0-1",
        "2024-06-20T12:00:00Z",
        "2ce1cb0bf9d2f9e1",
    ),
    Missed(
        "b73fd2ef8d6efddd fd39ffc48f148354 5c6d57933992e9d8",
        "android",
        "2018-10-04_9-0-0-r9",
        "2026-02-05T12:00:00Z",
        "cb3ccbb76031e5e0",
    ),
    Missed(
        "66a4e95689897cfd fd39ffc48f148354 5c6d57933992e9d8",
        "apple",
        "2021-01-24_iOS-14-iPadOS-14-macOS-11-watc",
        "2024-05-12T12:00:00Z",
        "cb3ccbb76031e5e0",
    ),
    Missed(
        "1dd4da1287b3b3dd cfdd061fcd4cff3b 511c1c41cb7eb2a1",
        "cfssl_trust",
        "2018-06-27",
        "2024-12-16T12:00:00Z",
        "cb3ccbb76031e5e0",
    ),
    Missed(
        "d4714ba25aeb7d4a a287ffab762cc69a 1dfc1605fbad358d 76b27b80a58027dc",
        "certifi",
        "2013-03-22",
        "2024-10-11T12:00:00Z",
        "ebd41040e4bb3ec7",
    ),
    Missed(
        "49da1e1906c00ba7 fd39ffc48f148354 5c6d57933992e9d8",
        "nss",
        "2016-09-22",
        "2024-06-20T12:00:00Z",
        "cb3ccbb76031e5e0",
    ),
    Missed(
        "c42bd6ec9afedd4b c06e307f7cfc1d32 0ba8c0d459b76abc 6523c34f1e879add",
        "cisco",
        "2017-01-11_Trusted-Core-Bundle_v4",
        "2026-05-06T12:00:00Z",
        "4348a0e9444c78cb",
    ),
)


def asked(shelf: Shelf, pair: Missed, profile: str) -> Question:
    """The pair as a question to a client."""
    return Question(
        presented=shelf.certificates(*pair.sent.split()),
        store=shelf.store(pair.family, pair.store),
        at=datetime.fromisoformat(pair.at),
        purpose="any",
        profile=PROFILES[profile],
    )


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: f"{pair.sent[:8]}-{pair.family}-{pair.store[:10]}")
class TestKindsOfNo:
    def test_openssl_misses_what_the_complete_search_finds(self, shelf: Shelf, pair: Missed) -> None:
        """A good path exists, and OpenSSL by itself refuses for want of an issuer."""
        question = asked(shelf, pair, "rfc5280")
        verdict = judge(question)
        assert isinstance(verdict, Trusted)
        assert verdict.path.anchor.certificate == shelf.certificate(pair.anchor)
        words = openssl_alone(question.presented, question.store, question.at)
        assert words == "unable to get local issuer certificate"

    def test_this_client_will_not_find_it(self, shelf: Shelf, pair: Missed) -> None:
        """The first kind: asked as that client, the judge says a good path exists and is not found, and how to mend it."""
        question = asked(shelf, pair, "openssl-3")
        verdict = judge(question)
        assert isinstance(verdict, Refused)
        assert verdict.reason is Reason.NOT_FOUND_BY_THIS_BUILDER
        (recommended,) = (fix for fix in verdict.fixes if fix.recommended)
        assert recommended.change in (Change.SERVER_DROPS, Change.SERVER_REORDERS)

    def test_no_path_exists(self, shelf: Shelf, pair: Missed) -> None:
        """The second kind: without the one anchor there is no path for any client."""
        for profile in ("openssl-3", "rfc5280"):
            question = asked(shelf, pair, profile)
            question = replace(question, store=question.store.without(shelf.certificate(pair.anchor)))
            verdict = judge(question, fixes=False)
            assert isinstance(verdict, Refused)
            assert verdict.reason is Reason.ISSUER_UNKNOWN

    def test_a_rule_refuses_the_path(self, shelf: Shelf, pair: Missed) -> None:
        """The third kind: once the leaf has ended, the path is complete and a rule refuses it."""
        question = asked(shelf, pair, "rfc5280")
        verdict = judge(replace(question, at=question.leaf.not_after + timedelta(days=1)), fixes=False)
        assert isinstance(verdict, Refused)
        assert verdict.reason is Reason.EXPIRED
        assert verdict.attempts[0].complete
