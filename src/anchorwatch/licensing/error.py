"""What this room raises when a caller asked for something it cannot get."""

from __future__ import annotations


class LicensingError(Exception):
    """Base of this package's errors."""


class MalformedMessageError(LicensingError, ValueError):
    """A text from the other side is not the message it should be; one sentence, no secret in it."""


class SignatureRefusedError(LicensingError):
    """A signature does not hold, or holds for something else. `problem` is the problem type to answer with."""

    def __init__(self, sentence: str, problem: str = "signature-invalid") -> None:
        super().__init__(sentence)
        self.problem = problem


class BundleRefusedError(LicensingError):
    """A trust bundle was not accepted. `code` is one of `trust_bundle.Objection`."""

    def __init__(self, sentence: str, code: str) -> None:
        super().__init__(sentence)
        self.code = code


class TokenRefusedError(LicensingError, ValueError):
    """A text is no ID token, or not one this side uses; the message never repeats the text."""


class EventRefusedError(LicensingError):
    """An event has no meaning in this state; `machine`, `state` and `event` name them."""

    def __init__(self, sentence: str, *, machine: str, state: str, event: str) -> None:
        super().__init__(sentence)
        self.machine = machine
        self.state = state
        self.event = event
