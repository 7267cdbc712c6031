"""The design's list of what the release depends on is the list by which it is installed."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path


def test_every_dependency_has_its_place_in_the_design(checkout: Path) -> None:
    """A dependency enters with a word in section 6, and leaves with it."""
    project = tomllib.loads((checkout / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    installed = {re.split(r"[\[<>=;]", each)[0].strip().lower() for each in project["dependencies"]}
    page = (checkout / "docs" / "design.md").read_text(encoding="utf-8")
    (line,) = re.findall(r"^\*\*In 0\.1\*\* are (`ahocorasick-rs`.+)$", page, re.MULTILINE)
    assert {each.lower() for each in re.findall(r"`([^`]+)`", line)} == installed
