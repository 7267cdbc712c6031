"""One look at an endpoint as a face asks for it: words in, an observation out, the chain kept if wanted."""

from __future__ import annotations

import base64
from datetime import timedelta
from pathlib import Path

from anchorwatch.base.clock import Clock
from anchorwatch.base.secret import Secret
from anchorwatch.disk import file
from anchorwatch.net.endpoint import Endpoint
from anchorwatch.net.limits import Limits
from anchorwatch.net.proxy import Proxy
from anchorwatch.net.tls import Observation, TlsVersion, connect

# One silence may last this share of the whole, so that a second address is still tried after a dead first.
_SILENCE_SHARE = 0.6


def observe(
    endpoint: str,
    *,
    clock: Clock,
    sni: str | None = None,
    proxy: str | None = None,
    proxy_password: Secret | None = None,
    timeout: timedelta = timedelta(seconds=15),
    minimum: str | None = None,
    save: Path | None = None,
) -> Observation:
    """Look at the endpoint that a user named, trusting nothing; see `net.tls.connect` for what comes back.

    `proxy` is `[USER@]HOST[:PORT]`, `minimum` a version of TLS such as "1.0", the names are as typed. With
    `save` the chain is written there as PEM, in the order sent; where nothing was presented no file is
    made. Raises `BadEndpoint` for a name, `ValueError` for a version or a time, `OSError` from writing.
    """
    if timeout <= timedelta():
        raise ValueError("a time limit must be longer than nothing")
    seen = connect(
        Endpoint.parse(endpoint),
        clock=clock,
        sni=sni,
        proxy=None if proxy is None else Proxy.parse(proxy, password=proxy_password),
        limits=Limits(whole=timeout, silence=timeout * _SILENCE_SHARE),
        minimum=TlsVersion.TLS_1_2 if minimum is None else TlsVersion.parse(minimum),
    )
    if save is not None and seen.presented:
        save_chain(seen, save)
    return seen


def pem_chain(presented: tuple[bytes, ...]) -> str:
    """Write certificates as PEM blocks (RFC 7468) in their order, the octets untouched."""
    blocks = []
    for der in presented:
        text = base64.b64encode(der).decode("ascii")
        lines = [text[start : start + 64] for start in range(0, len(text), 64)]
        blocks.append("\n".join(["-----BEGIN CERTIFICATE-----", *lines, "-----END CERTIFICATE-----", ""]))
    return "".join(blocks)


def save_chain(seen: Observation, path: Path) -> None:
    """Write what was presented to a file, whole or not at all; an older file of that name gives way."""
    file.write(path, pem_chain(seen.presented).encode("ascii"), private=True)
