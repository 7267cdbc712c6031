"""Profiles: every axis explicit, every value with its source, unknown ones spelled out."""

from __future__ import annotations

import dataclasses

import pytest

from anchorwatch.pki.evidence import EVIDENCE
from anchorwatch.pki.lint import RULES
from anchorwatch.pki.profile import PROFILES, Profile

AXES = {field.name for field in dataclasses.fields(Profile)} - {"name", "title", "unknown"}


@pytest.mark.parametrize("name", PROFILES)
def test_every_axis_names_its_source(name: str) -> None:
    """No value of a profile stands without a source, and no source without its axis."""
    assert set(EVIDENCE[name]) == AXES


@pytest.mark.parametrize("name", PROFILES)
def test_unknown_axes_are_judged_in_at_most_sixteen_ways(name: str) -> None:
    """Each way is a profile without unknowns, and each differs from the others."""
    variants = list(PROFILES[name].variants())
    assert 1 <= len(variants) <= 16
    assert all(not variant.unknown for _, variant in variants)
    assert len({labels for labels, _ in variants}) == len(variants)


def test_clients_have_no_rules_for_issuers() -> None:
    """Only the two lint profiles name lint rules, and only rules there are."""
    assert {name for name, profile in PROFILES.items() if profile.lint} == {"rfc5280-strict", "cabf"}
    assert {rule for profile in PROFILES.values() for rule in profile.lint} == set(RULES)
