"""A portal for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from portal.office import Office


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """A portal with ten seats of `standard`."""
    made = Office(tmp_path / "portal")
    yield made
    made.close()
