"""Where the portal is and whom to trust there, as the operator says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from anchorwatch.net.endpoint import Endpoint
from anchorwatch.net.limits import Limits
from anchorwatch.net.outcome import Unreachable
from anchorwatch.net.proxy import Proxy
from anchorwatch.net.tls import Observation
from anchorwatch.pki.truststore import TrustStore

Find = Callable[[], Endpoint | Unreachable]
Watch = Callable[[Observation], None]


def _unseen(_: Observation) -> None:
    return


NOBODY = TrustStore((), "the agent's own store")
"""An operator's store that trusts nobody; the anchors of the signed bundle come beside it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """How to come to the portal.

    `endpoint` is where to connect, also where the portal's name leads elsewhere. `plain` is where its signed objects
    may be asked for in plain HTTP, None for nowhere. `store` is asked at every connection, so that a pool that was
    repaired counts at once. `find` is asked before every connection where the way may change; it then stands in for
    `endpoint`, and `via` for `proxy`. `watch` is shown how every connection over TLS went.
    """

    endpoint: Endpoint
    plain: Endpoint | None = None
    proxy: Proxy | None = None
    store: Callable[[], TrustStore] = field(default=lambda: NOBODY, repr=False)
    limits: Limits = field(default_factory=Limits)
    find: Find | None = field(default=None, repr=False)
    via: Callable[[], Proxy | None] | None = field(default=None, repr=False)
    watch: Watch = field(default=_unseen, repr=False)

    def through(self) -> Proxy | None:
        """The proxy of the next connection."""
        return self.proxy if self.via is None else self.via()
