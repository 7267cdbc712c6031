"""The town an agent lives in."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.town import Town, a_town


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    with a_town(tmp_path / "agent") as made:
        yield made
