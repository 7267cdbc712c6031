"""The page that tells how the suites come out says what the tests assert."""

from pathlib import Path

import pytest

from conformance import suites
from conformance.test_limbo import EXCEPTIONS as LIMBO_EXCEPTIONS
from conformance.test_pkits import EXCEPTIONS as PKITS_EXCEPTIONS


@pytest.fixture(scope="module")
def page(checkout: Path) -> str:
    """The text of docs/reference/conformance.md."""
    return (checkout / "docs" / "reference" / "conformance.md").read_text(encoding="utf-8")


def test_the_page_has_the_counts(page: str) -> None:
    """Cases and right answers of each suite stand in its table."""
    for name, cases, exceptions in (
        ("limbo, its own", 208, LIMBO_EXCEPTIONS),
        ("BetterTLS path building", 81, {}),
        ("BetterTLS name constraints", 9491, {}),
        ("NIST PKITS", 249, PKITS_EXCEPTIONS),
    ):
        assert f"| {name} | {cases:,} | {cases - len(exceptions):,} | 0 |" in page


def test_the_page_names_every_profile_and_exception(page: str) -> None:
    """Each namespace stands there with its profile, each exception with its reason."""
    for name, profile in suites.LIMBO_PROFILES.items():
        assert any(line.startswith(f"| `{name}` |") and f"`{profile}`" in line for line in page.splitlines())
    for identity, reason in {**LIMBO_EXCEPTIONS, **PKITS_EXCEPTIONS}.items():
        assert f"- {identity}: {reason}." in page
