"""A virtual ASA: settings, trust pool, agent and log, and what happens to them in time."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from anchorwatch.devices.asa import syslog
from anchorwatch.devices.fact import Platform
from anchorwatch.devices.log_detail import LogDetail
from anchorwatch.devices.moment import DeviceTime, Style
from anchorwatch.formats import read as read_certificates
from anchorwatch.lab.asa import settings as configuration
from anchorwatch.lab.asa.settings import AsaSettings, traits
from anchorwatch.lab.machine import Machine
from anchorwatch.licensing.event import Tell
from anchorwatch.licensing.message import Software, Udi
from anchorwatch.licensing.policy import Generation, cisco
from anchorwatch.licensing.state import Product
from anchorwatch.net.tls import Observation
from anchorwatch.pki.certificate import Certificate
from anchorwatch.pki.truststore import TrustStore


class Asa(Machine):
    """One virtual ASA. `running` is its configuration, `saved` the one a reload goes back to.

    `pool` is the trust pool; it lies on flash beside the configuration and survives a reload. `built_in` is what the
    image would restore by ``import default``.
    """

    platform = Platform.ASA

    def __init__(self, *, factory: AsaSettings, built_in: TrustStore, portal: str, **common: Any) -> None:
        super().__init__(**common)
        self.traits = traits(self.software)
        self.running = factory
        self.saved = factory.copy()
        self.pool = TrustStore((), "Trustpool")
        self.built_in = built_in
        self.last_import: str | None = None
        self.modified = self.clock.now()
        self.unsaved_since: datetime | None = None
        product = Product(
            udi=Udi(pid=self.hardware.pid, sn=self.hardware.serial),
            sw=Software(name="ASA", version=str(self.software)),
            agent=self.traits.agent,
            portal=portal,
        )
        self.licence = self.licence_agent(product, cisco(Generation.ASA, auto_import=self.traits.auto_import))

    # ------------------------------------------------------------------------------------------------ trust

    def trust(self) -> TrustStore:
        """Every anchor that serves call-home: those of the trustpoints, then the pool."""
        held = [certificate for _, certificate in self.stored()]
        return TrustStore.of([*held, *(anchor.certificate for anchor in self.pool.anchors)], name=self.name)

    def stored(self) -> tuple[tuple[str, Certificate], ...]:
        """The CA certificates of the trustpoints, with the trustpoint's name."""
        return tuple(
            (name, certificate)
            for name, point in self.running.trustpoints.items()
            if point.pem
            for certificate in read_certificates(point.pem.encode()).certificates
        )

    # -------------------------------------------------------------------------------------------------- log

    def note(self, code: str, detail: LogDetail, severity: int) -> None:
        """Log that something happened."""
        self.log.add(syslog.say(code, detail, severity=severity, time=self.time(Style.YEAR_FIRST, zone="")))

    def time(self, style: Style, *, at: datetime | None = None, zone: str | None = None) -> DeviceTime:
        """A moment (now, if none is given) as this device prints it: on its wall clock, with its zone's label."""
        wall = (at or self.clock.now()) + timedelta(minutes=self.running.zone_minutes)
        return DeviceTime(
            wall=wall.replace(tzinfo=None, microsecond=0),
            zone=self.running.zone_label if zone is None else zone,
            style=style,
        )

    def hear(self, told: Tell) -> None:
        """The agent said something that belongs into the log."""

    def looked(self, seen: Observation) -> None:
        """A connection to the portal went this way; the log tells."""

    # ------------------------------------------------------------------------------------------------- time

    def next_wakeup(self) -> datetime | None:
        """When something is due, by the town's clock."""
        return self.licence.next_wakeup()

    def wake(self) -> None:
        """Do what is due now."""
        self.licence.tick()

    # ---------------------------------------------------------------------------------------------- storage

    def snapshot(self) -> Mapping[str, Any]:
        """All that is not on its disk."""
        return {
            "running": dataclasses.asdict(self.running),
            "saved": dataclasses.asdict(self.saved),
            "pool": [anchor.certificate.pem for anchor in self.pool.anchors],
            "last_import": self.last_import,
            "clock_off": self.clock.off.total_seconds(),
            "clock_synchronized": self.clock.synchronized,
        }

    def restore(self, kept: Mapping[str, Any]) -> None:
        """Go on from a snapshot. Raises `ValueError` or `KeyError` where it is none."""
        self.running = configuration.read(kept["running"])
        self.saved = configuration.read(kept["saved"])
        self.pool = TrustStore.of(
            [each for pem in kept["pool"] for each in read_certificates(pem.encode()).certificates],
            name="Trustpool",
        )
        self.last_import = kept["last_import"]
        self.clock.off = timedelta(seconds=kept["clock_off"])
        self.clock.synchronized = bool(kept["clock_synchronized"])

    def save(self) -> None:
        """Write memory."""
        self.saved = self.running.copy()
        self.unsaved_since = None

    def changed(self) -> None:
        """Somebody configured something."""
        self.modified = self.clock.now()
        self.unsaved_since = self.unsaved_since or self.modified

    def reload(self) -> None:
        """Start anew from the saved configuration; the pool and the agent's identity are on flash."""
        self.running = self.saved.copy()
        self.unsaved_since = None
        self.log.clear()
        self.clock.restart()

    def close(self) -> None:
        """Let the agent's folder go."""
        self.licence.close()
