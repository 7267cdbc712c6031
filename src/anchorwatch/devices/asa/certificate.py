"""``show crypto ca certificates`` and the pool's listings, of the ASA and of IOS-XE.

Both print a block for each certificate with the same labels, but not quite: IOS-XE says ``Issuer:`` where the ASA
says ``Issuer Name:``, writes serials in upper case behind ``(hex)``, and breaks a name at each comma onto the next
line.
A web page loses the indentation and may put blank lines between the fields.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from anchorwatch.devices import moment, printed_name
from anchorwatch.devices.capture import Line
from anchorwatch.devices.fact import StoredCertificate
from anchorwatch.devices.printed_name import PrintedName
from anchorwatch.devices.screen import Found, Label, label, next_word_line
from anchorwatch.devices.span import Seen

_HEADINGS = {
    "ca certificate": "CA Certificate",
    "certificate": "Certificate",
    "ra signature certificate": "RA Signature Certificate",
    "ra keyencipher certificate": "RA KeyEncipher Certificate",
    "router self-signed certificate": "Router Self-Signed Certificate",
    "subordinate ca certificate": "Subordinate CA Certificate",
}
_FIRST_FIELDS = {
    "status", "version", "certificateserialnumber", "certificateserialnumberhex", "fingerprint", "issuer", "issuername",
    "certificateusage", "fingerprintmd5",
}  # fmt: skip
_SIMPLE = {
    "status": "status",
    "certificateserialnumber": "serial",
    "certificateserialnumberhex": "serial",
    "serialnumber": "serial",
    "serialnumberhex": "serial",
    "certificateusage": "usage",
    "publickeytype": "key_type",
    "signaturealgorithm": "signature_algorithm",
    "trustpool": "origin",
}
_NAMES = {"issuername": "issuer", "issuer": "issuer", "subjectname": "subject", "subject": "subject"}
_DATES = {"startdate": "not_before", "enddate": "not_after"}
_FINGERPRINTS = {"fingerprint", "fingerprintmd5", "md5fingerprint"}
_IGNORED = {
    "version", "validitydate", "crldistributionpoints", "ocspaia", "url", "storage", "publickeyalgorithm", "rsapublickey",
    "subjectkeyinfo", "cadownloadurl", "name", "serialnumberhex", "keylabel", "keystoragedevice", "renewdate",
    "fingerprintsha1", "fingerprintsha256", "authorityinfoaccess", "caissuers", "ocsp", "x509v3extensions", "cdp",
}  # fmt: skip
_URL = re.compile(r"(?:^|\s)((?:https?|ldap)://\S{1,500})", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"^\s*(?:[A-Za-z][A-Za-z-]{0,30}|\d+(?:\.\d+)+)\s?=")


@dataclass(slots=True)
class _Gathering:
    """A certificate while its lines are read; `name` and `urls` are what a line without a label belongs to."""

    kind: str
    lines: list[int]
    fields: dict[str, Any] = field(default_factory=dict)
    names: dict[str, tuple[Line, list[str]]] = field(default_factory=dict)
    ocsp: list[str] = field(default_factory=list)
    crl: list[str] = field(default_factory=list)
    name: str | None = None
    urls: list[str] | None = None
    strangers: int = 0

    def close(self) -> Found[StoredCertificate]:
        for name, (line, parts) in self.names.items():
            self.fields[name] = Seen(printed_name.parse_lines(parts), line.whole)
        fact = StoredCertificate(
            kind=self.kind, ocsp_urls=tuple(self.ocsp), crl_urls=tuple(self.crl), **self.fields
        )
        return Found(fact=fact, lines=tuple(self.lines))

    def take(self, line: Line) -> bool:
        """Whether the line belongs to this certificate; its content is stored."""
        part = label(line)
        if part is not None and _take(self, part):
            self.name = _NAMES.get(part.key)
            lists = {"ocspaia": self.ocsp, "crldistributionpoints": self.crl}
            self.urls = lists.get(part.key, self.urls if part.key == "url" else None)
        elif self.name and self._continues_name(line):
            where, parts = self.names[self.name]
            self.names[self.name] = (line if not parts else where, [*parts, self._part(line)])
        elif self.urls is None or not _URL.search(line.text):
            self.strangers += 1
            return False
        if self.urls is not None:
            self.urls.extend(url[1] for url in _URL.finditer(line.text))
        self.strangers = 0
        return True

    @staticmethod
    def _part(line: Line) -> str:
        """The words of a line of a name; a continuation that is indented deeper than attributes keeps a blank."""
        torn = line.text.startswith("     ") and not _ATTRIBUTE.match(line.text)
        return (" " if torn else "") + line.text.strip()

    def _continues_name(self, line: Line) -> bool:
        """Whether a line is an attribute of the name being read, or the rest of a value broken at a comma."""
        if _ATTRIBUTE.match(line.text):
            return True
        started = bool(self.name and self.names[self.name][1])
        return started and len(line.text) < 120 and not line.text.lstrip().startswith(("[", "%", "http"))


# So many lines that fit no field end a certificate: what follows is something else.
_MOST_STRANGERS = 4


def parse(lines: Sequence[Line]) -> tuple[Found[StoredCertificate], ...]:
    """Find each certificate block, of either platform; a line that fits no field ends nothing and is left over."""
    found: list[Found[StoredCertificate]] = []
    current: _Gathering | None = None
    for index, line in enumerate(lines):
        text = line.text.strip()
        if not text:
            continue
        heading = _heading(lines, index, text)
        if heading:
            if current:
                found.append(current.close())
            current = _Gathering(kind=heading, lines=[index])
        elif current is None:
            continue
        elif current.take(line):
            current.lines.append(index)
        elif current.strangers > _MOST_STRANGERS:
            found.append(current.close())
            current = None
    if current:
        found.append(current.close())
    return tuple(found)


def _heading(lines: Sequence[Line], index: int, text: str) -> str | None:
    kind = _HEADINGS.get(" ".join(text.lower().split()))
    if kind is None:
        return None
    following = next_word_line(lines, index)
    part = label(lines[following]) if following is not None else None
    return kind if part and part.key in _FIRST_FIELDS else None


def _take(current: _Gathering, part: Label) -> bool:
    """Store a labelled line; whether its label was known."""
    if part.key in _SIMPLE:
        name = _SIMPLE[part.key]
        if name not in current.fields and part.value:
            value = re.sub(r"[\s:]", "", part.value) if name == "serial" else part.value
            current.fields[name] = Seen(value, part.line.whole)
        return True
    if part.key in _NAMES:
        parts = [part.value] if part.value else []
        current.names.setdefault(_NAMES[part.key], (part.line, parts))
        return True
    if part.key in _DATES:
        time = moment.parse(part.value)
        if time:
            current.fields.setdefault(_DATES[part.key], Seen(time, part.line.whole))
        return True
    if part.key in _FINGERPRINTS:
        digits = re.sub(r"[\s:]", "", part.value).lower()
        current.fields.setdefault("fingerprint", Seen(digits, part.line.whole))
        return True
    if part.key in {"associatedtrustpoints", "associatedtrustpoint"}:
        current.fields.setdefault("trustpoints", Seen(tuple(part.value.split()), part.line.whole))
        return True
    return part.key in _IGNORED


def render(certificate: StoredCertificate) -> str:
    """Print one certificate as the ASA does in ``show crypto ca certificates``."""
    lines = [certificate.kind]
    for title, value in (
        ("Status", certificate.status),
        ("Fingerprint", certificate.fingerprint),
        ("Certificate Serial Number", certificate.serial),
        ("Certificate Usage", certificate.usage),
        ("Public Key Type", certificate.key_type),
        ("Signature Algorithm", certificate.signature_algorithm),
    ):
        if value is not None:
            lines.append(f"  {title}: {value}")
    for title, name in (("Issuer Name", certificate.issuer), ("Subject Name", certificate.subject)):
        if name is not None:
            lines.append(f"  {title}:")
            lines += [f"    {kind}={printed_name.escape(part)}" for kind, part in name.value.attributes]
    if certificate.ocsp_urls:
        lines.append("  OCSP AIA:")
        lines += [f"    URL: {url}" for url in certificate.ocsp_urls]
    if certificate.crl_urls:
        lines.append("  CRL Distribution Points:")
        lines += [f"    [{number}]  {url}" for number, url in enumerate(certificate.crl_urls, start=1)]
    if certificate.not_before or certificate.not_after:
        lines.append("  Validity Date:")
        if certificate.not_before:
            lines.append(f"    start date: {certificate.not_before}")
        if certificate.not_after:
            lines.append(f"    end   date: {certificate.not_after}")
    if certificate.trustpoints:
        lines.append(f"  Associated Trustpoints: {' '.join(certificate.trustpoints.value)}")
    return "\n".join(lines)


def render_iosxe(certificate: StoredCertificate) -> str:
    """Print one certificate as IOS-XE does in ``show crypto pki trustpool``."""
    lines = [certificate.kind]
    for title, value in (
        ("Status", certificate.status),
        ("Certificate Serial Number (hex)", certificate.serial),
        ("Certificate Usage", certificate.usage),
    ):
        if value is not None:
            lines.append(f"  {title}: {value}")
    for title, name in (("Issuer", certificate.issuer), ("Subject", certificate.subject)):
        if name is not None:
            lines.append(f"  {title}: ")
            lines += _broken_at_commas(name.value)
    if certificate.crl_urls:
        lines.append("  CRL Distribution Points: ")
        lines += [f"    {url}" for url in certificate.crl_urls]
    if certificate.not_before or certificate.not_after:
        lines.append("  Validity Date: ")
        if certificate.not_before:
            lines.append(f"    start date: {certificate.not_before}")
        if certificate.not_after:
            lines.append(f"    end   date: {certificate.not_after}")
    if certificate.trustpoints:
        lines.append(f"  Associated Trustpoints: {' '.join(certificate.trustpoints.value)} ")
    if certificate.origin:
        lines.append(f"  Trustpool: {certificate.origin}")
    return "\n".join(lines)


def _broken_at_commas(name: PrintedName) -> list[str]:
    return [f"    {part}" for kind, value in name.attributes for part in f"{kind}={value}".split(",")]
