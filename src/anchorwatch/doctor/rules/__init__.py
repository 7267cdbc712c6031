"""The causes the doctor knows, one module each: a module in this folder with a `RULE` is registered by being there."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from anchorwatch.doctor.rule import Rule


def _load() -> tuple[Rule, ...]:
    """Every rule, the lowest rung of the ladder first, then by code; codes are unique."""
    found: dict[str, Rule] = {}
    for module in sorted(iter_modules(__path__), key=lambda module: module.name):
        rule = import_module(f"{__name__}.{module.name}").RULE
        if not isinstance(rule, Rule) or rule.code in found:
            raise TypeError(f"{module.name} has no rule, or one whose code is taken")
        found[rule.code] = rule
    return tuple(sorted(found.values(), key=lambda rule: (rule.rung.height if rule.rung else 99, rule.code)))


RULES: tuple[Rule, ...] = _load()
BY_CODE: dict[str, Rule] = {rule.code: rule for rule in RULES}
