"""A virtual ASA: settings, trust pool, agent and log, and what happens to them in time."""

from __future__ import annotations

import contextlib
import dataclasses
import ipaddress
import socket
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from anchorwatch.devices.asa import syslog
from anchorwatch.devices.fact import LogMessage, Platform
from anchorwatch.devices.log_detail import Handshake, LogDetail
from anchorwatch.devices.moment import DeviceTime, Style
from anchorwatch.devices.screen import to_lines
from anchorwatch.formats import read as read_certificates
from anchorwatch.lab import agent_news, agent_words
from anchorwatch.lab.asa import call_home, chain_log, duty, entitlement
from anchorwatch.lab.asa import settings as configuration
from anchorwatch.lab.asa.chain_log import Anchored, Line
from anchorwatch.lab.asa.settings import AsaSettings, traits
from anchorwatch.lab.machine import Machine
from anchorwatch.licensing.event import Tell
from anchorwatch.licensing.message import Software, Udi
from anchorwatch.licensing.policy import Generation, cisco
from anchorwatch.licensing.state import AgentState, Product
from anchorwatch.licensing.status import AuthorizationState, RegistrationState
from anchorwatch.net.endpoint import Endpoint
from anchorwatch.net.outcome import Unreachable
from anchorwatch.net.proxy import Proxy
from anchorwatch.net.tls import Observation
from anchorwatch.pki.certificate import Certificate
from anchorwatch.pki.truststore import TrustStore

DEBUG = "711001"
"""The number under which lines of debugs are logged."""
FACILITY, SYSLOG_PORT = 20, 514
LICENCE_PROFILE = "License"
"""The call-home profile that licences go by."""
_FLASH = 8_192 * 1024 * 1024
_MEMORY = 64 * 1024 * 1024
_SMALLEST_RSA = 2048
_WEAK_HASHES = ("md2", "md4", "md5", "sha1")


@dataclasses.dataclass(slots=True, kw_only=True)
class Trying:
    """How a registration goes, as the first agents print it: when it began, was last tried, and how often again."""

    began: datetime | None = None
    tried: datetime | None = None
    retries: int = 0


class Asa(Machine):
    """One virtual ASA. `running` is its configuration, `saved` the one a reload goes back to.

    `pool` is the trust pool; it lies on flash beside the configuration and survives a reload. `built_in` is what the
    image would restore by ``import default``. `fresh` devices ask about anonymous reporting at the first
    configuration. `nags` lets an unlicensed ASAv throw its two lines into whatever is typed, that often in real time.
    """

    platform = Platform.ASA

    def __init__(
        self,
        *,
        factory: AsaSettings,
        built_in: TrustStore,
        portal: str,
        fresh: bool = False,
        nags: timedelta | None = None,
        **common: Any,
    ) -> None:
        super().__init__(**common)
        self.traits = traits(self.software)
        self.factory = factory.copy()
        """The configuration it came with."""
        self.running = factory
        self.saved = factory.copy()
        self.pool = TrustStore((), "Trustpool")
        self.built_in = built_in
        self.fresh = fresh
        self.nags = nags
        self.last_import: str | None = None
        """How the last *automatic* import ended, None before the first."""
        self.tried_import = 0
        """How often the import that is due was tried in vain."""
        self.import_at: datetime | None = None
        """When the pool is imported next, by the device's own clock; None where never."""
        self.alerted: dict[str, datetime] = {}
        """When somebody was last told that a certificate ends, by its SHA-256."""
        self.flash_free, self.memory_free = _FLASH, _MEMORY
        self.modified = self.clock.now()
        self.modified_by = "enable_15"
        self.unsaved_since: datetime | None = None
        self.trying = Trying()
        self.reasons: dict[str, str] = {}
        """Why attempts failed, in the words of the device: of the registration, the identity, the authorization."""
        self.failed_at: datetime | None = None
        """When the portal last refused a registration for good."""
        self.asked_at: datetime | None = None
        """When it last asked for something else than before."""
        self.clock_set = False
        """Somebody set the clock by hand since the last start."""
        self.followed = ""
        """The time server that the clock follows, "" for none."""
        self.call_homes = {"succeeded": 0, "failed": 0}
        self.debugs: dict[str, int] = {}
        self.sent_away = 0
        """Messages sent to the hosts of ``logging host``."""
        self._connections = 0
        self.log.listen(self._send_away)
        self.product = Product(
            udi=Udi(pid=self.hardware.pid, sn=self.hardware.serial),
            sw=Software(name="ASA", version=str(self.software)),
            agent=self.traits.agent,
            portal=portal,
        )
        self.policy = cisco(Generation.ASA, auto_import=self.traits.auto_import)
        self._agent_started()
        duty.plan_import(self)
        self.licence = self.licence_agent(self.product, self.policy)
        self.ask_for_licences()

    def _agent_started(self) -> None:
        for event in agent_news.started():
            self.note(agent_news.asa_code(event), event, event.severity)

    # ------------------------------------------------------------------------------------------------ trust

    def trust(self) -> TrustStore:
        """Every anchor that serves call-home: those of the trustpoints that may, then the pool."""
        return TrustStore.of([each.certificate for each in self.anchors() if not each.unfit], name=self.name)

    def anchors(self) -> tuple[Anchored, ...]:
        """Every CA the device holds, where, and why it may not vouch for the portal."""
        now = self.clock.now()
        held = [
            (certificate, name, "" if point.serves(name) else chain_log.USAGE)
            for name, point in self.running.trustpoints.items()
            for certificate in _certificates(point.pem)
        ]
        pooled = [(anchor.certificate, "Trustpool", "") for anchor in self.pool.anchors]
        return tuple(
            Anchored(certificate=certificate, where=where, unfit=unfit or self._unfit(certificate, now))
            for certificate, where, unfit in (*held, *pooled)
        )

    def _unfit(self, certificate: Certificate, now: datetime) -> str:
        if certificate.not_after < now:
            return chain_log.ENDED
        if not self.traits.refuses_weak_crypto or self.running.weak_crypto:
            return ""
        small = certificate.key.kind.startswith("rsa") and certificate.key.bits < _SMALLEST_RSA
        # Nobody looks at a root's signature over itself.
        weak = certificate.digest in _WEAK_HASHES and certificate.subject.key != certificate.issuer.key
        return chain_log.WEAK if small or weak else ""

    def stored(self) -> tuple[tuple[str, Certificate], ...]:
        """The CA certificates of the trustpoints, with the trustpoint's name."""
        return tuple(
            (name, certificate)
            for name, point in self.running.trustpoints.items()
            for certificate in _certificates(point.pem)
        )

    def recreate(self) -> tuple[str, ...]:
        """Put the factory's own trustpoints back where they are gone; their names."""
        made = []
        for name, point in self.factory.trustpoints.items():
            if name.startswith(configuration.CALL_HOME_TRUSTPOINT) and name not in self.running.trustpoints:
                self.running.trustpoints[name] = dataclasses.replace(point)
                made.append(name)
        return tuple(made)

    # -------------------------------------------------------------------------------------------------- log

    def note(self, code: str, detail: LogDetail, severity: int) -> None:
        """Log that something happened."""
        self._log(syslog.say(code, detail, severity=severity))

    def tell(self, code: str, severity: int, text: str) -> None:
        """Log something that no screen reads more of than its number and its text."""
        self._log(LogMessage(facility="ASA", severity=severity, code=code, text=text))

    def trace(self, topic: str, text: str, *, at_least: int = 1) -> None:
        """Say something in a debug, where somebody has switched it on that loudly."""
        if self.debugs.get(topic, 0) >= at_least:
            self._log(LogMessage(facility="ASA", severity=7, code=DEBUG, text=text), debug=True)

    def _log(self, message: LogMessage, *, debug: bool = False) -> None:
        config = self.running.logging
        severity = config.levels.get(message.code, message.severity)
        silenced = message.code in config.silenced or not config.enabled
        if silenced and not debug:
            return
        stamp = self.time(Style.YEAR_FIRST, zone="") if config.timestamp else None
        kept = not silenced and config.buffered is not None and severity <= config.buffered
        self.log.add(dataclasses.replace(message, severity=severity, time=stamp), keep=kept)

    def _send_away(self, message: LogMessage) -> None:
        """Send a message to every ``logging host``, as a datagram; one that is not reached misses it."""
        config = self.running.logging
        if config.trap is None or message.severity > config.trap or message.code == DEBUG:
            return
        for host in config.hosts:
            address = host.split()[-1]
            place = self.find(address, SYSLOG_PORT)
            if isinstance(place, Unreachable):
                continue
            data = f"<{8 * FACILITY + message.severity}>{syslog.render(message)}\n".encode()
            with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
                wire.sendto(data, (place.host, place.port))
                self.sent_away += 1

    def time(self, style: Style, *, at: datetime | None = None, zone: str | None = None) -> DeviceTime:
        """A moment (now, if none is given) as this device prints it: on its wall clock, with its zone's label."""
        wall = (at or self.clock.now()) + timedelta(minutes=self.running.zone_minutes)
        return DeviceTime(
            wall=wall.replace(tzinfo=None, microsecond=0),
            zone=self.running.zone_label if zone is None else zone,
            style=style,
        )

    def hear(self, told: Tell) -> None:
        """What the agent tells besides how its state moves goes into a debug."""
        self.trace("license", f"Smart Agent: {told.code}: {told.sentence}")

    def moved(self, before: AgentState, after: AgentState) -> None:
        """The agent's state moved: the log tells, and how a registration goes is kept."""
        for what, old, new in (
            ("registration", before.last_registration, after.last_registration),
            ("identity", before.last_identity_renewal, after.last_identity_renewal),
            ("authorization", before.last_authorization, after.last_authorization),
        ):
            if new is None or new == old:
                continue
            call_home.delivered(self, "license", self.portal_url, self._failed() if not new.worked else None)
            if not new.worked:
                self.reasons[what] = self._words(after)
        if (
            after.registration is RegistrationState.FAILED
            and before.registration is not RegistrationState.FAILED
        ):
            self.failed_at = self.clock.now()
            self.reasons["registration"] = agent_words.refusal(after)
        for event in agent_news.news(self.policy, before, after, reason=self._words(after)):
            self.note(agent_news.asa_code(event), event, event.severity)
        if after.wanted != before.wanted:
            self.asked_at = self.clock.now()
        under_way = (RegistrationState.IN_PROGRESS, RegistrationState.RETRYING)
        if after.registration is RegistrationState.IN_PROGRESS and before.registration not in under_way:
            self.trying = Trying(began=self.clock.now())
        if (
            after.registration is RegistrationState.IN_PROGRESS
            and before.registration is RegistrationState.RETRYING
        ):
            self.trying.retries += 1
        if after.in_flight is not None and after.in_flight != before.in_flight:
            self.trying.tried = self.clock.now()

    def looked(self, seen: Observation) -> None:
        """A connection to the portal went this way; the log tells."""
        now = self.clock.now()
        host = seen.sni or seen.endpoint.host
        for line in chain_log.told(
            seen,
            anchors=self.anchors(),
            ends=self._ends(host, 443),
            now=now,
            old_library=self.traits.old_library,
        ):
            self._say(line)
        if isinstance(seen.outcome, Unreachable) and seen.outcome.stage == "resolve":
            self.trace("license", f"Unable to resolve {host}")

    def _say(self, line: Line) -> None:
        if line.detail is not None:
            self.note(line.code, line.detail, line.severity)
        else:
            self.tell(line.code, line.severity, line.text)
        text = syslog.express(line.detail, line.code) if line.detail is not None else line.text
        if line.code.startswith("717"):
            self.trace("crypto ca", f"CRYPTO_PKI: {text.removeprefix('Certificate validation failed. ')}")
        elif line.code == "725014" and "certificate verify failed" in text:
            self.trace(
                "ssl",
                "error:14090086:SSL routines:SSL3_GET_SERVER_CERTIFICATE:certificate verify failed@s3_clnt.c:1492"
                if self.traits.old_library
                else "error:1416F086:SSL routines:tls_process_server_certificate:certificate verify failed",
            )
        elif line.code.startswith("725"):
            self.trace("ssl", text)

    def _ends(self, host: str, port: int) -> Handshake | None:
        address = self.address_of(host)
        if address is None:
            return None
        way = self.running.way_out(address) or "outside"
        self._connections += 1
        return Handshake(
            peer="server",
            interface=way,
            address=self.running.own_address(way),
            port=1024 + self._connections % 64_000,
            to_address=address,
            to_port=port,
        )

    # ---------------------------------------------------------------------------------------------- network

    def address_of(self, host: str) -> str | None:
        """The address of a host as this device can find it: an address itself, or by a name server that answers."""
        try:
            return str(ipaddress.ip_address(host))
        except ValueError:
            pass
        settings = self.running
        asked = [server for server in settings.name_servers if self._reaches(server)]
        if not settings.dns_lookups or not asked:
            return None
        return self.network.look_up(host)

    def find(self, host: str, port: int) -> Endpoint | Unreachable:
        """Where to connect to, as this device is configured, or the rung that does not hold."""
        address = self.address_of(host)
        if address is None:
            return Unreachable(stage="resolve", words=f"the name {host} has no address")
        if self.running.way_out(address) is None:
            return Unreachable(stage="route", words=f"there is no route to {address}")
        return self.network.find(host, port)

    def portal_place(self, portal: str) -> Endpoint | Unreachable:  # noqa: ARG002 - the profile's URL says where
        """Where the agent connects to: the host of the licensing profile, if call-home is on."""
        if self.transport_off:
            return Unreachable(stage="tcp", words="call-home is switched off")
        return call_home.place(self, urlsplit(self.portal_url))

    def portal_proxy(self) -> Proxy | None:
        """The proxy that call-home is configured to use."""
        return call_home.proxy(self)

    @property
    def transport_off(self) -> bool:
        """Whether nothing is sent: call-home or its profile for licences is off, or the profile has no address."""
        settings = self.running.call_home
        profile = settings.profiles.get(LICENCE_PROFILE)
        return not settings.service or profile is None or not profile.active or not profile.urls

    def _reaches(self, address: str) -> bool:
        return self.running.way_out(address) is not None and self.network.echo(address) is None

    def answers_time(self, server: str) -> bool:
        """Whether a time server answers."""
        return self._reaches(server) and self.network.time() is not None

    def follow_time(self) -> None:
        """Look at the time servers: the clock follows one that answers."""
        before = self.clock.now()
        server = next((each for each in self.running.ntp_servers if self.answers_time(each)), None)
        told = self.network.time() if server is not None else None
        self.followed = server or ""
        self.clock.follow(told)
        if told is not None and abs(told - before) > timedelta(seconds=1):
            self.clock_moved(before, f"NTP, IP: {server}")

    def clock_moved(self, before: datetime, source: str) -> None:
        """The clock was set: the log tells, and what is planned by it is planned anew."""
        old, new = self.time(Style.CLOCK, at=before), self.time(Style.CLOCK)
        code, severity = ("771001", 6) if source.startswith("NTP") else ("771002", 6)
        self.tell(code, severity, f"CLOCK: System clock set, source: {source}, before: {old}, after: {new}")
        event = agent_news.clock_changed()
        self.note(agent_news.asa_code(event), event, event.severity)
        duty.plan_import(self)

    # ---------------------------------------------------------------------------------------------- licence

    def _words(self, state: AgentState) -> str:
        """Why the agent's last exchange failed, in the words of the device."""
        if self.transport_off and state.failure is not None:
            return "The action failed because smart license transport is disabled in call-home."
        return agent_words.words(self.policy, state)

    def _failed(self) -> call_home.Failed | None:
        """The word for how the last connection to the portal ended; one that was refused above TLS was delivered."""
        return call_home.word(self.seen.outcome) if self.seen is not None else None

    @property
    def portal_url(self) -> str:
        """Where messages about licences are sent."""
        profile = self.running.call_home.profiles.get(LICENCE_PROFILE)
        return profile.urls[0] if profile is not None and profile.urls else configuration.PORTAL_URL

    @property
    def unlicensed(self) -> bool:
        """Whether an ASAv is held to what it may do without a licence."""
        if not self.hardware.model.startswith("ASAv"):
            return False
        state = self.licence.state
        fine = (AuthorizationState.AUTHORIZED, AuthorizationState.OUT_OF_COMPLIANCE, AuthorizationState.OVERAGE, AuthorizationState.EXPIRED)  # fmt: skip
        asked = entitlement.asked(self.running.licence, self.hardware.model)
        return not asked or state.identity is None or state.authorization not in fine

    def ask_for_licences(self) -> None:
        """Tell the agent what is configured. May take the time of a connection."""
        self.licence.want(entitlement.wanted(self.running.licence, self.hardware.model))

    # ------------------------------------------------------------------------------------------------- time

    def next_wakeup(self) -> datetime | None:
        """When something is due, by the town's clock."""
        return min([self.licence.next_wakeup(), *(self.clock.true_time(each) for each in duty.due(self))])

    def wake(self) -> None:
        """Do what is due now."""
        with self.guard:
            self.follow_time()
            duty.do(self)
        self.licence.tick()

    # ---------------------------------------------------------------------------------------------- storage

    @property
    def flash(self) -> Path:
        """Where its files lie; they survive everything."""
        return self.folder / "flash"

    def snapshot(self) -> Mapping[str, Any]:
        """All that is not on its disk."""

        def iso(moment: datetime | None) -> str | None:
            return None if moment is None else moment.isoformat()

        return {
            "running": dataclasses.asdict(self.running),
            "saved": dataclasses.asdict(self.saved),
            "pool": [anchor.certificate.pem for anchor in self.pool.anchors],
            "last_import": self.last_import,
            "import_at": iso(self.import_at),
            "alerted": {key: iso(at) for key, at in self.alerted.items()},
            "clock_off": self.clock.off.total_seconds(),
            "clock_synchronized": self.clock.synchronized,
            "fresh": self.fresh,
            "modified": iso(self.modified),
            "unsaved_since": iso(self.unsaved_since),
            "reasons": dict(self.reasons),
            "asked_at": iso(self.asked_at),
            "failed_at": iso(self.failed_at),
            "clock_set": self.clock_set,
            "trying": {
                "began": iso(self.trying.began),
                "tried": iso(self.trying.tried),
                "retries": self.trying.retries,
            },
            "log": [syslog.render(message) for message in self.log],
        }

    def restore(self, kept: Mapping[str, Any]) -> None:
        """Go on from a snapshot. Raises `ValueError` or `KeyError` where it is none."""

        def moment(text: str | None) -> datetime | None:
            return None if text is None else datetime.fromisoformat(text)

        self.running = configuration.read(kept["running"])
        self.saved = configuration.read(kept["saved"])
        self.pool = TrustStore.of(
            [each for pem in kept["pool"] for each in read_certificates(pem.encode()).certificates],
            name="Trustpool",
        )
        self.last_import = kept["last_import"]
        self.import_at = moment(kept["import_at"])
        self.alerted = {key: datetime.fromisoformat(at) for key, at in kept["alerted"].items()}
        self.clock.off = timedelta(seconds=kept["clock_off"])
        self.clock.synchronized = bool(kept["clock_synchronized"])
        self.fresh = bool(kept["fresh"])
        self.modified = datetime.fromisoformat(kept["modified"])
        self.unsaved_since = moment(kept["unsaved_since"])
        self.reasons = {str(what): str(why) for what, why in kept["reasons"].items()}
        self.asked_at = moment(kept["asked_at"])
        self.failed_at = moment(kept["failed_at"])
        self.clock_set = bool(kept["clock_set"])
        trying = kept["trying"]
        self.trying = Trying(
            began=moment(trying["began"]), tried=moment(trying["tried"]), retries=int(trying["retries"])
        )
        self.log.clear()
        for text in kept["log"]:
            for message in syslog.parse(to_lines(text)):
                self.log.add(message)

    def save(self) -> None:
        """Write memory."""
        self.saved = self.running.copy()
        self.unsaved_since = None

    def changed(self, by: str = "enable_15") -> None:
        """Somebody configured something."""
        self.modified = self.clock.now()
        self.modified_by = by
        self.unsaved_since = self.unsaved_since or self.modified

    def reload(self) -> None:
        """Start anew from the saved configuration; the pool and the agent's identity are on flash."""
        with self.guard:
            self.licence.close()
            self.running = self.saved.copy()
            self.unsaved_since = None
            self.debugs.clear()
            self.trying = Trying()
            self.log.clear()
            self.clock.restart()
            self.tell("199001", 5, "Reload command executed from SSH.")
            self._agent_started()
            self.follow_time()
            duty.plan_import(self)
            self.licence = self.licence_agent(self.product, self.policy)
        self.ask_for_licences()

    def close(self) -> None:
        """Let the agent's folder go."""
        self.licence.close()


@lru_cache(maxsize=512)
def _certificates(pem: str) -> tuple[Certificate, ...]:
    return read_certificates(pem.encode()).certificates if pem else ()
