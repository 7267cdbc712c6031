"""docs/reference/profiles.md, written from the profiles, the words beside their fields and their evidence."""

import ast
import dataclasses
import inspect
from enum import Enum

from anchorwatch.pki import lint, profile
from anchorwatch.pki.constraint import ConstraintRule
from anchorwatch.pki.evidence import EVIDENCE
from anchorwatch.pki.name import NameRule
from anchorwatch.pki.profile import PROFILES, Limits, Profile

NOT_AXES = {"name", "title", "unknown"}


def profiles_page(written: str) -> str:
    """The page: a table for each axis, profile by profile, each value with its source."""
    words = _field_words(profile, "Profile")
    parts = [
        "# Profiles",
        written,
        (
            "How a given client decides, axis by axis.\n"
            "Every value names where it comes from; what nobody has shown is *unknown*, and the judge then decides "
            "under each value and says so where the answer hangs on it.\n"
            "`rfc5280-strict` and `cabf` hold rules for issuers and judge test vectors and certificates, "
            "never devices."
        ),
        "| profile | whose rules |\n| --- | --- |\n"
        + "\n".join(f"| `{each.name}` | {each.title} |" for each in PROFILES.values()),
    ]
    for field in dataclasses.fields(Profile):
        if field.name in NOT_AXES:
            continue
        rows = "\n".join(
            f"| `{each.name}` | {_value(each, field.name)} | {EVIDENCE[each.name][field.name]} |"
            for each in PROFILES.values()
        )
        parts += [
            f"## {field.name}",
            words.get(field.name, ""),
            f"| profile | value | source |\n| --- | --- | --- |\n{rows}",
        ]
    parts += ["## Rules for issuers", _lint_table()]
    return "\n\n".join(part for part in parts if part) + "\n"


def _field_words(module: object, name: str) -> dict[str, str]:
    """The strings that stand below the fields of a class, on one line each."""
    tree = ast.parse(inspect.getsource(module))  # type: ignore[arg-type]  # a module
    (found,) = (node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name)
    words = {}
    for field, text in zip(found.body, found.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr):
            value = getattr(text.value, "value", None)
            if isinstance(value, str) and isinstance(field.target, ast.Name):
                words[field.target.id] = " ".join(value.split())
    # Two fields that share their words stand together; the second has the text.
    words.setdefault("minimum_rsa", "The fewest bits of an RSA key in leaf and intermediates.")
    words.setdefault("minimum_anchor_rsa", "The fewest bits of an anchor's RSA key.")
    words.setdefault("anchors", "Which certificates of a store may end a path.")
    words.setdefault("builder", "How the client looks for a path.")
    words.setdefault("names", "How a server's name is compared.")
    words.setdefault("purpose", "What a leaf must say about its purpose.")
    words.setdefault("limits", "How much work one question may cause.")
    return words


def _value(of: Profile, axis: str) -> str:
    varied = [label for each in of.unknown for label, settings in each.choices if axis in dict(settings)]
    if varied:
        return "*unknown*: " + " or ".join(varied)
    return _shown(getattr(of, axis), of)


def _shown(value: object, of: Profile) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case Enum():
            return f"`{value.value}`"
        case None:
            return "any"
        case NameRule() | ConstraintRule() | Limits():
            return ", ".join(f"{name} {_shown(each, of)}" for name, each in dataclasses.asdict(value).items())
        case frozenset() if value == of.lint and value:
            return f"{len(value)} rules, below"
        case frozenset():
            return ", ".join(f"`{each}`" for each in sorted(value)) or "none"
        case int():
            return str(value) if value else "no bound"
        case _:
            return f"`{value}`"


def _lint_table() -> str:
    strict, cabf = PROFILES["rfc5280-strict"].lint, PROFILES["cabf"].lint
    rows = "\n".join(
        f"| `{name}` | a certificate {rule.sentence} | {rule.section} | "
        f"{'yes' if name in strict else ''} | {'yes' if name in cabf else ''} |"
        for name, rule in lint.RULES.items()
    )
    return (
        f"| rule | broken where | source | rfc5280-strict | cabf |\n| --- | --- | --- | --- | --- |\n{rows}"
    )
