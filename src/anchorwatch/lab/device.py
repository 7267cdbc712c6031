"""A virtual firewall: a trust store, a call-home agent and a log behind a command line.

Nothing here prints canned text.
A command does what it says (opens the connection, fetches and verifies the bundle, changes the pool), the outcome
becomes a fact, and the fact is printed by the screen that the doctor reads it with.
It does not heal itself: that is the point of the story.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from anchorwatch.base.clock import Clock
from anchorwatch.devices import printed_name, prompt
from anchorwatch.devices.asa import call_home, certificate, message, syslog, trustpool, trustpool_import
from anchorwatch.devices.fact import (
    CallHomeTest,
    ImportReport,
    LogMessage,
    NoTrustpoint,
    StoredCertificate,
    TrustpoolPolicy,
)
from anchorwatch.devices.moment import DeviceTime, Style
from anchorwatch.devices.printed_name import PrintedName
from anchorwatch.devices.span import Seen
from anchorwatch.formats import read
from anchorwatch.formats.merge import merge
from anchorwatch.formats.verification import Rule, Verified, verify
from anchorwatch.net import http, tls
from anchorwatch.net.endpoint import Endpoint
from anchorwatch.net.limits import Deadline, Limits
from anchorwatch.net.outcome import Outcome, TrustRefused, Unreachable
from anchorwatch.net.tls import Observation
from anchorwatch.pki.certificate import Certificate
from anchorwatch.pki.name import Name, PeerName
from anchorwatch.pki.truststore import TrustStore

Resolve = Callable[[str, int], Endpoint | None]

_LIMITS = Limits(whole=timedelta(seconds=5), silence=timedelta(seconds=3))
_MESSAGE = b"<call-home>test</call-home>"


@dataclass(slots=True, kw_only=True)
class VirtualAsa:
    """An ASAv. `trustpoints` hold anchors by name; `resolve` is its name service; `pins` are whom it lets sign.

    `log` holds the messages logged so far; `seen` is the last look at the portal, for those who tell the story.
    """

    hostname: str
    clock: Clock
    resolve: Resolve
    portal_url: str
    trustpoints: Mapping[str, TrustStore]
    pool: TrustStore
    pins: frozenset[str]
    automatic_import: bool = False
    log: list[LogMessage] = field(default_factory=list)
    seen: Observation | None = None

    @property
    def prompt(self) -> str:
        """What the device prints before it waits for a command."""
        return f"{self.hostname}# "

    def type(self, command: str) -> str:
        """Run one command and return what the device prints, without a line end; a wrong command is answered too."""
        words = prompt.canonical(command).split()
        match words:
            case ["call-home", "test", "profile", _]:
                return call_home.render(self.test_call_home())
            case ["show", "crypto", "ca", "certificates"]:
                return "\n\n".join(certificate.render(each) for each in self._stored())
            case ["show", "crypto", "ca", "trustpool", "policy"]:
                return trustpool.render(self._policy())
            case ["crypto", "ca", "trustpool", "import", "url", url, *rest]:
                return self.import_bundle(url, confirmed="noconfirm" in rest)
            case ["show", "logging"]:
                return "\n".join(syslog.render(logged) for logged in self.log)
            case _:
                return "ERROR: % Invalid input detected at '^' marker."

    # ------------------------------------------------------------------------------------- call-home

    def test_call_home(self) -> CallHomeTest:
        """Send a message to the portal and say how it went; a chain without anchor is logged."""
        url = Seen(self.portal_url)
        parts = urlsplit(self.portal_url)
        host = parts.hostname or ""
        endpoint = self.resolve(host, 443)
        if endpoint is None:
            return _failed(url, "NO_ROUTE")
        dialled = tls.dial(
            endpoint,
            clock=self.clock,
            trust=self.trust(),
            sni=host,
            peer=PeerName("dns", host),
            limits=_LIMITS,
        )
        self.seen = dialled.observation
        if dialled.stream is None:
            self._log_refusal(dialled.observation)
            return _failed(url, *_reason(dialled.observation.outcome))
        try:
            ask = http.Ask(url=self.portal_url, method="POST", body=_MESSAGE)
            answer = http.converse(dialled.stream, ask, Deadline(_LIMITS))
        finally:
            dialled.stream.close()
        if isinstance(answer, http.Answer) and answer.status == 200:
            return CallHomeTest(url=url, succeeded=Seen(True))
        return _failed(url, "CONNECT_FAILED")

    def trust(self) -> TrustStore:
        """Every anchor that serves call-home: those of the trustpoints, then the pool."""
        return TrustStore.of([anchor.certificate for anchor in self._anchors()], name=self.hostname)

    def printed(self, name: Name) -> PrintedName:
        """A name as this device prints it."""
        return _printed(name)

    def _anchors(self) -> tuple[TrustedAs, ...]:
        points = [
            TrustedAs(certificate=anchor.certificate, where=name)
            for name, store in self.trustpoints.items()
            for anchor in store.anchors
        ]
        pooled = [
            TrustedAs(certificate=anchor.certificate, where="Trustpool") for anchor in self.pool.anchors
        ]
        return (*points, *pooled)

    def _log_refusal(self, seen: Observation) -> None:
        """Log each CA certificate that was shown and has no anchor, the outermost first."""
        if not (isinstance(seen.outcome, TrustRefused) and seen.outcome.fault == "chain"):
            return
        anchors = {anchor.certificate.subject.key for anchor in self._anchors()}
        presented = [Certificate.from_der(der) for der in seen.presented]
        for shown in reversed(presented[1:] or presented):
            if shown.subject.key in anchors or shown.issuer.key in anchors:
                continue
            refused = NoTrustpoint(
                serial=_hex(shown.serial).upper(),
                subject=_printed(shown.subject),
                issuer=_printed(shown.issuer),
            )
            self.log.append(
                syslog.say(
                    message.NO_TRUSTPOINT, refused, severity=3, time=self._time(Style.YEAR_FIRST, zone="")
                )
            )

    # -------------------------------------------------------------------------------------- the pool

    def import_bundle(self, url: str, *, confirmed: bool) -> str:
        """Fetch a signed bundle, verify it against the pinned signers, add what it holds; what the device prints.

        Nothing is added from a bundle that is not verified: this device asks for a signature always.
        """
        parts = urlsplit(url)
        endpoint = self.resolve(parts.hostname or "", 80)
        if parts.scheme != "http" or endpoint is None:
            return f"ERROR: cannot reach {url}"
        where = f"http://{endpoint}{parts.path}"
        rules = http.Rules(limits=_LIMITS, most_octets=2 * 1024 * 1024)
        answer = http.fetch(http.Ask(url=where), clock=self.clock, trust=None, rules=rules)
        if not isinstance(answer, http.Answer) or answer.status != 200:
            return f"ERROR: cannot read {url}"
        bundle = read(answer.body, source=url)
        now = self.clock.now()
        if bundle.signed is None or not isinstance(
            verify(bundle.signed, at=now, rule=Rule(pins=self.pins)), Verified
        ):
            return "ERROR: Root file signature could not be verified."
        merged = merge(self.pool, bundle, at=now)
        self.pool = merged.store
        counted = {name: Seen(number) for name, number in merged.counters.items()}
        asked = {} if confirmed else {"size": Seen(len(answer.body)), "url": Seen(url)}
        return trustpool_import.render(ImportReport(signature_verified=Seen(True), **counted, **asked))  # type: ignore[arg-type]  # names of fields

    # ---------------------------------------------------------------------------------------- facts

    def _stored(self) -> tuple[StoredCertificate, ...]:
        return tuple(
            _stored(anchor.certificate, anchor.where)
            for anchor in self._anchors()
            if anchor.where != "Trustpool"
        )

    def _policy(self) -> TrustpoolPolicy:
        return TrustpoolPolicy(
            count=Seen(len(self.pool)),
            revocation=Seen(False),
            crl_cache=Seen(60),
            crl_next_update=Seen("required and enforced"),
            automatic=Seen(self.automatic_import),
            overrides=("None configured",),
        )

    def _time(self, style: Style, *, zone: str = "UTC") -> DeviceTime:
        return _device_time(self.clock.now(), style, zone=zone)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedAs:
    """An anchor and where the device keeps it: the name of a trustpoint, or ``Trustpool``."""

    certificate: Certificate
    where: str


def _failed(url: Seen[str], word: str, number: int | None = None) -> CallHomeTest:
    return CallHomeTest(url=url, succeeded=Seen(False), failure=Seen(word), number=number)


# The number the ASA prints for a handshake that failed; it prints others for other reasons, none of them known.
_TLS_FAILED = 35


def _reason(outcome: Outcome) -> tuple[str, int | None]:
    if isinstance(outcome, Unreachable):
        return "NO_ROUTE", None
    return "CONNECT_FAILED", _TLS_FAILED


def _hex(number: int) -> str:
    return number.to_bytes(max(1, (number.bit_length() + 7) // 8), "big").hex()


def _printed(name: Name) -> PrintedName:
    return printed_name.from_attributes(name.attributes)


def _device_time(instant: datetime, style: Style, *, zone: str = "UTC") -> DeviceTime:
    return DeviceTime(wall=instant.replace(tzinfo=None, microsecond=0), zone=zone, style=style)


_DIGESTS = {"md5": "MD5", "sha1": "SHA1", "sha256": "SHA256", "sha384": "SHA384", "sha512": "SHA512"}


def _stored(held: Certificate, trustpoint: str) -> StoredCertificate:
    kind = {"rsa": "RSA", "ec": "ECDSA"}.get(held.key.kind, held.key.kind.upper())
    return StoredCertificate(
        kind="CA Certificate",
        status=Seen("Available"),
        serial=Seen(_hex(held.serial)),
        usage=Seen("General Purpose"),
        key_type=Seen(f"{kind} ({held.key.bits} bits)"),
        signature_algorithm=Seen(
            f"{_DIGESTS.get(held.digest or '', held.digest or '')} with {kind} Encryption"
        ),
        issuer=Seen(_printed(held.issuer)),
        subject=Seen(_printed(held.subject)),
        not_before=Seen(_device_time(held.not_before, Style.CERTIFICATE)),
        not_after=Seen(_device_time(held.not_after, Style.CERTIFICATE)),
        trustpoints=Seen((trustpoint,)),
    )
