"""The front door: any bytes in, certificates and complaints out.

`read` recognises what it is given by its first octets and by marks in the text, not by a file's name,
and goes on behind every bad entry. Nothing is trusted by being read; `verification.verify` and the
judge decide about that.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from anchorwatch.formats import pem, pkcs7, runconfig, tlv
from anchorwatch.formats.cms import SignedBundle, read_signed
from anchorwatch.formats.complaint import Code, Complaint
from anchorwatch.formats.damage import Damage, announced_size
from anchorwatch.formats.likeness import edits
from anchorwatch.formats.limits import DEFAULT, Limits
from anchorwatch.formats.tlv import TlvError
from anchorwatch.pki import der
from anchorwatch.pki.certificate import Certificate, MalformedCertificateError

__all__ = ["Bundle", "Place", "read"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a certificate of a bundle stood: its line or byte offset, and the trustpoint that holds it."""

    line: int | None = None
    offset: int | None = None
    trustpoint: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """What an input holds, in the order of the input, duplicates included.

    `form` is `pem`, `base64`, `der`, `pkcs7`, `signed`, `running-config`, `mixed` or `unknown`. `places` runs
    parallel to `certificates`. `lost` counts entries that should have been certificates and are not.
    `signed` is what the outer layer claims when there is one; reading it is not believing it.
    """

    form: str
    source: str
    certificates: tuple[Certificate, ...] = field(repr=False)
    places: tuple[Place, ...] = field(repr=False, default=())
    complaints: tuple[Complaint, ...] = ()
    lost: int = 0
    signed: SignedBundle | None = None

    @property
    def is_whole(self) -> bool:
        """Whether everything the input was meant to hold is in `certificates`."""
        return not any(complaint.loss for complaint in self.complaints)

    @property
    def damages(self) -> tuple[Damage, ...]:
        """The damaged blocks, measured."""
        return tuple(complaint.damage for complaint in self.complaints if complaint.damage is not None)


def read(data: bytes, *, source: str = "<bytes>", limits: Limits = DEFAULT) -> Bundle:
    """Read certificates out of anything; what is wrong with it comes back as complaints.

    Never raises for bad content, and works within `limits`. `source` is how the input is called.
    """
    reader = _Reader(source, limits)
    reader.read(bytes(data))
    return reader.bundle()


_OTHER_FORMS = (
    (b"\xfe\xed\xfe\xed", "a Java key store (JKS)"),
    (b"\x1f\x8b", "compressed with gzip"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"BZh", "compressed with bzip2"),
    (b"\xfd7zXZ\x00", "compressed with xz"),
)


class _TooManyError(Exception):
    pass


class _Reader:
    """Collects what one input holds."""

    def __init__(self, source: str, limits: Limits) -> None:
        self.source = source
        self.limits = limits
        self.forms: list[str] = []
        self.certificates: list[Certificate] = []
        self.places: list[Place] = []
        self.complaints: list[Complaint] = []
        self.untold = 0
        self.untold_loss = False
        self.lost = 0
        self.seen = 0
        self.signed: SignedBundle | None = None

    def bundle(self) -> Bundle:
        if self.untold:
            sentence = f"{self.untold} more complaints of the same kinds are not told one by one"
            self.complaints.append(Complaint(code=Code.MORE, sentence=sentence, loss=self.untold_loss))
        forms = list(dict.fromkeys(self.forms))
        return Bundle(
            form=forms[0] if len(forms) == 1 else "mixed" if forms else "unknown",
            source=self.source,
            certificates=tuple(self.certificates),
            places=tuple(self.places),
            complaints=tuple(self.complaints),
            lost=self.lost,
            signed=self.signed,
        )

    def complain(
        self,
        code: Code,
        sentence: str,
        *,
        line: int | None = None,
        offset: int | None = None,
        loss: bool = True,
        entry: int | None = None,
        damage: Damage | None = None,
    ) -> None:
        if len(self.complaints) >= self.limits.complaints:
            self.untold += 1
            self.untold_loss |= loss
            return
        self.complaints.append(
            Complaint(
                code=code, sentence=sentence, line=line, offset=offset, loss=loss, entry=entry, damage=damage
            )
        )

    def read(self, data: bytes) -> None:
        if len(data) > self.limits.size:
            sentence = f"the input is longer than {self.limits.size} bytes; nothing of it was read"
            self.complain(Code.TOO_LARGE, sentence)
            return
        if not data.strip():
            self.complain(Code.EMPTY, "the input is empty")
            return
        try:
            rest = self._binary(data)
            if rest < len(data):
                self._text(pem.decode_text(data[rest:]), data[rest:], rest)
        except _TooManyError:
            self.certificates.clear()
            self.places.clear()
            self.complaints.clear()
            self.untold = 0
            sentence = f"the input holds more than {self.limits.certificates} entries; none of them was kept"
            self.complain(Code.TOO_MANY, sentence)

    # ------------------------------------------------------------------------------ octets

    def _binary(self, data: bytes) -> int:
        """Read DER structures that stand at the start of the input; where they end."""
        at = 0
        while at < len(data) and _looks_like_der(data, at):
            end = self._structure(data, at, Place(offset=at))
            if end is None:
                return len(data)
            at = end
        if at and not data[at:].strip(b"\x00 \t\r\n"):
            return len(data)
        if at and not _is_text(data[at:]):
            sentence = f"{len(data) - at} bytes follow the last structure"
            self.complain(Code.EXTRA_BYTES, sentence, offset=at)
            return len(data)
        return at

    def _structure(self, data: bytes, at: int, place: Place) -> int | None:
        """Read the structure at `at`; where it ends, None when it does not."""
        if pkcs7.is_signed_data(data, at):
            return self._container(data, at, place)
        self.forms.append("der")
        try:
            element = tlv.read_element(data, at, nesting=self.limits.nesting)
        except TlvError as error:
            self.lost += 1
            self.complain(Code.TRUNCATED, f"a certificate is cut off: {error}", offset=at)
            return None
        self._certificate(element.raw, place)
        return element.end

    def _count(self) -> None:
        self.seen += 1
        if self.seen > self.limits.certificates:
            raise _TooManyError

    def _certificate(self, octets: bytes, place: Place, entry: int | None = None) -> Certificate | None:
        self._count()
        try:
            certificate = Certificate.from_der(octets)
        except MalformedCertificateError as error:
            self.lost += 1
            subject = "this" if entry is None else f"entry {entry}"
            kind = "" if entry is None else " is not a certificate"
            sentence = f"{subject}{kind}: {error}" if kind else f"{subject} is {error}"
            self.complain(Code.BAD_CERTIFICATE, sentence, line=place.line, offset=place.offset, entry=entry)
            return None
        self._keep(certificate, place, entry)
        return certificate

    def _keep(self, certificate: Certificate, place: Place, entry: int | None = None) -> None:
        self.certificates.append(certificate)
        self.places.append(place)
        if certificate.leniency is not None:
            # Our own words where we have some; the other library's, shortened, where not.
            why = "; ".join(certificate.irregularities) or certificate.leniency[:200]
            sentence = f"{certificate.title} was read although strict readers refuse it: {why}"
            self.complain(
                Code.LENIENT, sentence, line=place.line, offset=place.offset, loss=False, entry=entry
            )

    def _container(self, data: bytes, at: int, place: Place) -> int | None:
        try:
            outer = pkcs7.open_signed_data(data, at, nesting=self.limits.nesting)
            is_signed = outer.signers is not None and outer.signers.stop > outer.signers.content
            if not is_signed:
                self.forms.append("pkcs7")
                self._entries(outer, place)
                return outer.message.end
            self.forms.append("signed")
            if self.signed is not None:
                sentence = "only the first signed bundle of an input is read"
                self.complain(Code.BAD_CONTAINER, sentence, line=place.line, offset=at)
                return outer.message.end
            sent = self._sent(outer)
            self.signed = read_signed(outer, sent, nesting=self.limits.nesting)
        except (TlvError, der.DerError) as error:
            announced = announced_size(data[at : at + 8])
            missing = 0 if announced is None else at + announced - len(data)
            offset = getattr(error, "offset", at)
            self.lost += 1
            if missing > 0:
                sentence = f"the bundle is cut off: {announced} bytes are announced, {missing} are missing"
                self.complain(Code.TRUNCATED, sentence, line=place.line, offset=at)
                return None
            self.complain(
                Code.BAD_CONTAINER, f"the bundle cannot be read on: {error}", line=place.line, offset=offset
            )
            return at + announced if announced else None
        self._inner(self.signed.content)
        return outer.message.end

    def _sent(self, outer: pkcs7.SignedData) -> list[Certificate]:
        """The certificates of the signing layer; a bad one of these is no entry of the bundle."""
        sent: list[Certificate] = []
        for number, entry in enumerate(pkcs7.entries(outer), 1):
            self._count()
            try:
                sent.append(Certificate.from_der(entry.raw))
            except MalformedCertificateError as error:
                sentence = f"certificate {number} of the signing layer is {error}"
                self.complain(Code.BAD_CERTIFICATE, sentence, offset=entry.start, loss=False)
        return sent

    def _inner(self, content: bytes) -> None:
        """Read what a signed bundle carries; offsets are those inside the content."""
        try:
            if not pkcs7.is_signed_data(content):
                raise TlvError("it is not a list of certificates", 0)
            inner = pkcs7.open_signed_data(content, nesting=self.limits.nesting)
            if inner.message.end != len(content):
                sentence = f"{len(content) - inner.message.end} bytes follow the inner layer"
                self.complain(Code.EXTRA_BYTES, sentence, offset=inner.message.end)
            self._entries(inner, Place())
        except TlvError as error:
            self.lost += 1
            sentence = f"the inner layer cannot be read: {error}"
            self.complain(Code.BAD_INNER_LAYER, sentence, offset=error.offset)

    def _entries(self, container: pkcs7.SignedData, place: Place) -> None:
        """Read the entries of a list, each for itself; raises TlvError when the structure breaks off."""
        number = 0
        for entry in pkcs7.entries(container):
            number += 1
            spot = Place(line=place.line, offset=entry.start)
            if entry.tag == der.SEQUENCE:
                self._certificate(entry.raw, spot, number)
            else:
                self._count()
                sentence = f"entry {number} is of a kind that no longer exists (tag {entry.tag:#04x})"
                self.complain(
                    Code.NOT_A_CERTIFICATE, sentence, line=place.line, offset=entry.start, loss=False
                )
        if not number:
            self.complain(Code.EMPTY, "the list of certificates is empty", line=place.line, loss=False)

    # -------------------------------------------------------------------------------- text

    def _text(self, text: str, data: bytes, base: int) -> None:
        before = len(self.complaints) + len(self.certificates) + self.untold
        for block in pem.blocks(text):
            self._block(block, base)
        self._configuration(text)
        if len(self.complaints) + len(self.certificates) + self.untold == before:
            for block in pem.runs(text):
                self._block(block, base)
        if len(self.complaints) + len(self.certificates) + self.untold == before:
            self._unrecognised(data, base)

    def _unrecognised(self, data: bytes, base: int) -> None:
        for magic, name in _OTHER_FORMS:
            if data.startswith(magic):
                self.complain(Code.OTHER_FORM, f"the input is {name}, which is not read here", offset=base)
                return
        kind = "text" if _is_text(data) else "bytes"
        sentence = f"{len(data)} bytes of {kind} hold no certificate in any form that is read here"
        self.complain(Code.NOT_RECOGNISED, sentence, offset=base)

    def _block(self, block: pem.Block, base: int) -> None:
        label = block.label
        place = Place(line=block.line, offset=base + block.offset)
        self._count()
        if "PRIVATE KEY" in label:
            sentence = "a private key stands here; it was not looked at, and does not belong in such a file"
            self.complain(Code.PRIVATE_KEY, sentence, line=block.line, offset=place.offset, loss=False)
            return
        if label and label not in pem.CERTIFICATE_LABELS and label not in pem.CONTAINER_LABELS:
            if edits(label, "CERTIFICATE") <= 2:
                sentence = f"a block is labelled {label}, which is no kind of block; it was not read"
                self.lost += 1
                self.complain(Code.DAMAGED_BLOCK, sentence, line=block.line, offset=place.offset)
                return
            sentence = f"a block of kind {label} was passed over"
            self.complain(Code.NOT_A_CERTIFICATE, sentence, line=block.line, offset=place.offset, loss=False)
            return
        form = "pem" if label else "base64"
        octets = block.der
        if octets is not None and pkcs7.is_signed_data(octets):
            end = self._container(octets, 0, place)
            if end is not None and end < len(octets):
                self.complain(
                    Code.EXTRA_BYTES,
                    f"{len(octets) - end} bytes follow the end of the bundle",
                    line=block.line,
                )
        else:
            self.forms.append(form)
            certificate = self._decoded(octets, label)
            if isinstance(certificate, str):
                self._damaged(block, place, certificate)
                return
            self._keep(certificate, place)
        if not block.ended:
            sentence = "the block has no END line; what is there is complete"
            self.complain(Code.MISSING_END, sentence, line=block.line, loss=False)
        if block.skipped:
            sentence = f"{block.skipped} lines of a console inside the block were left out"
            self.complain(Code.SKIPPED_LINES, sentence, line=block.line, loss=False)

    def _decoded(self, octets: bytes | None, label: str) -> Certificate | str:
        """The certificate that a block decodes to, else why it is none; empty when it does not decode."""
        if octets is None:
            return ""
        try:
            if label == "TRUSTED CERTIFICATE":
                # OpenSSL's own label: the certificate, and behind it a second sequence of trust settings.
                octets = tlv.read_element(octets).raw
            return Certificate.from_der(octets)
        except (TlvError, MalformedCertificateError) as error:
            return str(error).removeprefix("not a certificate: ")

    def _damaged(self, block: pem.Block, place: Place, reason: str) -> None:
        self.lost += 1
        damage = block.damage()
        what = f"the {block.label} block" if block.label else "the base64"
        if damage is None:
            sentence = f"{what} is empty" if not block.text.strip() else f"{what} cannot be read"
        else:
            where = f"lines {damage.first_line} to {damage.last_line}"
            cut = "" if block.ended else " and has no END line"
            claim = "a list of certificates" if block.label in pem.CONTAINER_LABELS else "a certificate"
            sentence = f"{what} in {where} is not {claim}{cut}: {damage.summary(reason)}"
        self.complain(Code.DAMAGED_BLOCK, sentence, line=place.line, offset=place.offset, damage=damage)

    def _configuration(self, text: str) -> None:
        for entry in runconfig.entries(text):
            self.forms.append("running-config")
            place = Place(line=entry.line, trustpoint=entry.trustpoint)
            declared = f"certificate {entry.serial:x} of trustpoint {entry.trustpoint}"
            if not entry.lines:
                where = f" (kept in nvram:{entry.elsewhere})" if entry.elsewhere else ""
                sentence = f"{declared} is named but not printed{where}"
                self.complain(Code.NOT_A_CERTIFICATE, sentence, line=entry.line, loss=False)
                continue
            certificate = self._decoded(entry.der, "")
            self._count()
            if isinstance(certificate, str):
                damage = entry.damage()
                details = "" if damage is None else f": {damage.summary(certificate)}"
                self.lost += 1
                self.complain(
                    Code.DAMAGED_HEX,
                    f"{declared} is not a certificate{details}",
                    line=entry.line,
                    damage=damage,
                )
                continue
            self._keep(certificate, place)
            # A device prints the octets, so a negative number looks like a large one.
            if certificate.serial not in {entry.serial, _signed(entry.serial)}:
                sentence = f"{declared} has the serial number {certificate.serial:x} inside"
                self.complain(Code.SERIAL_DIFFERS, sentence, line=entry.line)
            if not entry.ended:
                sentence = f"{declared} has no quit line; what is there is complete"
                self.complain(Code.MISSING_END, sentence, line=entry.line, loss=False)
            if entry.skipped:
                sentence = f"{entry.skipped} lines of a console inside {declared} were left out"
                self.complain(Code.SKIPPED_LINES, sentence, line=entry.line, loss=False)


def _signed(serial: int) -> int:
    size = (serial.bit_length() + 7) // 8
    return serial - (1 << 8 * size)


def _looks_like_der(data: bytes, at: int) -> bool:
    # A sequence of 128 bytes and more, or of indefinite length: no text has such a second character.
    return data[at] == der.SEQUENCE and at + 1 < len(data) and 0x80 <= data[at + 1] <= 0x84


def _is_text(data: bytes) -> bool:
    sample = data[:4096]
    return b"\x00" not in sample or sample[:2] in {b"\xff\xfe", b"\xfe\xff"}
