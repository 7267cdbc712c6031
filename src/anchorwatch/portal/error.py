"""What this room raises."""

from __future__ import annotations


class PortalError(Exception):
    """Base of everything `anchorwatch.portal` raises; one sentence, no secret in it."""


class KeysRefused(PortalError):
    """The folder of keys is not what it should be: missing, unreadable, open to others, or another passphrase."""


class ChainRefused(PortalError, ValueError):
    """A chain and key that no TLS server could show; what was shown before goes on being shown."""


class NoPortal(PortalError):
    """There is no portal in a folder."""


class NotListening(PortalError):
    """An address and port at which the system lets nobody listen: taken, not ours, or not allowed."""


class NotDone(PortalError):
    """What an operator asked for cannot be done as things stand."""
