"""Causes for which nothing is typed: what to do instead, in words.

Either nothing on the device is wrong, or what would help is an order, a contract or an outage, and a person's.
"""

from __future__ import annotations

from anchorwatch.doctor.plan import NoPlan

_NOTHING = "Nothing on the device is wrong."
_TABLE: dict[str, tuple[str, tuple[str, ...]]] = {
    "server-certificate-expired": (
        "The certificate that has ended is the server's; nothing on the device mends it.",
        (
            "Check that the device's clock is right, and whether other devices fail at the same time.",
            "Wait, and tell the owner of the portal; use another address only if its owner says so.",
        ),
    ),
    "tls-inspection": (
        (
            "A proxy that inspects TLS shows a certificate of its own. Its CA was learned only from the session, and "
            "to trust it would be to trust the proxy for everything."
        ),
        (
            "Exempt tools.cisco.com and smartreceiver.cisco.com from inspection.",
            (
                "Only if that cannot be: its owner hands over the proxy's CA with its SHA-256, and a person decides "
                "to install it in a trustpoint with `validation-usage ssl-server`."
            ),
            "A signed bundle cannot mend this: it holds no private CA.",
        ),
    ),
    "key-usage": (
        "The certificate is not meant for this use; the device is right to refuse it.",
        ("Its owner replaces the certificate by one with the right key usage and extended key usage.",),
    ),
    "identity-cloned": (
        "Two devices carry one identity. To deregister the clone would end the registration of the original.",
        (
            "Leave the original as it is.",
            "Deploy the clone anew, so that it gets an identity of its own, and register that.",
        ),
    ),
    "out-of-compliance": (
        "The device and the portal understand each other; there are fewer licences than are used.",
        (
            "Buy licences, or move some to this virtual account, or give up a feature.",
            "The device looks again within 12 hours; a renewal looks at once.",
        ),
    ),
    "portal-outage": (
        "The portal answered that its own back end failed; nothing on the device is wrong.",
        ("Wait for the next attempt.", "Never deregister for it: that needs the portal too."),
    ),
    "rum-backlog": (
        "It is a consequence of the transport that fails; wiping the agent would take trust and authorization codes.",
        (
            "Mend the transport first, then the reports go out.",
            "Upgrade to 17.3.7, 17.6.5, 17.9.1 or later.",
            "Anything that wipes the agent is a person's decision together with Cisco's support.",
        ),
    ),
    "reservation": (
        "A reserved licence needs no portal.",
        (
            "Leave it as it is.",
            "Only if it should talk to the portal again: its owner returns the reservation.",
        ),
    ),
    "agent-defect": (
        "The agent fails before it sends anything; no network is concerned.",
        ("Look for a fixed release, and hand the case to Cisco's support.",),
    ),
    "communication-failing": (
        "It is a consequence: the first rung that fails is the cause, and it is not known yet.",
        ("Collect the read-only block (`anchorwatch ask`) and diagnose again.",),
    ),
    "registration-retrying": (
        "It is a consequence: the first rung that fails is the cause, and it is not known yet.",
        ("Collect the read-only block (`anchorwatch ask`) and diagnose again.",),
    ),
    "clock-skew": (
        "The clock differs a little; trust does not suffer from that.",
        ("Look whether the time server is followed.",),
    ),
    "auto-import-result-stale": (
        f"{_NOTHING} The result speaks of the last automatic import only, not of the import by hand.",
        ("Wait for the next automatic import, at 22:00 device time.",),
    ),
    "serial-shortened": (
        f"{_NOTHING} The listing was copied with a number shortened.",
        ("Compare names and SHA-256, not the number.",),
    ),
    "text-overwritten": (
        f"{_NOTHING} A part of the text was overwritten by a repetition.",
        ("Take the output from the device again.",),
    ),
    "repair-proven": (
        "The repair worked; nothing is left to be done.",
        ("Keep the output as the proof.",),
    ),
    "version-inferred": (
        f"{_NOTHING} The release was told from what it prints.",
        ("`show version` says it exactly.",),
    ),
    "anchor-expiring": (
        "The CA has not ended yet, and which one the portal will have next is not known.",
        (
            "Let the pool renew itself (auto-import), and see that it does.",
            "Judge what the portal presents some weeks before the date.",
        ),
    ),
}
CODES = frozenset(_TABLE)
"""The causes for which nothing is ever typed."""


def advice(code: str) -> NoPlan:
    """What to do instead of a repair, for one of `CODES`."""
    reason, instead = _TABLE[code]
    return NoPlan(code=code, reason=reason, instead=instead)
