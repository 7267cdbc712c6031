"""What a virtual ASA is made of below its licence: configuration, trust, log, clock, and the way to others.

Whoever works on one of these (the nightly import, call-home) needs no more of the device than this.
"""

from __future__ import annotations

import contextlib
import dataclasses
import ipaddress
import socket
from datetime import datetime, timedelta
from datetime import time as time_of_day
from functools import lru_cache
from pathlib import Path
from typing import Any

from anchorwatch.devices.asa import syslog
from anchorwatch.devices.fact import LogMessage, Platform
from anchorwatch.devices.log_detail import LogDetail
from anchorwatch.devices.moment import DeviceTime, Style
from anchorwatch.formats import read as read_certificates
from anchorwatch.lab import agent_news
from anchorwatch.lab.asa import chain_log
from anchorwatch.lab.asa import settings as configuration
from anchorwatch.lab.asa.chain_log import Anchored
from anchorwatch.lab.asa.settings import AsaSettings, traits
from anchorwatch.lab.machine import Machine
from anchorwatch.net.endpoint import Endpoint
from anchorwatch.net.outcome import Unreachable
from anchorwatch.pki.certificate import Certificate
from anchorwatch.pki.truststore import TrustStore

DEBUG = "711001"
"""The number under which lines of debugs are logged."""
FACILITY, SYSLOG_PORT = 20, 514
_FLASH = 8_192 * 1024 * 1024
_MEMORY = 64 * 1024 * 1024
_SMALLEST_RSA = 2048
_WEAK_HASHES = ("md2", "md4", "md5", "sha1")


class AsaBody(Machine):
    """An ASA without its agent. `running` is its configuration, `saved` the one a reload goes back to.

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
        self.clock_set = False
        """Somebody set the clock by hand since the last start."""
        self.followed = ""
        """The time server that the clock follows, "" for none."""
        self.call_homes = {"succeeded": 0, "failed": 0}
        self.debugs: dict[str, int] = {}
        self.sent_away = 0
        """Messages sent to the hosts of ``logging host``."""
        self.unchecked: frozenset[str] = frozenset()
        """The places of anchors for which revocation is demanded and could not be checked last time."""
        self.log.listen(self._send_away)
        self.network.local = lambda address: self.running.connected(address) is not None

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
            for certificate in certificates(point.pem)
        ]
        pooled = [(anchor.certificate, "Trustpool", "") for anchor in self.pool.anchors]
        return tuple(
            Anchored(
                certificate=certificate,
                where=where,
                unfit=unfit
                or self._unfit(certificate, now)
                or (chain_log.UNCHECKED if where in self.unchecked else ""),
            )
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
            for certificate in certificates(point.pem)
        )

    def hold(self, pool: TrustStore) -> None:
        """The trust pool is this one now."""
        self.pool = pool
        self.changes += 1

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

    def way_out(self, address: str) -> str | None:
        """The name of the interface that leads to an address, None where no route does, or it is withdrawn."""
        return self.running.way_out(address) if self.network.routed(address) else None

    def find(self, host: str, port: int) -> Endpoint | Unreachable:
        """Where to connect to, as this device is configured, or the rung that does not hold."""
        address = self.address_of(host)
        if address is None:
            return Unreachable(stage="resolve", words=f"the name {host} has no address")
        if self.way_out(address) is None:
            return Unreachable(stage="route", words=f"there is no route to {address}")
        return self.network.find(host, port)

    def _reaches(self, address: str) -> bool:
        return self.way_out(address) is not None and self.network.echo(address) is None

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
        self.plan_import()

    # ------------------------------------------------------------------------------------------------ storage

    def plan_import(self) -> None:
        """Plan the next automatic import by the device's wall clock; none where it is off."""
        self.tried_import = 0
        policy = self.running.pool
        if not (policy.shown and policy.auto_import and self.traits.auto_import):
            self.import_at = None
            return
        ahead = timedelta(minutes=self.running.zone_minutes)
        wall = self.clock.now() + ahead
        at = datetime.combine(wall.date(), time_of_day.fromisoformat(policy.time), tzinfo=wall.tzinfo)
        if at <= wall:
            at += timedelta(days=1)
        self.import_at = at - ahead

    @property
    def flash(self) -> Path:
        """Where its files lie; they survive everything."""
        return self.folder / "flash"

    def save(self) -> None:
        """Write memory."""
        self.saved = self.running.copy()
        self.unsaved_since = None
        self.changes += 1

    def changed(self, by: str = "enable_15") -> None:
        """Somebody configured something."""
        self.modified = self.clock.now()
        self.modified_by = by
        self.unsaved_since = self.unsaved_since or self.modified
        self.changes += 1


@lru_cache(maxsize=512)
def certificates(pem: str) -> tuple[Certificate, ...]:
    """The certificates of a trustpoint, none of an empty text; read once for every device that holds the same."""
    return read_certificates(pem.encode()).certificates if pem else ()
