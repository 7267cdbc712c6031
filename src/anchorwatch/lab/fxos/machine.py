"""A virtual chassis: its managed objects, its trustpoints, its licence agent, and the ASA that is installed on it.

What is committed is saved at once; a reload loses only what waited in somebody's buffer. The agent believes the
trustpoints of the chassis and nothing else: whatever the ASA on the module trusts plays no part in its licence.
"""

from __future__ import annotations

import zoneinfo
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from anchorwatch.devices.fact import LogMessage, Platform
from anchorwatch.devices.moment import DeviceTime, Style
from anchorwatch.formats import read as read_certificates
from anchorwatch.lab import agent_news, agent_words
from anchorwatch.lab.fxos.objects import (
    Assign,
    Buffer,
    Change,
    CommitRefusedError,
    Create,
    Name,
    Path,
    Tree,
    tree_from_json,
)
from anchorwatch.lab.fxos.schema import (
    CALL_HOME_PATH,
    FACTORY_DESTINATION,
    FACTORY_TRUSTPOINT,
    PORTAL_URL,
    SECURITY,
    SERVICES_PATH,
    SYSTEM,
    bare,
    defaults,
    kind_of,
)
from anchorwatch.lab.machine import Machine, place_through
from anchorwatch.licensing.event import Tell
from anchorwatch.licensing.message import Software, Udi, Wanted
from anchorwatch.licensing.policy import Generation, cisco
from anchorwatch.licensing.state import AgentState, Product
from anchorwatch.licensing.status import RegistrationState
from anchorwatch.licensing.token import IdToken
from anchorwatch.net.endpoint import Endpoint
from anchorwatch.net.outcome import Unreachable
from anchorwatch.net.proxy import Proxy
from anchorwatch.net.tls import Observation
from anchorwatch.pki.certificate import Certificate
from anchorwatch.pki.truststore import TrustStore

AGENT = "1.6.14_rel/129"
_HTTPS = 443


def factory(
    hostname: str,
    *,
    pem: str,
    portal: str = PORTAL_URL,
    name_servers: tuple[str, ...] = ("192.0.2.53",),
    time_servers: tuple[str, ...] = ("192.0.2.123",),
) -> Tree:
    """The objects a chassis comes with, and what somebody set up so that it reaches the world.

    `pem` is what its factory trustpoint holds, `portal` the URL its messages go to.
    """
    trustpoint = (*SECURITY, Name("trustpoint", FACTORY_TRUSTPOINT))
    changes: list[Change] = [
        *_made(trustpoint),
        Assign(trustpoint, "certchain", pem),
        *_made(FACTORY_DESTINATION[:-1]),
        *_made(FACTORY_DESTINATION),
        Assign(FACTORY_DESTINATION, "address", portal),
        *(Create((*SERVICES_PATH, Name("dns", each))) for each in name_servers),
        *(Create((*SERVICES_PATH, Name("ntp-server", each))) for each in time_servers),
    ]
    return bare(hostname).with_all(changes)


def _made(path: Path) -> list[Change]:
    """The changes that make an object with its defaults."""
    return [Create(path), *(Assign(path, word, value) for word, value in defaults(kind_of(path)).items())]


class Chassis(Machine):
    """One virtual chassis. `tree` is what is committed; `application` the ASA on its module, if one is installed.

    `serial` of the hardware is the chassis's own; the application has another.
    """

    platform = Platform.FXOS

    def __init__(self, *, objects: Tree, portal: str, **common: Any) -> None:
        super().__init__(**common)
        self.tree = objects
        self.application: Machine | None = None
        self.starts = 0
        """How often it was started; a session of an earlier start is over."""
        self.failed_at: datetime | None = None
        """When the portal refused its registration for good."""
        self.reasons: dict[str, str] = {}
        """Its words for the last failure of each thing that the agent attempts."""
        self.titles: dict[str, str] = {}
        """What is licensed, by tag, as its application names it."""
        self.policy = cisco(Generation.FXOS)
        self.product = Product(
            udi=Udi(pid=self.hardware.pid, sn=self.hardware.serial),
            sw=Software(name="FXOS", version=str(self.software)),
            agent=AGENT,
            portal=portal,
        )
        self.follow_time()
        self.licence = self.licence_agent(self.product, self.policy)

    # -------------------------------------------------------------------------------------- configuration

    @property
    def hostname(self) -> str:
        """The name in its prompt."""
        return self.tree.get(SYSTEM, "name")

    def buffer(self) -> Buffer:
        """A buffer for a session."""
        return Buffer(lambda: self.tree)

    def commit(self, buffer: Buffer) -> None:
        """Make a session's changes real, all or none.

        Raises `ObjectError` or `CommitRefusedError`, and then nothing has changed and the buffer is as it was.
        """
        tree = buffer.outcome()
        for path in {change.path for change in buffer.changes if isinstance(change, Assign)}:
            if tree.holds(path) and path[-1].kind == "trustpoint":
                _check_chain(tree.get(path, "certchain"))
        _check_numbers(tree, buffer.changes)
        self.tree = tree
        self.changes += 1
        buffer.discard()
        self.follow_time()

    # ------------------------------------------------------------------------------------------------ trust

    def trustpoints(self) -> tuple[tuple[str, tuple[Certificate, ...]], ...]:
        """The committed trustpoints by name, with the certificates of their chains; a chain may be empty."""
        return tuple(
            (path[-1].name, certificates(self.tree.get(path, "certchain")))
            for path in self.tree.below(SECURITY, "trustpoint")
        )

    def trust(self) -> TrustStore:
        """Every anchor that vouches for the portal: what the committed trustpoints hold."""
        return TrustStore.of([each for _, chain in self.trustpoints() for each in chain], name=self.name)

    # ------------------------------------------------------------------------------------------- the licence

    def want(self, wanted: tuple[Wanted, ...], titles: Mapping[str, str]) -> None:
        """Ask for what the application uses; `titles` name it, by tag."""
        self.titles = dict(titles)
        with self.guard:
            self.licence.want(wanted)

    def register(self, token: IdToken) -> None:
        """Begin a registration. Raises `EventRefusedError`."""
        with self.guard:
            self.licence.register(token)

    def deregister(self) -> None:
        """Give everything back. Raises `EventRefusedError`."""
        with self.guard:
            self.licence.deregister()

    def renew(self) -> None:
        """Renew the ID certificate and then the authorization: the chassis has one word for both.

        Raises `EventRefusedError` where it is not registered.
        """
        with self.guard:
            self.licence.renew_identity()
            self.licence.renew_authorization()

    def portal_place(self, portal: str) -> Endpoint | Unreachable:
        """Where call-home connects to, as it is configured: the host of its address, if it is on."""
        if self.tree.get(CALL_HOME_PATH, "enabled") == "off":
            return Unreachable(stage="route", words="call-home is switched off")
        host, port = self._address(portal)
        return place_through(host, port, self._proxy_place(), self._found)

    def portal_proxy(self) -> Proxy | None:
        """The proxy that call-home is configured to use, where it can be found."""
        found = self._proxy_place()
        return Proxy(endpoint=found) if isinstance(found, Endpoint) else None

    def _proxy_place(self) -> Endpoint | Unreachable | None:
        held = self.tree.properties(CALL_HOME_PATH)
        host = held.get("http-proxy-server-url", "")
        if held.get("http-proxy-server-enable") != "on" or not host:
            return None
        return self._found(host, int(held["http-proxy-server-port"]))

    def _address(self, portal: str) -> tuple[str, int]:
        for profile in self.tree.below(CALL_HOME_PATH, "profile"):
            for destination in self.tree.below(profile, "destination"):
                url = urlsplit(self.tree.get(destination, "address"))
                try:
                    port = url.port
                except ValueError:
                    continue
                if url.hostname:
                    return url.hostname, port or (_HTTPS if url.scheme == "https" else 80)
        return portal, _HTTPS

    def _found(self, host: str, port: int) -> Endpoint | Unreachable:
        if self.look_up(host) is None:
            return Unreachable(stage="resolve", words=f"the name {host} has no address")
        return self.network.find(host, port)

    def look_up(self, name: str) -> str | None:
        """The address of a name as this chassis resolves it: not at all without a name server."""
        if not is_address(name):
            servers = (path[-1].name for path in self.tree.below(SERVICES_PATH, "dns"))
            if not any(is_address(each) and self.network.echo(each) is None for each in servers):
                return None
        return self.network.look_up(name)

    def hear(self, told: Tell) -> None:
        """What the agent says is told by how its state moves."""

    def moved(self, before: AgentState, after: AgentState) -> None:
        """The agent's state moved: what it has to say of that is logged, and why something failed is kept."""
        for what, then, now in (
            ("registration", before.last_registration, after.last_registration),
            ("identity", before.last_identity_renewal, after.last_identity_renewal),
            ("authorization", before.last_authorization, after.last_authorization),
        ):
            if now is not None and now != then:
                self.reasons[what] = "" if now.worked else agent_words.words(self.policy, after)
        if (
            after.registration is RegistrationState.FAILED
            and before.registration is not RegistrationState.FAILED
        ):
            self.failed_at = self.clock.now()
            self.reasons["registration"] = agent_words.refusal(after)
        time = self.time(Style.YEAR_FIRST)
        words = agent_words.words(self.policy, after)
        for event in agent_news.news(self.policy, before, after, reason=words):
            self.log.add(
                LogMessage(
                    facility="SMART_LIC",
                    severity=event.severity,
                    code=event.mnemonic,
                    text=event.text,
                    detail=event,
                    time=time,
                )
            )

    def looked(self, seen: Observation) -> None:
        """A chassis logs nothing of how a connection went."""

    # ------------------------------------------------------------------------------------------------- time

    def follow_time(self) -> None:
        """Set the clock by a time server, if there is one that answers."""
        servers = [path[-1].name for path in self.tree.below(SERVICES_PATH, "ntp-server")]
        answers = any(self.answers(server) for server in servers)
        self.clock.follow(self.network.time() if answers else None)

    def answers(self, host: str) -> bool:
        """Whether a server can be met, by name or address."""
        address = self.look_up(host)
        return address is not None and self.network.echo(address) is None

    def zone(self, at: datetime) -> tuple[str, timedelta]:
        """The label of its zone at a moment, and how far the wall clock is ahead of UTC then."""
        return zone_of(self.tree.get(SERVICES_PATH, "timezone"), at)

    def time(self, style: Style, *, at: datetime | None = None) -> DeviceTime:
        """A moment (now, if none is given) as this chassis prints it."""
        moment = at or self.clock.now()
        label, ahead = self.zone(moment)
        wall = (moment + ahead).replace(tzinfo=None)
        if style is not Style.CLOCK:
            wall = wall.replace(microsecond=0)
        return DeviceTime(wall=wall, zone=label, style=style, digits=3 if style is Style.CLOCK else 0)

    def next_wakeup(self) -> datetime | None:
        """When something is due, by the town's clock."""
        due = self.licence.next_wakeup()
        other = self.application.next_wakeup() if self.application is not None else None
        return due if other is None else min(due, other)

    def wake(self) -> None:
        """Do what is due now, also in the application."""
        with self.guard:
            self.follow_time()
            self.licence.tick()
        if self.application is not None:
            self.application.wake()

    # ---------------------------------------------------------------------------------------------- storage

    def snapshot(self) -> Mapping[str, Any]:
        """All that is not on its disk."""
        return {
            "objects": self.tree.to_json(),
            "application": self.application.snapshot() if self.application is not None else None,
            "clock_off": self.clock.off.total_seconds(),
            "clock_synchronized": self.clock.synchronized,
            "reasons": dict(self.reasons),
            "failed_at": self.failed_at.isoformat() if self.failed_at is not None else None,
        }

    def restore(self, kept: Mapping[str, Any]) -> None:
        """Go on from a snapshot. Raises `ValueError`, `TypeError` or `KeyError` where it is none."""
        tree = tree_from_json(kept["objects"])
        off, synchronized = timedelta(seconds=kept["clock_off"]), bool(kept["clock_synchronized"])
        if self.application is not None and kept["application"] is not None:
            self.application.restore(kept["application"])
        self.tree = tree
        self.clock.off, self.clock.synchronized = off, synchronized
        self.reasons = {str(what): str(words) for what, words in kept["reasons"].items()}
        failed = kept.get("failed_at")
        self.failed_at = datetime.fromisoformat(failed) if failed is not None else None

    def reload(self) -> None:
        """Start anew, with the application; what was committed is saved, what waited in a buffer is lost."""
        with self.guard:
            self.licence.close()
            self.starts += 1
            self.log.clear()
            self.clock.restart()
            self.follow_time()
            self.licence = self.licence_agent(self.product, self.policy)
        if self.application is not None:
            self.application.reload()

    def close(self) -> None:
        """Let the agent's folder go."""
        if self.application is not None:
            self.application.close()
        self.licence.close()


def certificates(chain: str) -> tuple[Certificate, ...]:
    """The certificates of a chain that was committed."""
    return _certificates(chain)


@lru_cache(maxsize=256)
def _certificates(chain: str) -> tuple[Certificate, ...]:
    return read_certificates(chain.encode()).certificates if chain else ()


def _check_numbers(tree: Tree, changes: Iterable[Change]) -> None:
    """Refuse more objects of a kind than there may be side by side. Raises `CommitRefusedError`."""
    for path in {change.path for change in changes if isinstance(change, Create)}:
        kind = kind_of(path)
        if len(tree.below(path[:-1], kind.word)) > kind.most:
            raise CommitRefusedError(f"there can be at most {kind.most} of {kind.word}")


def _check_chain(chain: str) -> None:
    """Refuse what is not a chain of whole certificates; an empty one is no chain, and taken. Raises `CommitRefusedError`."""
    if not chain.strip():
        return
    found = read_certificates(chain.encode("utf-8", "replace"), source="the chain")
    if found.form != "pem" or not found.certificates or not found.is_whole:
        raise CommitRefusedError("failed to verify certificate chain, error: Failed to read the certificate")


def zone_of(name: str, at: datetime) -> tuple[str, timedelta]:
    """The label of a zone at a moment, and how far it is ahead of UTC; UTC for a name that is not known here."""
    try:
        local = at.astimezone(zoneinfo.ZoneInfo(name))
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return "UTC", timedelta(0)
    return local.tzname() or "UTC", local.utcoffset() or timedelta(0)


def is_address(host: str) -> bool:
    """Whether a host is given by its address."""
    return ":" in host or host.replace(".", "").isdigit()
