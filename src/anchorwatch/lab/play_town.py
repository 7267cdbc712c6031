"""The town of the short play of 2016: authorities, the portal, the bundle server, the name service, and one clock for all.

Everything listens on loopback; the name service maps the story's host names to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from typing import Self
from urllib.parse import urlsplit

from anchorwatch.base.clock import TurnableClock
from anchorwatch.formats.signing import BundleSigner, sign
from anchorwatch.lab.device import VirtualAsa
from anchorwatch.lab.mint import Minted, mint
from anchorwatch.lab.story import Story
from anchorwatch.net.endpoint import Endpoint
from anchorwatch.net.listener import Identity, Terms
from anchorwatch.net.site import Reply, Request, Site
from anchorwatch.pki.certificate import Certificate
from anchorwatch.pki.truststore import TrustStore

DATES = {
    "quiet": datetime(2016, 2, 29, 9, 0, tzinfo=UTC),
    "moved": datetime(2016, 3, 22, 13, 26, 32, tzinfo=UTC),
    "mended": datetime(2016, 3, 22, 14, 5, tzinfo=UTC),
}
"""The portal still shows the old chain; it shows the new one and the device fails; the bundle is imported."""
_DEVICE = "asav-951"


class Town:
    """A town under way from its making until `close`; also a context manager.

    The clock starts on the first of `DATES`. `minted` are the story's certificates by code.
    """

    def __init__(self, story: Story) -> None:
        self.story = story
        self.clock = TurnableClock(min(DATES.values()))
        self.minted: Mapping[str, Minted] = mint({code: story.certificates[code] for code in story.needed})
        self._bundles: dict[str, bytes] = {}
        self._open = ExitStack()
        self._portal = self._open.enter_context(Site(self._portal_answers, terms=self._terms("old")))
        self._files = self._open.enter_context(Site(self._file_server_answers))

    def close(self) -> None:
        """Stop every server of the town."""
        self._open.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def device(self) -> VirtualAsa:
        """The device of the story, with the anchors it has when the story begins."""
        plan = next(each for each in self.story.devices if each.name == _DEVICE)
        return VirtualAsa(
            hostname="ASAv",
            clock=self.clock,
            resolve=self.resolve,
            portal_url=self.story.url,
            trustpoints={
                name: TrustStore.of(self.certificates(held), name=name)
                for name, held in self.story.held_by(plan).items()
            },
            pool=TrustStore((), "Trustpool"),
            pins=frozenset({self.minted[self.story.source.pin].certificate.sha256}),
        )

    def turn_to(self, date: str) -> None:
        """Turn the town's clock to a date of the story."""
        self.clock.turn_to(DATES[date])

    def certificates(self, *codes: str) -> tuple[Certificate, ...]:
        """Certificates of the story by code, in that order."""
        return tuple(self.minted[code].certificate for code in codes)

    def show_chain(self, name: str) -> None:
        """Let the portal present another chain of the story from the next connection on."""
        self._portal.listener.change(self._terms(name))

    def publish_bundle(self) -> bytes:
        """Sign the story's bundle, put it where the story says it is served, and return its bytes."""
        source, plan = self.story.source, self.story.bundles[self.story.serves]
        signer = self.minted[source.signer]
        data = sign(
            self.certificates(*plan.holds),
            signer=BundleSigner(
                certificate=signer.certificate, key=signer.key, issuers=self.certificates(source.pin)
            ),
            name=source.name,
            version=plan.version,
            signing_time=self.clock.now(),
        )
        self._bundles[urlsplit(source.url).path] = data
        return data

    @contextmanager
    def altered_bundle(self) -> Iterator[None]:
        """While it lasts, somebody on the way changes one bit in the middle of the bundle."""
        path = urlsplit(self.story.source.url).path
        whole = self._bundles[path]
        middle = len(whole) // 2
        self._bundles[path] = whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :]
        try:
            yield
        finally:
            self._bundles[path] = whole

    def resolve(self, host: str, port: int) -> Endpoint | None:
        """Where a host of the story listens, None for a name the town does not know."""
        if (host, port) == (self.story.host, 443):
            return self._portal.listener.endpoint
        if (host, port) == (urlsplit(self.story.source.url).hostname, 80):
            return self._files.listener.endpoint
        return None

    def _terms(self, chain: str) -> Terms:
        codes = self.story.chains[chain]
        return Terms(
            identity=Identity(
                chain=tuple(each.der for each in self.certificates(*codes)), key=self.minted[codes[0]].key
            )
        )

    def _portal_answers(self, request: Request) -> Reply:
        if request.method == "POST" and request.path == self.story.path:
            return Reply.text("OK\n")
        return Reply.text("not found\n", status=404)

    def _file_server_answers(self, request: Request) -> Reply:
        data = self._bundles.get(request.path)
        if request.method != "GET" or data is None:
            return Reply.text("not found\n", status=404)
        return Reply(headers=(("Content-Type", "application/x-pkcs7-certificates"),), body=data)
