"""What this room raises; what the portal or the wire did is no exception but an event of the machine."""

from __future__ import annotations


class AgentError(Exception):
    """Base of this package's errors: one sentence, no secret in it."""


class FolderRefusedError(AgentError):
    """The agent's folder, or a file of it, cannot be used; nothing was changed."""


class FolderTakenError(AgentError):
    """Another agent works on this folder."""
