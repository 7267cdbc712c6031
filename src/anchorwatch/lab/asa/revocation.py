"""Whether an ASA can ask if the portal's chain was revoked, where its configuration demands that.

A first look tells which certificates come, they say where lists and responders are, and each of those has to be reached.
What a list would say is not looked at: the CAs of a town revoke nobody. With ``none`` as the last method a check that
cannot be made is let pass.
"""

from __future__ import annotations

from datetime import timedelta

from anchorwatch.devices.log_detail import RevocationTrouble
from anchorwatch.lab.asa import stored
from anchorwatch.lab.asa import url as urls
from anchorwatch.lab.asa.body import AsaBody
from anchorwatch.net import http, tls
from anchorwatch.net.endpoint import Endpoint
from anchorwatch.net.limits import Limits
from anchorwatch.net.outcome import Unreachable
from anchorwatch.pki.certificate import Certificate, MalformedCertificateError

_LIMITS = Limits(whole=timedelta(seconds=5), silence=timedelta(seconds=3))
_LARGEST = 4 * 1024 * 1024
_MOST_ASKED = 8


def demanding(machine: AsaBody) -> dict[str, str]:
    """The method each place demands, by the name of the place; those that let pass what cannot be checked are left out."""
    methods = {name: point.revocation for name, point in machine.running.trustpoints.items() if point.pem}
    if machine.pool.anchors:
        methods["Trustpool"] = machine.running.pool.revocation
    return {name: method for name, method in methods.items() if not method.endswith("none")}


def unchecked(machine: AsaBody, host: str, place: Endpoint | Unreachable) -> frozenset[str]:
    """The places whose demand cannot be met for the chain that the portal presents now; logged as it happens.

    Takes the time of connections, and none where nothing is demanded.
    """
    wanted = demanding(machine)
    if not wanted or isinstance(place, Unreachable):
        return frozenset()
    seen = tls.connect(place, clock=machine.clock, trust=None, sni=host, limits=_LIMITS)
    lists, responders = _asked(seen.presented)
    failed = set()
    for name, method in wanted.items():
        first = method.split()[0]
        urls = lists if first == "crl" else responders
        if urls and all(_answers(machine, url) for url in urls[:_MOST_ASKED]):
            continue
        failed.add(name)
        code = "717010" if first == "crl" else "717032"
        reason = "" if first == "crl" else "HTTP transaction failed"
        machine.note(code, RevocationTrouble(method=first, subject=name, reason=reason), 3)
    return frozenset(failed)


def _asked(presented: tuple[bytes, ...]) -> tuple[list[str], list[str]]:
    """The addresses of lists and of responders in a chain."""
    lists: list[str] = []
    responders: list[str] = []
    for octets in presented[:16]:
        try:
            ocsp, crl = stored.addresses(Certificate.from_der(octets))
        except MalformedCertificateError:
            # What cannot be read names no address.
            continue
        lists += crl
        responders += ocsp
    return lists, responders


def _answers(machine: AsaBody, text: str) -> bool:
    parts = urls.read(text)
    if parts is None or parts.scheme != "http":
        return False
    found = machine.find(parts.host, parts.port)
    if isinstance(found, Unreachable):
        return False
    ask = http.Ask(url=f"http://{found}{parts.path or '/'}")
    rules = http.Rules(limits=_LIMITS, most_octets=_LARGEST)
    answer = http.fetch(ask, clock=machine.clock, trust=None, rules=rules)
    return isinstance(answer, http.Answer) and answer.status == 200
