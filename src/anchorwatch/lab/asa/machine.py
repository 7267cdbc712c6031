"""A virtual ASA whole: its agent beside the rest, and what happens to it in time."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from anchorwatch.devices.asa import syslog
from anchorwatch.devices.log_detail import Handshake
from anchorwatch.devices.screen import to_lines
from anchorwatch.formats import read as read_certificates
from anchorwatch.lab import agent_news, agent_words
from anchorwatch.lab.asa import call_home, chain_log, duty, entitlement, revocation
from anchorwatch.lab.asa import settings as configuration
from anchorwatch.lab.asa.body import AsaBody
from anchorwatch.lab.asa.chain_log import Line
from anchorwatch.licensing.event import Tell
from anchorwatch.licensing.message import Software, Udi
from anchorwatch.licensing.policy import Generation, cisco
from anchorwatch.licensing.state import AgentState, Product
from anchorwatch.licensing.status import AuthorizationState, RegistrationState
from anchorwatch.net.endpoint import Endpoint
from anchorwatch.net.outcome import Unreachable
from anchorwatch.net.proxy import Proxy
from anchorwatch.net.tls import Observation
from anchorwatch.pki.truststore import TrustStore

LICENCE_PROFILE = "License"
"""The call-home profile that licences go by."""


@dataclasses.dataclass(slots=True, kw_only=True)
class Trying:
    """How a registration goes, as the first agents print it: when it began, was last tried, and how often again."""

    began: datetime | None = None
    tried: datetime | None = None
    retries: int = 0


class Asa(AsaBody):
    """One virtual ASA; `portal` is the host name its agent registers at."""

    def __init__(self, *, portal: str, **common: Any) -> None:
        super().__init__(**common)
        self.trying = Trying()
        self.reasons: dict[str, str] = {}
        """Why attempts failed, in the words of the device: of the registration, the identity, the authorization."""
        self.failed_at: datetime | None = None
        """When the portal last refused a registration for good."""
        self.asked_at: datetime | None = None
        """When it last asked for something else than before."""
        self._connections = 0
        self.product = Product(
            udi=Udi(pid=self.hardware.pid, sn=self.hardware.serial),
            sw=Software(name="ASA", version=str(self.software)),
            agent=self.traits.agent,
            portal=portal,
        )
        self.policy = cisco(Generation.ASA, auto_import=self.traits.auto_import)
        self._agent_started()
        self.plan_import()
        self.licence = self.licence_agent(self.product, self.policy)
        self.ask_for_licences()

    def _agent_started(self) -> None:
        for event in agent_news.started():
            self.note(agent_news.asa_code(event), event, event.severity)

    # ------------------------------------------------------------------------------------------------ agent

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
            self.trace("license", f"Smart Agent: {event.mnemonic}: {event.text}")
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
        way = self.way_out(address) or "outside"
        self._connections += 1
        return Handshake(
            peer="server",
            interface=way,
            address=self.running.own_address(way),
            port=1024 + self._connections % 64_000,
            to_address=address,
            to_port=port,
        )

    def trust(self) -> TrustStore:
        """Every anchor that serves call-home now. May take the time of connections, where revocation is checked."""
        if revocation.demanding(self):
            place = call_home.place(self, self.portal_url)
            self.unchecked = revocation.unchecked(self, self.product.portal, place)
        else:
            self.unchecked = frozenset()
        return super().trust()

    def portal_place(self, portal: str) -> Endpoint | Unreachable:  # noqa: ARG002 - the profile's URL says where
        """Where the agent connects to: the host of the licensing profile, if call-home is on."""
        if self.transport_off:
            return Unreachable(stage="tcp", words="call-home is switched off")
        return call_home.place(self, self.portal_url)

    def portal_proxy(self) -> Proxy | None:
        """The proxy that call-home is configured to use."""
        return call_home.proxy(self)

    @property
    def transport_off(self) -> bool:
        """Whether nothing is sent: call-home or its profile for licences is off, or the profile has no address."""
        settings = self.running.call_home
        profile = settings.profiles.get(LICENCE_PROFILE)
        return not settings.service or profile is None or not profile.active or not profile.urls

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
            self.plan_import()
            self.licence = self.licence_agent(self.product, self.policy)
        self.ask_for_licences()

    def close(self) -> None:
        """Let the agent's folder go."""
        self.licence.close()
