"""Words that must not be seen: ID tokens, enable passwords, the passphrase of a key."""

import hmac
from typing import NoReturn, Self

DOTS = "••••"
"""What stands for a secret wherever it is printed. Always four, so that the length is not told either."""


class Secret:
    """A text that prints as dots in every repr, message, log line and document.

    Only `reveal` gives it back, at the place that needs it; nothing else does: not formatting, not pickling,
    not a debugger's look at the attributes of what holds it. Equality is decided in constant time.
    """

    __slots__ = ("_text",)
    _text: str

    def __init__(self, text: str) -> None:
        object.__setattr__(self, "_text", text)

    def reveal(self) -> str:
        """The text itself. Call it late, and keep the answer in no attribute."""
        return self._text

    def __repr__(self) -> str:
        return f"Secret({DOTS})"

    def __str__(self) -> str:
        return DOTS

    def __format__(self, spec: str) -> str:
        return format(DOTS, spec)

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._encoded(), other._encoded())

    def __hash__(self) -> int:
        return hash(self._text)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError("a secret does not change; make another one")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError("a secret does not change; make another one")

    def __getstate__(self) -> NoReturn:
        raise TypeError("a secret is not written into a pickle; store its name and look it up again")

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a secret is not written into a pickle; store its name and look it up again")

    def _encoded(self) -> bytes:
        # A terminal may hand over bytes that were no UTF-8; they arrive as lone surrogates.
        return self._text.encode("utf-8", "surrogatepass")
