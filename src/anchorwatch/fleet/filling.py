"""What is filled into the blanks of a plan when its lines are typed.

A value is one word: it cannot add a word to a command, a line to a session or an answer to a question. The whole line
is looked at again after it was filled in, so that a value makes no forbidden command out of an allowed one. A secret
stays a secret until the octets are made.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from anchorwatch.base.secret import Secret
from anchorwatch.devices.blank import BLANKS, Blank, blanks
from anchorwatch.devices.step import BadStep, Typed
from anchorwatch.fleet.error import FleetError

# A token has 130 characters at most, a URL may have more.
_WORD = re.compile(r"[!-;=@-~]{1,255}")
CERTIFICATE = "certificate"
"""The blank that stands for many lines: the PEM text of the certificate a step names."""


class BadFilling(FleetError):
    """A value that does not belong into a blank, or is missing."""


@dataclass(frozen=True, slots=True)
class Filling:
    """Values by the name of their blank; the secret ones are `Secret`."""

    values: Mapping[str, str | Secret]

    def __post_init__(self) -> None:
        for name, value in self.values.items():
            if name not in BLANKS:
                raise BadFilling(f"no plan has a blank <{name}>", f"there are: {', '.join(BLANKS)}")
            text = value.reveal() if isinstance(value, Secret) else value
            if name != CERTIFICATE and not _WORD.fullmatch(text):
                # The value itself is not told: it may be a secret.
                raise BadFilling(f"what is given for <{name}> is not one printable word without ?, < and >")

    def missing(self, wanted: Iterable[Blank]) -> tuple[Blank, ...]:
        """The blanks that nobody filled; what the device itself shows is not among them."""
        return tuple(blank for blank in wanted if blank.name not in self.values and not blank.seen_there)

    def line(self, text: str) -> tuple[str, tuple[Secret, ...]]:
        """A line with its values, and the secrets that stand in it now. Raises `BadFilling`."""
        plain, secrets = text, []
        shown = text
        for blank in blanks(text):
            value = self.values.get(blank.name)
            if value is None:
                raise BadFilling(f"nothing is given for <{blank.name}>", blank.sentence)
            word = value.reveal() if isinstance(value, Secret) else value
            if isinstance(value, Secret):
                secrets.append(value)
            else:
                shown = shown.replace(f"<{blank.name}>", word)
            plain = plain.replace(f"<{blank.name}>", word)
        try:
            # As it is shown: a secret is a single word of its own, so it makes no other command of the line.
            Typed(text=shown)
        except BadStep as error:
            raise BadFilling(str(error)) from None
        return plain, tuple(secrets)

    def with_value(self, name: str, value: str) -> Filling:
        """The same and one more."""
        return Filling({**self.values, name: value})
