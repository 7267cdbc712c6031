"""What this package raises; how a connection ended is a value, in `outcome`."""

from __future__ import annotations


class NetError(Exception):
    """Base of everything `anchorwatch.net` raises."""


class BadEndpoint(NetError, ValueError):
    """A text that names no endpoint, with the reason."""


class StreamBroken(NetError):
    """An open stream ended where more had to come: reset, cut, or an alert from the other side."""


class StreamTimedOut(NetError, TimeoutError):
    """An open stream stayed silent longer than its limits allow."""


class NotLoopback(NetError, ValueError):
    """A lab server was asked to listen where others could reach it."""


class NoConversation(NetError):
    """A device's command line could not be reached, or was lost; `hints` say what to do next, likeliest first."""

    def __init__(self, sentence: str, *hints: str) -> None:
        super().__init__(sentence)
        self.hints = hints


class DeviceUnreachable(NoConversation):
    """No SSH connection came about: name, route, port, or nothing in common to speak."""


class HostKeyRefused(NoConversation):
    """The device showed a key that nobody vouched for, or another one than it had; `fingerprint` is its SHA-256."""

    def __init__(self, sentence: str, *hints: str, fingerprint: str = "") -> None:
        super().__init__(sentence, *hints)
        self.fingerprint = fingerprint


class LoginRefused(NoConversation):
    """The device did not accept who was there; nobody tries again by himself."""


class DeviceGone(NoConversation):
    """A conversation ended in its middle."""


class PrintsTooMuch(NoConversation):
    """A device printed more than anybody keeps."""
