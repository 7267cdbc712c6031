"""docs/reference/formats.md: what is read, what is complained about, and within which limits, from the code."""

import ast
import dataclasses
import inspect

from anchorwatch.formats.complaint import Code
from anchorwatch.formats.limits import DEFAULT, Limits
from anchorwatch.formats.verification import BUNDLE_SIGNING, CISCO_PINS, ObjectionCode
from anchorwatch.formats.writer import Form

_READ = {
    "`pem`": "Blocks in any text: quoted in a mail, indented, wrapped at any width, with any line end, on one line "
    "of JSON, between prompts, pagers and log lines of a console. Labels CERTIFICATE, X509 CERTIFICATE, TRUSTED "
    "CERTIFICATE, PKCS7, CMS; the content decides, not the label.",
    "`base64`": "The same without BEGIN and END, as one pastes it into a device.",
    "`der`": "One certificate, or several one behind the other.",
    "`pkcs7`": "A PKCS#7 or CMS list of certificates that nobody signed, DER or BER, read entry by entry.",
    "`signed`": "A signed bundle: a list of certificates inside a signed message.",
    "`running-config`": "Hex under `crypto ca certificate chain` (ASA) or `crypto pki certificate chain` (IOS), "
    "with the trustpoint's name, the declared serial number held against the certificate.",
    "`mixed`": "Several of these behind one another.",
}
_WRITTEN = {
    Form.PEM: "Text, lines of 64.",
    Form.DER: "Octets; several certificates one behind the other, which few other programs read.",
    Form.PKCS7: "A list that nobody signed, in the order given.",
    Form.PKCS7_PEM: "The same as text.",
    Form.RUNNING_CONFIG: "A trustpoint's part of an ASA configuration.",
}


def formats_page(written: str) -> str:
    """The page; `written` is the mark of pages that are not written by hand."""
    parts = [
        "# Formats",
        written,
        (
            "What `bundle`, `store` and `judge` read, what they complain about, and within which limits.\n"
            "What an input is, is told by its first octets and by marks in its text, never by a file's name."
        ),
        "## Read",
        _table(("form", "what it is"), _READ),
        "## Written",
        (
            "What is written reads back as the same certificates in the same order.\n"
            "`bundle build` makes signed bundles."
        ),
        _table(("form", "what it is"), {f"`{form}`": text for form, text in _WRITTEN.items()}),
        "## Complaints",
        (
            "One bad entry never fails a bundle; it becomes a complaint with its line, byte offset or entry.\n"
            "Where something was lost that the input was meant to hold, the exit status is 1 and nothing is written; "
            "the others are remarks.\n"
            "Nothing is ever repaired."
        ),
        _table(("code", "meaning"), {f"`{code}`": code.meaning for code in Code}),
        "## Objections to a signed bundle",
        (
            "Every reason not to believe a bundle is told, in this order.\n"
            "Unless a rule says otherwise, the signer's certificate must have the purpose "
            f"`{BUNDLE_SIGNING}`, the bundle must be signed over SHA-256, SHA-384 or SHA-512, and the path must end at "
            f"the certificate with SHA-256 `{min(CISCO_PINS)}` (Cisco Root CA M1)."
        ),
        _table(("code", "meaning"), {f"`{code}`": code.meaning for code in ObjectionCode}),
        "## Limits",
        "What lies beyond a limit is told in one sentence and not read at all.",
        _table(("limit", "value", "what it bounds, and where the number comes from"), _limits()),
    ]
    return "\n\n".join(parts) + "\n"


def _table(heads: tuple[str, ...], rows: dict[str, str]) -> str:
    lines = [f"| {' | '.join(heads)} |", f"| {' | '.join('---' for _ in heads)} |"]
    lines += [f"| {name} | {text} |" for name, text in rows.items()]
    return "\n".join(lines)


def _limits() -> dict[str, str]:
    """Each limit with its value and the text below it in the source."""
    (record,) = ast.parse(inspect.getsource(Limits)).body
    assert isinstance(record, ast.ClassDef)
    texts: dict[str, str] = {}
    for field, text in zip(record.body, record.body[1:], strict=False):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(text, ast.Expr)
        ):
            texts[field.target.id] = str(ast.literal_eval(text.value))
    return {
        f"`{field.name}`": f"{getattr(DEFAULT, field.name):,} | {texts[field.name]}"
        for field in dataclasses.fields(Limits)
    }
