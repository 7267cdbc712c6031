"""docs/reference/rules.md and a page for each cause the doctor knows, from the rule's own record."""

from anchorwatch.devices.redaction import redact
from anchorwatch.doctor.finding import Confidence
from anchorwatch.doctor.rule import Example, Rule
from anchorwatch.doctor.rules import BY_CODE, RULES

_CAPS = {
    Confidence.CONFIRMED: "*confirmed*, where every piece of evidence is there; else *likely*.",
    Confidence.LIKELY: "at most *likely*.",
    Confidence.CANDIDATE: "never more than a *candidate*: it rests on signs that fit other causes too, or on words that "
    "were not seen on a device.",
}
_PLATFORMS = {
    "asa": "ASA",
    "fxos": "FXOS (4100, 9300)",
    "ios-xe": "IOS-XE",
    "ios-xr": "IOS-XR",
    "nx-os": "NX-OS",
    "ftd": "FTD",
}


def index(written: str) -> str:
    """The list of all rules; `written` is the mark of pages that are not written by hand."""
    rows = [
        f"| [`{rule.code}`](rules/{rule.code}.md) | {rule.severity} | {rule.cap} | {rule.rung or ''} | {_cell(rule.sentence)} |"
        for rule in sorted(RULES, key=lambda rule: rule.code)
    ]
    parts = [
        "# What the doctor knows",
        written,
        (
            "Every cause, state and remark that `anchorwatch diagnose` can name, by its stable code.\n"
            "*Surest* is the highest confidence a rule may reach, *rung* the rung of the ladder that fails: "
            "clock, DNS, route, TLS, trust, HTTP, portal, entitlement."
        ),
        "| code | severity | surest | rung | meaning |\n| --- | --- | --- | --- | --- |\n" + "\n".join(rows),
    ]
    return "\n\n".join(parts) + "\n"


def page(rule: Rule, written: str) -> str:
    """The page of one rule."""
    parts = [
        f"# {rule.code}",
        written,
        rule.sentence,
        f"Severity: {rule.severity}.\nConfidence: {_CAPS[rule.cap]}"
        + (f"\nRung of the ladder: {rule.rung}." if rule.rung else ""),
        "## Evidence",
        "\n".join(f"- {_sentence(each)}" for each in rule.evidence),
        "## What looks like it",
        "\n".join(
            f"- {_link(each.cause)}: {_sentence(each.difference, capital=False)}" for each in rule.look_alikes
        ),
    ]
    if rule.explains:
        parts += [
            "## What it explains",
            "While this stands, these are told as its consequences: "
            + ", ".join(_link(code) for code in rule.explains)
            + ".",
        ]
    parts += [
        "## What mends it",
        "\n".join(
            f"- {_PLATFORMS[platform]}: {_sentence(text, capital=False)}" for platform, text in rule.remedy
        ),
        "## How to prove it",
        _sentence(rule.verification),
    ]
    for heading, example in (("An example", rule.holds), ("An example that is not one", rule.silent)):
        if example is not None:
            parts += [f"## {heading}", example.title, _text(example)]
    if rule.sources:
        parts += ["## Sources", "\n".join(f"- {_source(each)}" for each in rule.sources)]
    return "\n\n".join(parts) + "\n"


def pages(written: str) -> dict[str, str]:
    """File names below docs/reference/rules/ and their text."""
    return {f"{rule.code}.md": page(rule, written) for rule in RULES}


def _link(code: str) -> str:
    return f"[{code}]({code}.md)" if code in BY_CODE else f"`{code}`"


def _sentence(text: str, *, capital: bool = True) -> str:
    text = text.strip()
    text = text if text.endswith((".", "!", "?")) else text + "."
    return text[0].upper() + text[1:] if capital and text[0].isalpha() else text


def _source(text: str) -> str:
    """A source; sections of the notes on the domain are given by number alone."""
    head, _, rest = text.partition(" ")
    return _sentence(f"The project's notes on the domain, section {rest}" if head == "domain" else text)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _text(example: Example) -> str:
    lines = [line.rstrip() for line in redact(example.text).text.strip("\n").split("\n")]
    return "```text\n" + "\n".join(lines) + "\n```"
