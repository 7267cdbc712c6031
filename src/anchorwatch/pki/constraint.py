"""Name constraints of a CA, and whether the names below it keep them (RFC 5280 section 4.2.1.10)."""

from __future__ import annotations

from dataclasses import dataclass

from anchorwatch.pki import der
from anchorwatch.pki.name import GeneralName, general_name


@dataclass(frozen=True, slots=True, kw_only=True)
class NameConstraints:
    """The name spaces a CA is confined to (`permitted`) and kept out of (`excluded`); either may be empty.

    `malformed` says in one sentence why the extension, or a base in it, is malformed; None where it is not.
    """

    permitted: tuple[GeneralName, ...] = ()
    excluded: tuple[GeneralName, ...] = ()
    critical: bool = False
    malformed: str | None = None

    @classmethod
    def from_der(cls, value: bytes, *, critical: bool = False) -> NameConstraints:
        """Read the value of the extension; never raises, see `malformed`."""
        lists: dict[int, tuple[GeneralName, ...]] = {0xA0: (), 0xA1: ()}
        problem: str | None = None
        try:
            for part in der.inside(value, der.whole(value, der.SEQUENCE)):
                names = []
                for subtree in der.inside(value, part):
                    base = der.element(value, subtree.content, subtree.stop)
                    names.append(general_name(base.tag, value[base.content : base.stop], base=True))
                lists[part.tag] = tuple(names)
        except der.DerError as error:
            problem = f"the name constraints cannot be read: {error}"
        return cls(permitted=lists[0xA0], excluded=lists[0xA1], critical=critical, malformed=problem)
