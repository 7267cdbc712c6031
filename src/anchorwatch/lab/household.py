"""The servers of a town: its portal, its bundle server, and those who stand between; and the tables that lead to them.

The portal is the real one, over TLS on loopback, on the town's clock. Its chain is exchanged while it runs. What is
broken for one device is whole for its neighbour, so each broken thing is a server of its own beside the whole one.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit

from cryptography.hazmat.primitives import serialization

from anchorwatch.base.clock import Clock
from anchorwatch.base.secret import Secret
from anchorwatch.db.account import VirtualAccount
from anchorwatch.db.error import AlreadyThere
from anchorwatch.db.identifier import new_id
from anchorwatch.db.tag import EntitlementTag
from anchorwatch.disk import file as disk
from anchorwatch.formats import pkcs7
from anchorwatch.formats.signing import BundleSigner, sign
from anchorwatch.lab import bystander, mint
from anchorwatch.lab.mint import Minted
from anchorwatch.lab.network import EVERYWHERE, Directory, Fault, Obstacle
from anchorwatch.lab.silence import Silence
from anchorwatch.lab.story import Certified, Story
from anchorwatch.licensing import token as id_token
from anchorwatch.licensing.token import IdToken
from anchorwatch.net.endpoint import Endpoint
from anchorwatch.net.listener import Identity, Terms
from anchorwatch.net.site import Reply, Request, Respond, Site
from anchorwatch.net.tls import TlsVersion
from anchorwatch.pki.certificate import Certificate
from anchorwatch.pki.truststore import TrustStore
from anchorwatch.portal import life, management, publication
from anchorwatch.portal.management import TokenTerms
from anchorwatch.portal.portal import Portal
from anchorwatch.portal.server import Front, Server, authorities

PROXY_HOST, PROXY_ADDRESS, PROXY_PORT = "proxy.corp.example", "192.0.2.8", 8080
"""The forward proxy of the town, for devices that are configured to use one."""
PROXY_USER = "harbour"
NAME_SERVERS, TIME_SERVERS = ("192.0.2.53", "198.51.100.53"), ("192.0.2.123", "198.51.100.123")
SEATS = 1_000
_INSPECTOR, _INSPECTED, _FOREIGNER, _FOREIGN_SIGNER = (
    "-inspector",
    "-inspected",
    "-foreigner",
    "-foreign-signer",
)
_PURPOSE = "1.3.6.1.3.1.9.21.2.3"
_LONG_AGO, _FAR = datetime(2005, 1, 1, tzinfo=UTC), datetime(2045, 1, 1, tzinfo=UTC)
_SELDOM = timedelta(days=90)
"""How often devices look for a newer trust bundle: those of the document never do, and a year of many is to be short."""
_LISTED = "application/x-pkcs7-certificates"


def strangers(story: Story) -> Mapping[str, Certified]:
    """Certificates of those who are no part of a story: who inspects, who signs bundles without being asked to.

    And the portal's own on a bad day, for each chain: ended, or for another name.
    """
    wide = (_LONG_AGO, _FAR)
    corporate = (("C", "US"), ("O", "Corporate Security"))
    found = [
        Certified(code=_INSPECTOR, valid=wide, name=(*corporate, ("CN", "Corporate TLS Inspection CA"))),
        Certified(
            code=_INSPECTED,
            valid=wide,
            name=(("CN", story.host),),
            hosts=(story.host,),
            issuer=_INSPECTOR,
            is_ca=False,
        ),
        Certified(code=_FOREIGNER, valid=wide, name=(("O", "Elsewhere"), ("CN", "Elsewhere Root"))),
        Certified(
            code=_FOREIGN_SIGNER,
            valid=wide,
            name=(("O", "Elsewhere"), ("CN", "Trusted Root Store Signer")),
            issuer=_FOREIGNER,
            purpose=_PURPOSE,
            is_ca=False,
        ),
    ]
    for chain, codes in story.chains.items():
        leaf = story.certificates[codes[0]]
        ended = (leaf.valid[0] - timedelta(days=730), min(leaf.valid[0], story.begins) - timedelta(days=1))
        found += [
            replace(leaf, code=_expired(chain), valid=ended, serial=""),
            replace(leaf, code=_elsewhere(chain), hosts=(f"www.{story.host}.example",), serial=""),
        ]
    return MappingProxyType({each.code: each for each in found})


def _expired(chain: str) -> str:
    return f"-expired-{chain}"


def _elsewhere(chain: str) -> str:
    return f"-elsewhere-{chain}"


class Household:
    """The servers, from their making until `close`. `folder` keeps keys and the portal's database.

    `chain` is what the portal shows and `bundle` what is served; `directory` is what devices look things up in.
    """

    def __init__(self, story: Story, folder: Path, clock: Clock, *, chain: str, bundle: str) -> None:
        self.story = story
        self.clock = clock
        self.folder = folder
        self.chain, self.bundle = chain, bundle
        self.minted = _certificates(story, folder / "certificates")
        self.cas = tuple(self.minted[code].certificate for code in sorted(self.minted) if _is_ca(story, code))
        self._signed: dict[str, bytes] = {}
        self._open = ExitStack()
        try:
            self._start()
        except BaseException:
            self._open.close()
            raise

    def _start(self) -> None:
        silence = self._open.enter_context(Silence())
        self.directory = Directory(
            self.clock, name_servers=NAME_SERVERS, time_servers=TIME_SERVERS, silence=silence.where
        )
        self.portal = self._portal()
        self._open.callback(self.portal.database.close)
        self.front = Front(*self._shown(), authorities=authorities(self.portal))
        server = self._open.enter_context(Server(self.portal, front=self.front))
        self.place = Endpoint("127.0.0.1", server.port)
        story, directory = self.story, self.directory
        self._files_host = urlsplit(story.source.url).hostname or ""
        directory.name(story.host, story.address)
        directory.name(self._files_host, story.source.address)
        directory.name(PROXY_HOST, PROXY_ADDRESS)
        directory.lead(story.host, 443, self.place)
        directory.lead(self._files_host, 80, self._site(self._files(lambda: self.signed(self.bundle))))
        self._between()
        self._bad_files()
        self._proxies()

    def close(self) -> None:
        """Stop every server."""
        self._open.close()

    # ------------------------------------------------------------------------------------------------ portal

    def show(self, chain: str) -> None:
        """Let the portal present another chain from the next connection on."""
        self.chain = chain
        self.front.change(*self._shown())
        for fault, terms in self._bad_terms().items():
            self._bad[fault].listener.change(terms)

    def _shown(self) -> tuple[Path, Path]:
        """The chain's files, leaf first, and its key's."""
        codes = self.story.chains[self.chain]
        chain, key = self.folder / f"shown-{self.chain}.pem", self.folder / f"shown-{self.chain}.key"
        if not key.exists():
            disk.write(
                chain, "".join(self.minted[code].certificate.pem for code in codes).encode(), private=True
            )
            pem = self.minted[codes[0]].key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            disk.write(key, pem, private=True)
        return chain, key

    def _portal(self) -> Portal:
        folder = self.folder / "portal"
        if (folder / management.NAME).exists():
            return management.opened(folder, self.clock)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        portal = management.initialise(folder, self.story.host, self.clock)
        publication.publish(portal, lambda bundle: replace(bundle, refresh_hint=_SELDOM))
        management.add_account(portal, *self.story.account)
        return portal

    @property
    def _place(self) -> VirtualAccount:
        owner = management.find_account(self.portal, self.story.account[0])
        return management.find_virtual(self.portal, owner, None)

    def offer(self, tags: Iterable[str]) -> None:
        """Have seats of each of these tags, if there are none yet."""
        owner = management.find_account(self.portal, self.story.account[0])
        for tag in tags:
            made = EntitlementTag(id=new_id(self.clock.now()), account_id=owner.id, tag=tag, name=tag)
            try:
                management.add_tag(self.portal, owner, made)
            except AlreadyThere:
                continue
            management.add_lot(self.portal, self._place, tag, SEATS)

    def token(self, *, life_: timedelta = management.TOKEN_LIFE, uses: int = 1) -> tuple[IdToken, Secret]:
        """A new ID token, and the line to paste."""
        terms = TokenTerms(life=life_, uses=uses, export=True, force=True, note="lab")
        _, text = management.make_token(self.portal, self._place, terms)
        return id_token.parse(text), text

    def daily(self) -> None:
        """What the portal does by itself once in a while, done by the town's clock."""
        life.sweep(self.portal)
        publication.ensured(self.portal)

    # ------------------------------------------------------------------------------------------------ bundle

    def signed(self, code: str) -> bytes:
        """An issue of the story's bundle, signed by its signer when the story says."""
        if code not in self._signed:
            source, plan = self.story.source, self.story.bundles[code]
            self._signed[code] = self._sign(source.signer, source.pin, plan.version, plan.signed, code)
        return self._signed[code]

    def _sign(self, signer: str, issuer: str, version: str, at: datetime, code: str) -> bytes:
        made = self.minted[signer]
        return sign(
            [self.minted[each].certificate for each in self.story.bundles[code].holds],
            signer=BundleSigner(
                certificate=made.certificate, key=made.key, issuers=(self.minted[issuer].certificate,)
            ),
            name=self.story.source.name,
            version=version,
            signing_time=at,
        )

    @property
    def pins(self) -> frozenset[str]:
        """SHA-256 of whom the devices of this town let sign bundles."""
        return frozenset({self.minted[self.story.source.pin].certificate.sha256})

    def store(self, code: str, name: str) -> TrustStore:
        """What an issue of the bundle holds, as a store; an empty one without a code."""
        held = self.story.bundles[code].holds if code else ()
        return TrustStore.of([self.minted[each].certificate for each in held], name)

    def _files(self, data: Callable[[], bytes]) -> Respond:
        path = urlsplit(self.story.source.url).path

        def respond(request: Request) -> Reply:
            if request.method not in {"GET", "HEAD"} or request.path != path:
                return Reply.text("not found\n", status=404)
            return Reply(headers=(("Content-Type", _LISTED),), body=data())

        return respond

    def _bad_files(self) -> None:
        def altered() -> bytes:
            whole = self.signed(self.bundle)
            middle = len(whole) // 2
            return whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :]

        def unsigned() -> bytes:
            holds = self.story.bundles[self.bundle].holds
            return pkcs7.write([self.minted[code].certificate for code in holds])

        def foreign() -> bytes:
            plan = self.story.bundles[self.bundle]
            return self._sign(_FOREIGN_SIGNER, _FOREIGNER, plan.version, plan.signed, self.bundle)

        ways: tuple[tuple[Fault, Respond], ...] = (
            (Fault.BUNDLE_GONE, lambda _: Reply.text("not found\n", status=404)),
            (Fault.BUNDLE_ALTERED, self._files(altered)),
            (Fault.BUNDLE_UNSIGNED, self._files(unsigned)),
            (Fault.BUNDLE_FOREIGN, self._files(foreign)),
            (Fault.BUNDLE_OUTDATED, self._files(lambda: self.signed(self.story.oldest_bundle))),
        )
        for fault, respond in ways:
            self.directory.lead(self._files_host, 80, self._site(respond), when=fault)

    # ----------------------------------------------------------------------------------------------- between

    def _between(self) -> None:
        self._bad: dict[Fault, Site] = {}
        passing_on = bystander.relay(
            self.place,
            self.story.host,
            clock=self.clock,
            trust=lambda: TrustStore.of(self.cas, "every CA of the story"),
        )
        for fault, terms in self._bad_terms().items():
            respond = bystander.out_of_order if fault is Fault.PORTAL_OUTAGE else passing_on
            self._bad[fault] = self._open.enter_context(Site(respond, terms=terms))
            self.directory.lead(self.story.host, 443, self._bad[fault].listener.endpoint, when=fault)
        inspected = self._identity(_INSPECTED, _INSPECTOR)
        inspecting = self._open.enter_context(Site(passing_on, terms=Terms(identity=inspected)))
        self.directory.lead(self.story.host, 443, inspecting.listener.endpoint, when=Fault.TLS_INSPECTION)
        page = self._site(bystander.captive_page)
        for port in (80, 443):
            self.directory.lead(EVERYWHERE, port, page, when=Fault.CAPTIVE_PAGE)

    def _bad_terms(self) -> Mapping[Fault, Terms]:
        """How the portal would present itself under each fault, by the chain it shows now."""
        leaf, *above = self.story.chains[self.chain]
        whole = self._identity(leaf, *above)
        return {
            Fault.PORTAL_OUTAGE: Terms(identity=whole),
            Fault.LEAF_EXPIRED: Terms(identity=self._identity(_expired(self.chain), *above)),
            Fault.WRONG_NAME: Terms(identity=self._identity(_elsewhere(self.chain), *above)),
            Fault.NO_INTERMEDIATE: Terms(identity=self._identity(leaf)),
            Fault.OLD_TLS: Terms(identity=whole, minimum=TlsVersion.TLS_1_0, maximum=TlsVersion.TLS_1_1),
        }

    def _identity(self, leaf: str, *above: str) -> Identity:
        made = self.minted[leaf]
        chain = (leaf, *above)
        return Identity(chain=tuple(self.minted[code].certificate.der for code in chain), key=made.key)

    def _proxies(self) -> None:
        def find(host: str, port: int) -> Endpoint | None:
            # A device that found the way by itself asks for where it led, one that did not for the name.
            places = {self.place, *(site.listener.endpoint for site in self._bad.values())}
            if (asked := Endpoint(host, port)) in places:
                return asked
            address = self.directory.address(host) or host
            found = self.directory.place(address, port, frozenset())
            return found if isinstance(found, Endpoint) else None

        self.proxy_password = Secret(secrets.token_urlsafe(12))
        manners: tuple[tuple[bystander.Manner, Fault | None], ...] = (
            ("open", None),
            ("forbids", Fault.PROXY_REFUSES),
            ("wants credentials", Fault.PROXY_CREDENTIALS),
        )
        for manner, fault in manners:
            proxy = bystander.ForwardProxy(find, manner=manner, user=PROXY_USER, password=self.proxy_password)
            self._open.enter_context(proxy)
            self.directory.lead(PROXY_HOST, PROXY_PORT, proxy.listener.endpoint, when=fault)
        self.directory.lead(PROXY_HOST, PROXY_PORT, Obstacle.REFUSED, when=Fault.PROXY)

    def _site(self, respond: Respond) -> Endpoint:
        return self._open.enter_context(Site(respond)).listener.endpoint


def _certificates(story: Story, folder: Path) -> Mapping[str, Minted]:
    """The certificates that were made before, and the others made now and kept."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    kept = mint.kept(folder)
    plans = {code: story.certificates[code] for code in sorted(story.needed)}
    made = mint.mint({**plans, **strangers(story)}, kept)
    mint.save({code: each for code, each in made.items() if code not in kept}, folder)
    return made


def _is_ca(story: Story, code: str) -> bool:
    return code in story.certificates and story.certificates[code].is_ca


def catalogue(house: Household) -> tuple[Certificate, ...]:
    """Every CA of the story, each once, for those who should know the look-alikes from the real ones."""
    return tuple({each.sha256: each for each in house.cas}.values())
