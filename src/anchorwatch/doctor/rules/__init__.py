"""The causes the doctor knows, one module each."""

from anchorwatch.doctor.rule import Rule
from anchorwatch.doctor.rules import anchor_missing

RULES: tuple[Rule, ...] = (anchor_missing.RULE,)
