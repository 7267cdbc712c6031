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
