"""``show license all`` and its parts: ``status``, ``summary``, ``usage``, ``udi``.

The agent is the same program on every platform, so one table serves the ASA, the FXOS and IOS-XE.
Generations differ in which sections they print and in what order; some lines were added over the years.
`license_table` names every section and field once; reading and printing both walk it.

    generation A   flat, ASA 9.3 to 9.7: `anchorwatch.devices.asa.license_a`
    generation B   agent 1.6: Registration, License Authorization, License Usage, Product Information, Agent Version
    generation C   agent 4 and 5: also Export Authorization Key, Utility, Data Privacy, Transport, Reservation Info
    IOS-XE         Utility, Data Privacy and Transport *before* Registration; from 17.3.2 no Registration at all
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from anchorwatch.devices import moment
from anchorwatch.devices.capture import Line
from anchorwatch.devices.license_fact import (
    Attempt,
    Entitlement,
    LicenseReport,
)
from anchorwatch.devices.license_table import (
    ENTITLEMENT_FIELDS,
    ENTITLEMENT_KEYS,
    FIELDS,
    OTHER_SECTIONS,
    PRIVACY,
    PROXY,
    TABLES,
    TITLES,
    Field,
    Section,
    as_text,
)
from anchorwatch.devices.screen import Found, Label, key, label
from anchorwatch.devices.span import Seen

_ENABLED = re.compile(r"^\s*Smart Licensing is (?P<word>ENABLED|DISABLED)", re.IGNORECASE)
_RULE = re.compile(r"^\s*(?P<rule>={3,80})\s*$")
_ENTITLEMENT = re.compile(
    r"^\s{0,8}(?P<name>[^():=][^:=]{0,120}?)?\s*\((?P<tag>[^()\s][^()]{0,120})\)\s*:\s*$"
)
_ROW = re.compile(
    r"^\s{0,8}(?P<name>\S[^()]{0,80}?)?\s*\((?P<tag>[^()]{1,120})\)\s+(?P<count>\d{1,6})\s+(?P<status>[A-Z][\w ]{1,40}?)\s*$"
)
_NO_USAGE = re.compile(r"^\s*No licenses in use\.?\s*$", re.IGNORECASE)
_UDI = re.compile(r"^\s*(?:Product Information:?\s*)?UDI\s*:\s*(?P<udi>PID:\s*\S.{0,200})$")
# After so many lines that mean nothing to it the screen is over.
_MOST_STRANGERS = 6
_REASON = re.compile(r"^\s*Failure reason\s?:", re.IGNORECASE)
_MOST_FOLDS = 6


@dataclass(slots=True)
class _Open:
    """A screen while its lines are read."""

    values: dict[str, Any] = field(default_factory=dict)
    tables: dict[str, dict[str, Any]] = field(default_factory=dict)
    entitlements: list[dict[str, Any]] = field(default_factory=list)
    sections: list[str] = field(default_factory=list)
    section: str = ""
    features: list[str] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    strangers: int = 0
    failing: tuple[str, str] | None = None  # the field that a "Failure reason" below it belongs to

    def close(self) -> Found[LicenseReport] | None:
        for section in TABLES.values():
            if section.attribute in self.tables:
                self.values[section.attribute] = section.make(**self.tables[section.attribute])
        self.values["entitlements"] = tuple(
            Entitlement(**entry) for entry in self.entitlements if "tag" in entry
        )
        telling = set(self.values) - {"entitlements", "rule", "usage_shown"}
        if not telling and not self.values["entitlements"]:
            return None
        return Found(
            fact=LicenseReport(**self.values, sections=tuple(self.sections)),
            lines=tuple(sorted(set(self.lines))),
        )

    def enter(self, section: str) -> None:
        self.section = section
        self.failing = None
        if section not in self.sections and section not in {"policy", "account", "miscellaneous"}:
            self.sections.append(section)


def parse(lines: Sequence[Line]) -> tuple[Found[LicenseReport], ...]:
    """Find each screen of the licensing agent, whole or in part, in any order of its sections."""
    found: list[Found[LicenseReport]] = []
    current: _Open | None = None
    folded = -1
    for index, line in enumerate(lines):
        text = line.text
        if not text.strip():
            continue
        if index <= folded and current is not None:
            current.lines.append(index)
            continue
        if current is None:
            if not _begins(lines, index):
                continue
            current = _Open()
        elif _begins_again(current, text):
            _keep(found, current)
            current = _Open()
        line, folded = _unfolded(lines, index)
        if _take(current, line):
            current.lines.append(index)
            current.strangers = 0
            continue
        current.strangers += 1
        if current.strangers > _MOST_STRANGERS:
            _keep(found, current)
            current = None
    if current:
        _keep(found, current)
    return tuple(found)


def _unfolded(lines: Sequence[Line], index: int) -> tuple[Line, int]:
    """A reason that quotes the portal's JSON, with the lines a terminal folded it onto, and the last one's index.

    An open brace shows that the reason goes on; without its end within a few lines it is taken as it stands.
    """
    line = lines[index]
    if "{" not in line.text or not _REASON.match(line.text):
        return line, index
    text = line.text
    for last in range(index, min(index + _MOST_FOLDS, len(lines))):
        if last > index:
            text += lines[last].text
        if text.count("{") == text.count("}"):
            return replace(line, text=text), last
    return line, index


def _keep(found: list[Found[LicenseReport]], current: _Open) -> None:
    closed = current.close()
    if closed and closed.lines:
        found.append(closed)


def _begins(lines: Sequence[Line], index: int) -> bool:
    """Whether a line starts a screen: its title, its first sentence, or a section with a field below it."""
    text = lines[index].text
    if _ENABLED.match(text) or _UDI.match(text):
        return True
    if len(text) > 60:
        return bool(_ENTITLEMENT.match(text)) and _followed_by(lines, index, ENTITLEMENT_KEYS)
    name = key(text)
    if name in TITLES:
        return any(_RULE.match(each.text) for each in lines[index + 1 : index + 3])
    if text.rstrip().endswith(":") and name in TABLES:
        return _followed_by(lines, index, FIELDS[TABLES[name].attribute])
    if name.startswith("smartagentforlicensing"):
        return True
    return bool(_ENTITLEMENT.match(text)) and _followed_by(lines, index, ENTITLEMENT_KEYS)


def _followed_by(lines: Sequence[Line], index: int, keys: dict[str, Field]) -> bool:
    for line in lines[index + 1 : index + 5]:
        if line.text.strip():
            part = label(line)
            return part is not None and part.key in keys
    return False


def _begins_again(current: _Open, text: str) -> bool:
    """Whether a line can only be the start of another screen."""
    if _ENABLED.match(text):
        return "enabled" in current.values or bool(current.tables) or bool(current.entitlements)
    return key(text) == "smartlicensingstatus" and bool(current.values)


def _take(current: _Open, line: Line) -> bool:
    """Store what a line says; whether it belongs to the screen."""
    text = line.text
    rule = _RULE.match(text)
    if rule:
        if current.section == "title":
            current.values.setdefault("rule", rule["rule"])
        return True
    enabled = _ENABLED.match(text)
    if enabled:
        current.values["enabled"] = Seen(enabled["word"].upper() == "ENABLED", line.whole)
        current.enter("enabled")
        return True
    name = key(text)
    part = label(line)
    if name in TITLES and len(text) < 60:
        current.enter(TITLES[name])
        if current.section == "usage":
            current.values["usage_shown"] = True
        return True
    if part is not None and not part.value and _heading(current, part):
        return True
    if _usage(current, line):
        return True
    if part is None:
        return _bare(current, line)
    return _flat(current, part) or _in_section(current, part)


def _heading(current: _Open, part: Label) -> bool:
    if part.key in TABLES:
        attribute = TABLES[part.key].attribute
        current.enter(attribute)
        current.tables.setdefault(attribute, {})
        return True
    if part.key in OTHER_SECTIONS and part.indent <= 2:
        current.enter(OTHER_SECTIONS[part.key])
        return True
    if part.key == "licenseusage":
        current.enter("usage")
        current.values["usage_shown"] = True
        return True
    return False


def _usage(current: _Open, line: Line) -> bool:
    """Read an entitlement's heading, a row of the summary's table, or the sentence that there is none."""
    text = line.text
    if _NO_USAGE.match(text):
        return True
    udi = _UDI.match(text)
    if udi:
        current.values["udi"] = Seen(udi["udi"].strip(), line.whole)
        if current.section != "product":
            current.enter("udi")
        return True
    if "(" not in text:
        return False
    heading = _ENTITLEMENT.match(text)
    if heading and key(text) not in TABLES:
        if current.section != "usage":
            current.enter("usage")
        current.entitlements.append(
            {"tag": Seen(heading["tag"], line.whole), "name": (heading["name"] or "").strip()}
        )
        return True
    row = _ROW.match(text)
    if row and current.section == "usage":
        current.entitlements.append(
            {
                "tag": Seen(row["tag"], line.whole),
                "name": (row["name"] or "").strip(),
                "count": Seen(int(row["count"]), line.whole),
                "status": Seen(row["status"], line.whole),
            }
        )
        return True
    return False


def _bare(current: _Open, line: Line) -> bool:
    """Read a line without a label."""
    text = line.text
    if current.section == "export" and len(text) < 120:
        current.features.append(text.strip())
        seen = current.values.get("export_features")
        if seen is not None:
            current.values["export_features"] = Seen(tuple(current.features), seen.span)
        return True
    words = text.strip().lower()
    if current.section == "transport" and words == "not configured":
        current.tables.setdefault("transport", {})["proxy"] = Seen(line.text.strip(), line.whole)
        return True
    if set(words) <= {"-"} or (words.startswith("license ") and "tag" in words):
        return current.section == "usage"
    return current.section in {"policy", "miscellaneous"} and len(text) < 160


def _flat(current: _Open, part: Label) -> bool:
    """Read a line that belongs to no section or names its own."""
    match part.key:
        case "smartagentforlicensing":
            current.values["agent_version"] = as_text(part)
            if current.section != "agent":
                current.enter("agent")
        case "licensereservation" if part.value:
            current.values["reservation"] = as_text(part)
            if current.section != "reservation":
                current.enter("reservation")
        case "trustcodeinstalled":
            current.values["trust_code"] = as_text(part)
            current.enter("trust_code")
        case "featuresauthorized":
            current.values["export_features"] = Seen((), part.line.whole)
            if current.section != "export":
                current.enter("export")
        case "status" if current.section in {"utility", "using_policy"}:
            current.values[current.section] = as_text(part)
        case _:
            return False
    return True


def _in_section(current: _Open, part: Label) -> bool:
    section = current.section
    if part.key == "failurereason":
        return _failure(current, part)
    if section == "usage":
        return _in_entitlement(current, part)
    if section in {"policy", "account", "miscellaneous", "reservation", "product", "trust_code"}:
        return True
    known = FIELDS.get(section, {}).get(part.key)
    if known is None:
        return False
    value = known.read(part)
    table = current.tables.setdefault(section, {})
    if known.attribute == "deadline" and value is None and "EXCEEDED" in part.value.upper():
        table.setdefault("deadline_exceeded", Seen(part.value, part.line.whole))
    if value is not None:
        # The last of two equal lines wins nothing: captures repeat lines, and the first is as good.
        table.setdefault(known.attribute, value)
    if section == "privacy" and part.key == "callhomehostnameprivacy":
        table.setdefault("indented", part.indent >= 4)
    current.failing = (section, known.attribute)
    return True


def _in_entitlement(current: _Open, part: Label) -> bool:
    known = ENTITLEMENT_KEYS.get(part.key)
    if known is None:
        return part.key in {"featurename", "featuredescription", "licensetype", "enforcementtype"}
    if current.entitlements:
        value = known.read(part)
        if value is not None:
            current.entitlements[-1].setdefault(known.attribute, value)
    return True


def _failure(current: _Open, part: Label) -> bool:
    """Give a failure's reason to the attempt above it."""
    if current.failing is None:
        return True
    section, attribute = current.failing
    held = current.tables.get(section, {}).get(attribute)
    if isinstance(held, Attempt) and held.reason is None:
        current.tables[section][attribute] = Attempt(
            outcome=held.outcome, time=held.time, reason=Seen(part.value, part.line.whole)
        )
    return True


# ------------------------------------------------------------------------------------------------ printing


def render(report: LicenseReport) -> str:
    """Print a screen: its sections in the order of `report.sections`, a section it does not name left out."""
    pages = [page for section in report.sections if (page := _section(report, section))]
    return "\n\n".join("\n".join(page) for page in pages)


def _section(report: LicenseReport, section: str) -> list[str]:
    table = next((each for each in TABLES.values() if each.attribute == section), None)
    if table is not None:
        return _table(table, getattr(report, section))
    match section:
        case "title":
            return ["Smart Licensing Status", report.rule]
        case "enabled" if report.enabled:
            return [f"Smart Licensing is {'ENABLED' if report.enabled.value else 'DISABLED'}"]
        case "export":
            features = report.export_features.value if report.export_features else ()
            return [
                "Export Authorization Key:",
                "  Features Authorized:",
                *(f"    {each}" for each in features),
            ]
        case "utility":
            return ["Utility:", f"  Status: {report.utility}"]
        case "using_policy":
            return ["Smart Licensing Using Policy:", f"  Status: {report.using_policy}"]
        case "trust_code":
            return [f"Trust Code Installed: {report.trust_code}"]
        case "usage":
            return _usage_section(report)
        case "table":
            return _usage_table(report)
        case "product" if report.udi:
            return ["Product Information", "===================", f"UDI: {report.udi}"]
        case "udi" if report.udi:
            return [f"UDI: {report.udi}"]
        case "agent" if report.agent_version:
            return ["Agent Version", "=============", f"Smart Agent for Licensing: {report.agent_version}"]
        case "reservation" if report.reservation:
            return ["Reservation Info", "================", f"License reservation: {report.reservation}"]
    return []


def _table(section: Section, fact: Any) -> list[str]:
    lines = [f"{section.heading}:{section.blank}"]
    for each in section.fields:
        value = getattr(fact, each.attribute)
        if value is None:
            continue
        if each is PROXY and _shown(value) in {"", "Not Configured"}:
            # Its parts, or the word that there is none, stand on lines of their own.
            lines += ["  Proxy:", *(["    Not Configured"] if _shown(value) else [])]
            continue
        indent = 2 if section is PRIVACY and not fact.indented else each.indent
        lines.append(f"{' ' * indent}{each.title}: {_shown(value)}")
        if isinstance(value, Attempt) and value.reason:
            lines.append(f"    Failure reason: {value.reason}")
    return lines


def _shown(value: object) -> str:
    if isinstance(value, Attempt):
        return f"{value.outcome} on {moment.render(value.time)}" if value.time else str(value.outcome)
    return str(value)


def _usage_section(report: LicenseReport) -> list[str]:
    lines = ["License Usage", "=============="] if report.usage_shown else []
    if not report.entitlements:
        return [*lines, "", "No licenses in use"]
    for entry in report.entitlements:
        if lines:
            lines.append("")
        lines.append(f"{entry.name} ({entry.tag}):" if entry.name else f"({entry.tag}):")
        for each in ENTITLEMENT_FIELDS:
            value = getattr(entry, each.attribute)
            if value is not None:
                lines.append(f"  {each.title}: {value}")
    return lines


def _usage_table(report: LicenseReport) -> list[str]:
    """The table of ``show license summary``."""
    lines = ["License Usage:"]
    if not report.entitlements:
        return [*lines, "  No licenses in use"]
    lines += [f"  {'License':<23} {'Entitlement tag':<27} {'Count':>5} Status", "  " + "-" * 77]
    for entry in report.entitlements:
        tag = f"({entry.tag})"
        count = entry.count.value if entry.count else 0
        lines.append(f"  {entry.name:<23} {tag:<27} {count:>5} {entry.status or ''}".rstrip())
    return lines
