"""The shelf, once for all of history."""

from __future__ import annotations

from pathlib import Path

import pytest

from history.shelf import Shelf


@pytest.fixture(scope="session")
def shelf(shared: Path) -> Shelf:
    """Real certificates and stores."""
    return Shelf(shared / "pki")
