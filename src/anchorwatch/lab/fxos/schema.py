"""Which managed objects a chassis has: their kinds, scopes and properties, as data.

The command line of every scope follows from this table: an object that is always there is only entered, one that can
be made is also created and deleted, and each property has its `set`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from anchorwatch.lab.fxos.objects import Name, Path, Tree

PORTAL_URL = "https://tools.cisco.com/its/service/oddce/services/DDCEService"

_HOST = re.compile(r"(?=.{1,253}$)[A-Za-z0-9](?:[A-Za-z0-9:_-]*(?:\.[A-Za-z0-9_-]+)*)\.?")
_URL = re.compile(r"https?://[^\s/?#@]{1,260}(?:[/?#]\S{0,500})?")
_NUMBER = re.compile(r"[1-9][0-9]{0,4}")
_WORD = re.compile(r"[A-Za-z0-9_.:@/+-]{1,64}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,31}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Property:
    """What can be set. `values` are the words it may be; where there are none, `form` says what a value looks like."""

    word: str
    default: str = ""
    form: re.Pattern[str] = _WORD
    values: tuple[str, ...] = ()
    help: str = ""

    def takes(self, value: str) -> bool:
        """Whether it may have that value."""
        if self.values:
            return value in self.values
        return self.form.fullmatch(value) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of object. `mode` is the scope's name in the dialect, "" for an object that is no scope.

    `named` says that there may be several, told apart by names, at most `most` side by side; only those are made and
    deleted. `pasted` are properties whose value is pasted line by line.
    """

    word: str
    mode: str = ""
    named: bool = False
    most: int = 32
    properties: tuple[Property, ...] = ()
    pasted: tuple[str, ...] = ()
    below: tuple[Kind, ...] = ()
    form: re.Pattern[str] = _NAME
    help: str = ""


_ON_OFF = ("on", "off")
DESTINATION = Kind(
    word="destination",
    mode="destination",
    named=True,
    help="Destination of messages",
    properties=(
        Property(word="address", form=_URL, help="URL of the server"),
        Property(word="protocol", default="http", values=("http", "email"), help="How messages are sent"),
    ),
)
PROFILE = Kind(word="profile", mode="profile", named=True, help="Call-home profile", below=(DESTINATION,))
CALL_HOME = Kind(
    word="callhome",
    mode="callhome",
    help="Call-home",
    properties=(
        Property(word="http-proxy-server-enable", default="off", values=_ON_OFF, help="Use of an HTTP proxy"),
        Property(word="http-proxy-server-url", form=_HOST, help="Host of the HTTP proxy"),
        Property(word="http-proxy-server-port", default="80", form=_NUMBER, help="Port of the HTTP proxy"),
    ),
    below=(PROFILE,),
)
SERVICES = Kind(
    word="services",
    mode="services",
    help="Time, names and other services",
    properties=(
        Property(
            word="timezone",
            default="Etc/UTC",
            form=re.compile(r"[A-Za-z]{1,20}(?:/[A-Za-z0-9_+-]{1,30}){0,2}"),
            help="Time zone",
        ),
    ),
    below=(
        Kind(word="ntp-server", named=True, most=4, form=_HOST, help="NTP server"),
        Kind(word="dns", named=True, most=4, form=_HOST, help="DNS server"),
    ),
)
TRUSTPOINT = Kind(word="trustpoint", mode="trustpoint", named=True, help="Trustpoint", pasted=("certchain",))
LICENSE = Kind(
    word="license",
    mode="license",
    help="Smart licensing",
    below=(Kind(word="licdebug", mode="licdebug", help="Debugging of the licence agent"),),
)
CHASSIS = Kind(
    word="",
    mode="top",
    below=(
        Kind(word="security", mode="security", help="Security", below=(TRUSTPOINT,)),
        LICENSE,
        Kind(
            word="system",
            mode="system",
            help="Systems",
            properties=(
                Property(word="name", form=re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,62}"), help="System name"),
            ),
            below=(SERVICES,),
        ),
        Kind(word="monitoring", mode="monitoring", help="Monitor the system", below=(CALL_HOME,)),
    ),
)

SYSTEM: Path = (Name("system"),)
SECURITY: Path = (Name("security"),)
SERVICES_PATH: Path = (*SYSTEM, Name("services"))
CALL_HOME_PATH: Path = (Name("monitoring"), Name("callhome"))
FACTORY_TRUSTPOINT = "CHdefault"
FACTORY_DESTINATION: Path = (*CALL_HOME_PATH, Name("profile", "SLProfile"), Name("destination", "SLDest"))


def scopes(kind: Kind = CHASSIS, above: tuple[Kind, ...] = ()) -> Iterator[tuple[Kind, tuple[Kind, ...]]]:
    """Every kind that is a scope, with the kinds it lies in, the outermost first."""
    yield kind, above
    for below in kind.below:
        if below.mode:
            yield from scopes(below, (*above, kind))


def kind_of(path: Path) -> Kind:
    """The kind of the object at a path. Raises `KeyError` for a path that no object can have."""
    kind = CHASSIS
    for name in path:
        found = next((each for each in kind.below if each.word == name.kind), None)
        if found is None:
            raise KeyError(name.kind)
        kind = found
    return kind


def bare(hostname: str) -> Tree:
    """The objects of a chassis on which nothing is configured but its name."""
    objects: dict[Path, Mapping[str, str]] = {}
    _always(CHASSIS, (), objects)
    objects[SYSTEM] = MappingProxyType({**objects[SYSTEM], "name": hostname})
    objects[CALL_HOME_PATH] = MappingProxyType({**objects[CALL_HOME_PATH], "enabled": "on"})
    return Tree(MappingProxyType(objects))


def _always(kind: Kind, path: Path, objects: dict[Path, Mapping[str, str]]) -> None:
    for below in kind.below:
        if below.named:
            continue
        place = (*path, Name(below.word))
        objects[place] = defaults(below)
        _always(below, place, objects)


def defaults(kind: Kind) -> Mapping[str, str]:
    """What an object of a kind has before anything is set."""
    return MappingProxyType({each.word: each.default for each in kind.properties if each.default})
