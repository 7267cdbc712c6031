"""What this package raises; what went wrong on a device while a plan was carried out is a value, in `carrying`."""

from __future__ import annotations


class FleetError(Exception):
    """Base of what `anchorwatch.fleet` raises; the message is one sentence, `hints` say what to do next."""

    def __init__(self, sentence: str, *hints: str) -> None:
        super().__init__(sentence)
        self.hints = hints


class NotSpoken(FleetError):
    """A device whose command line we do not know, or did not recognise."""


class NotPrivileged(FleetError):
    """A device did not let us into the mode where its state can be read."""


class StateChanged(FleetError):
    """The state a plan was made for does not hold any more."""


class RunUnfit(FleetError):
    """The record of a run cannot be used or kept."""
