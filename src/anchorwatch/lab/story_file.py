"""Reading a story from TOML, with one sentence for each mistake.

A person writes these files, so everything that is wrong is told at once, each with its place: `devices[2] asav-x`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from datetime import datetime, timedelta
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

from anchorwatch.devices import version_number
from anchorwatch.devices.fact import Platform
from anchorwatch.disk.file import reason
from anchorwatch.lab.span import SpanError, parse_span
from anchorwatch.lab.story import (
    MODELS,
    BundlePlan,
    BundleSource,
    Certified,
    DevicePlan,
    Event,
    Story,
    StoryError,
    UnknownStoryError,
    generation,
    is_address,
    is_version,
)
from anchorwatch.lab.story_certificates import check_known, read_certificates
from anchorwatch.lab.story_reader import Reader
from anchorwatch.net.endpoint import Endpoint
from anchorwatch.net.errors import BadEndpoint

FORMAT = 1
_LARGEST = 1024 * 1024
_MOST_DEVICES = 2_000
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_HOSTNAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_SHARED = ("authorities", "leaves", "bundles", "factories")


def names() -> tuple[str, ...]:
    """The codes of the stories there are, sorted."""
    return _listed("stories")


def load(code: str) -> Story:
    """Read a story of the package; raises `UnknownStoryError`."""
    if code not in names():
        raise UnknownStoryError(f"there is no story {code!r}; there are: {', '.join(names())}")
    return read(text_of(code))


def text_of(code: str) -> str:
    """A story of the package as it is written, to begin one's own with."""
    return _text("stories", code)


def read_file(path: Path) -> str:
    """The text of a story's file. Raises `StoryError`."""
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST + 1)
    except OSError as error:
        raise StoryError(f"{path}: {reason(error)}") from error
    if len(data) > _LARGEST:
        raise StoryError(f"{path}: a story has at most {_LARGEST} octets")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise StoryError(f"{path}: this is not text in UTF-8") from None


def read(text: str) -> Story:
    """A story from its TOML. Raises `StoryError` with every mistake."""
    told = _parsed(text)
    reader = Reader()
    with reader.at("story"):
        _whole(reader, told)
    world = told.get("world", "")
    if world and world not in _listed("worlds"):
        reader.wrong(f"there is no world {world!r}; there are: {', '.join(_listed('worlds'))}")
        world = ""
    if reader.mistakes:
        raise StoryError(*reader.mistakes)
    shared = _parsed(_text("worlds", world)) if world else {}
    made = _story(reader, _joined(shared, told))
    if reader.mistakes or made is None:
        raise StoryError(*dict.fromkeys(reader.mistakes))
    return made


def _whole(reader: Reader, told: Mapping[str, Any]) -> None:
    if told.get("story") != FORMAT:
        reader.wrong(f"the first key must be `story = {FORMAT}`: the form of the file")


def _parsed(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise StoryError(f"this is no TOML: {str(error)[:200]}") from None
    except RecursionError:
        raise StoryError("this is no TOML: it is nested too deeply") from None


def _joined(shared: Mapping[str, Any], told: Mapping[str, Any]) -> dict[str, Any]:
    """A story on its world: tables of certificates, bundles and factories come beside the world's, the rest in place."""
    joined = {**shared, **told}
    for name in _SHARED:
        here, there = told.get(name), shared.get(name)
        if isinstance(here, dict) and isinstance(there, dict):
            joined[name] = {**there, **here}
    return joined


def _listed(folder: str) -> tuple[str, ...]:
    entries = (resources.files("anchorwatch.lab") / folder).iterdir()
    return tuple(sorted(each.name.removesuffix(".toml") for each in entries if each.name.endswith(".toml")))


def _text(folder: str, code: str) -> str:
    return (resources.files("anchorwatch.lab") / folder / f"{code}.toml").read_text(encoding="utf-8")


def _story(reader: Reader, told: dict[str, Any]) -> Story | None:
    reader.keys(
        told,
        *(
            "story",
            "code",
            "title",
            "world",
            "starts",
            "host",
            "address",
            "path",
            "shows",
            "serves",
            "account",
        ),
        *("chains", "bundle", "bundles", "factories", "events", "devices", "authorities", "leaves"),
    )
    certificates = read_certificates(reader, told)
    host = _host(reader, reader.need(told, "host", str, ""))
    chains = _chains(reader, told, certificates, host)
    source = _source(reader, told, certificates)
    bundles = _bundles(reader, told, certificates)
    factories = _factories(reader, told, certificates)
    starts = reader.moment(told, "starts")
    for key, known, what in (("shows", chains, "chain"), ("serves", bundles, "bundle")):
        reader.one_of(reader.need(told, key, str, ""), known, what)
    address = reader.take(told, "address", str, "198.51.100.38")
    if not is_address(address):
        reader.wrong(f"address must be an IPv4 address, not {address!r}")
    path = reader.take(told, "path", str, "/its/service/oddce/services/DDCEService")
    if not path.startswith("/"):
        reader.wrong(f"path must begin with a slash, not {path!r}")
    account = reader.take(told, "account", dict, {})
    with reader.at("account"):
        reader.keys(account, "domain", "name")
        domain = reader.take(account, "domain", str, "harbour.example")
        owner = reader.take(account, "name", str, "Harbour Authority")
    devices = _devices(reader, told, certificates, bundles, factories, starts)
    events = _events(reader, told, chains, bundles, tuple(each.name for each in devices))
    code, title = reader.need(told, "code", str, ""), reader.need(told, "title", str, "")
    if code and not _NAME.fullmatch(code):
        reader.wrong(f"code must be of lower-case letters, digits and hyphens, not {code!r}")
    if source is None:
        return None
    return Story(
        code=code,
        title=title,
        starts=starts,
        host=host,
        address=address,
        path=path,
        shows=str(told.get("shows", "")),
        serves=str(told.get("serves", "")),
        account=(domain, owner),
        chains=MappingProxyType(chains),
        source=source,
        bundles=MappingProxyType(bundles),
        factories=MappingProxyType(factories),
        events=events,
        devices=devices,
        certificates=MappingProxyType(certificates),
    )


def _host(reader: Reader, host: str) -> str:
    try:
        endpoint = Endpoint.parse(host)
    except BadEndpoint as error:
        reader.wrong(f"host: {error}")
        return host
    if endpoint.is_address or endpoint.host != host:
        reader.wrong(f"host must be a name in lower case, without a port, not {host!r}")
    return host


# --- what is shown and served ---------------------------------------------------------------------------------


def _chains(
    reader: Reader, told: Mapping[str, Any], certificates: Mapping[str, Certified], host: str
) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    chains = reader.take(told, "chains", dict, {})
    if not chains:
        reader.wrong("chains is missing: what the portal shows, leaf first")
    for name in chains:
        with reader.at("chains"):
            codes = reader.words(chains, name)
        with reader.at(f"chains.{name}"):
            if not codes:
                reader.wrong("a chain has at least its leaf")
            check_known(reader, codes, certificates)
            leaf = certificates.get(codes[0]) if codes else None
            if leaf is not None and leaf.is_ca:
                reader.wrong(f"it begins with {codes[0]!r}, which is an authority; the leaf stands first")
            elif leaf is not None and host not in leaf.hosts:
                reader.wrong(f"its leaf {codes[0]!r} is not for {host}; its hosts say {list(leaf.hosts)}")
        found[name] = codes
    return found


def _source(
    reader: Reader, told: Mapping[str, Any], certificates: Mapping[str, Certified]
) -> BundleSource | None:
    if "bundle" not in told:
        reader.wrong("bundle is missing: url, name, signer and pin of the signed bundle")
        return None
    entry = reader.take(told, "bundle", dict, {})
    with reader.at("bundle"):
        reader.keys(entry, "url", "address", "name", "signer", "pin")
        url = reader.need(entry, "url", str, "")
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname or parts.path in ("", "/") or parts.port:
            reader.wrong(f"url must be http://HOST/PATH, not {url!r}")
        signer, pin = reader.need(entry, "signer", str, ""), reader.need(entry, "pin", str, "")
        check_known(reader, tuple(each for each in (signer, pin) if each), certificates)
        if pin in certificates and not certificates[pin].is_ca:
            reader.wrong(f"the pin {pin!r} must be an authority")
        if signer in certificates and certificates[signer].is_ca:
            reader.wrong(f"the signer {signer!r} must be a leaf")
        address = reader.take(entry, "address", str, "203.0.113.80")
        if not is_address(address):
            reader.wrong(f"address must be an IPv4 address, not {address!r}")
        return BundleSource(
            url=url, address=address, name=reader.need(entry, "name", str, ""), signer=signer, pin=pin
        )


def _bundles(
    reader: Reader, told: Mapping[str, Any], certificates: Mapping[str, Certified]
) -> dict[str, BundlePlan]:
    found: dict[str, BundlePlan] = {}
    for code, entry in reader.named(told, "bundles").items():
        with reader.at(f"bundles.{code}"):
            reader.keys(entry, "version", "signed", "holds")
            version = reader.need(entry, "version", str, "1")
            if not re.fullmatch(r"[0-9]{1,18}", version):
                reader.wrong(f"version must be digits in quotes, not {version!r}")
            holds = reader.words(entry, "holds")
            if not holds:
                reader.wrong("a bundle holds at least one certificate")
            check_known(reader, holds, certificates)
            found[code] = BundlePlan(version=version, signed=reader.moment(entry, "signed"), holds=holds)
    return found


def _factories(
    reader: Reader, told: Mapping[str, Any], certificates: Mapping[str, Certified]
) -> dict[str, Mapping[str, str]]:
    found: dict[str, Mapping[str, str]] = {}
    for code, entry in reader.named(told, "factories").items():
        with reader.at(f"factories.{code}"):
            found[code] = _trustpoints(reader, entry, certificates)
    return found


def _trustpoints(
    reader: Reader, entry: Mapping[str, Any], certificates: Mapping[str, Certified]
) -> dict[str, str]:
    for name in entry:
        if not re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", name):
            reader.wrong(f"{name!r} is no name of a trustpoint")
    points = {name: reader.take(entry, name, str, "") for name in entry}
    check_known(reader, tuple(points.values()), certificates)
    return points


def _events(
    reader: Reader,
    told: Mapping[str, Any],
    chains: Mapping[str, Any],
    bundles: Mapping[str, Any],
    devices: tuple[str, ...],
) -> tuple[Event, ...]:
    found: list[Event] = []
    for number, entry in enumerate(reader.tables(told, "events"), 1):
        with reader.at(f"events[{number}]"):
            reader.keys(entry, "at", "said", "chain", "bundle", "break", "mend", "devices")
            happens = [key for key in ("chain", "bundle", "break", "mend") if key in entry]
            if len(happens) != 1:
                reader.wrong("an event has exactly one of chain, bundle, break and mend")
                continue
            word = reader.take(entry, happens[0], str, "")
            if happens[0] in ("chain", "bundle"):
                reader.one_of(word, chains if happens[0] == "chain" else bundles, happens[0])
            fault = reader.fault(word) if happens[0] in ("break", "mend") else None
            around = reader.words(entry, "devices")
            if around and fault is None:
                reader.wrong("only what breaks or is mended happens around some devices")
            for name in around:
                reader.one_of(name, devices, "device")
            found.append(
                Event(
                    at=reader.moment(entry, "at"),
                    said=reader.need(entry, "said", str, ""),
                    chain=word if happens == ["chain"] else "",
                    bundle=word if happens == ["bundle"] else "",
                    breaks=fault if happens == ["break"] else None,
                    mends=fault if happens == ["mend"] else None,
                    devices=around,
                )
            )
    return tuple(sorted(found, key=lambda event: event.at))


# --- devices --------------------------------------------------------------------------------------------------


def _devices(
    reader: Reader,
    told: Mapping[str, Any],
    certificates: Mapping[str, Certified],
    bundles: Mapping[str, Any],
    factories: Mapping[str, Any],
    starts: datetime,
) -> tuple[DevicePlan, ...]:
    found: list[DevicePlan] = []
    entries = reader.tables(told, "devices")
    if not entries:
        reader.wrong("a story needs at least one device: [[devices]]")
    if len(entries) > _MOST_DEVICES:
        reader.wrong(f"a story has at most {_MOST_DEVICES} devices")
        entries = entries[:_MOST_DEVICES]
    for number, entry in enumerate(entries, 1):
        name = entry.get("name")
        with reader.at(f"devices[{number}]{f' {name}' if isinstance(name, str) else ''}"):
            plan = _device(reader, entry, certificates, bundles, factories, starts)
            if any(plan.name == each.name for each in found):
                reader.wrong("another device has the same name")
            found.append(plan)
    return tuple(found)


def _device(
    reader: Reader,
    entry: Mapping[str, Any],
    certificates: Mapping[str, Certified],
    bundles: Mapping[str, Any],
    factories: Mapping[str, Any],
    starts: datetime,
) -> DevicePlan:
    reader.keys(
        entry,
        *(
            "name",
            "hostname",
            "platform",
            "model",
            "version",
            "since",
            "registered",
            "factory",
            "trustpoints",
        ),
        *("pool", "built_in", "auto_import", "clock_ahead", "zone", "zone_minutes", "synchronized"),
        *("fresh", "nags"),
        *("saved", "unsaved", "faults", "application"),
    )
    name = reader.need(entry, "name", str, "")
    if name and not _NAME.fullmatch(name):
        reader.wrong(f"name must be of lower-case letters, digits and hyphens, not {name!r}")
    hostname = reader.take(entry, "hostname", str, name)
    if hostname and not _HOSTNAME.fullmatch(hostname):
        reader.wrong(f"hostname must be of letters, digits and hyphens, not {hostname!r}")
    model = reader.need(entry, "model", str, "ASAv")
    reader.one_of(model, MODELS, "model")
    platform = MODELS.get(model, (Platform.ASA, ""))[0]
    said = reader.take(entry, "platform", str, platform.value)
    if said != platform.value:
        reader.wrong(f"a {model} runs {platform.value}, not {said!r}")
    version = _version(reader, entry, "version", required=True)
    application = _version(reader, entry, "application", required=False)
    if application is not None and platform is not Platform.FXOS:
        reader.wrong("only a chassis (platform fxos) has an application")
    nags = reader.take(entry, "nags", bool, False)
    if nags and model != "ASAv":
        reader.wrong("only an ASAv nags while it is not licensed")
    factory = reader.take(entry, "factory", str, generation(platform, version) if version is not None else "")
    own = reader.take(entry, "trustpoints", dict, {})
    if factory and not own and (factories or "factory" in entry):
        reader.one_of(factory, factories, "factory")
    for key in ("pool", "built_in"):
        if reader.take(entry, key, str, ""):
            reader.one_of(str(entry[key]), bundles, "bundle")
    for key in ("saved", "unsaved"):
        for line in reader.words(entry, key):
            if not line.isprintable() or len(line) > 500:
                reader.wrong(f"{key}: {line!r} is no line that can be typed")
    automatic = reader.take(entry, "auto_import", bool, False) if "auto_import" in entry else None
    zone = reader.take(entry, "zone", str, "UTC")
    if not re.fullmatch(r"[A-Za-z]{1,7}", zone):
        reader.wrong(f"zone must be a label of 1 to 7 letters, not {zone!r}")
    minutes = reader.take(entry, "zone_minutes", int, 0)
    if not -14 * 60 <= minutes <= 14 * 60:
        reader.wrong(f"zone_minutes lies between -840 and 840, not {minutes}")
    return DevicePlan(
        name=name,
        hostname=hostname,
        platform=platform,
        model=model,
        version=version or version_number.parse("9.8(2)"),
        since=reader.moment(entry, "since", starts),
        registered=reader.take(entry, "registered", bool, False),
        factory=factory,
        trustpoints=_trustpoints(reader, own, certificates),
        pool=str(entry.get("pool", "")),
        built_in=str(entry.get("built_in", "")),
        auto_import=automatic,
        off=_span(reader, entry, "clock_ahead"),
        zone=zone,
        zone_minutes=minutes,
        synchronized=reader.take(entry, "synchronized", bool, True),
        fresh=reader.take(entry, "fresh", bool, False),
        nags=nags,
        saved=reader.words(entry, "saved"),
        unsaved=reader.words(entry, "unsaved"),
        faults=tuple(
            fault
            for word in reader.words(entry, "faults")
            for fault in [reader.fault(word)]
            if fault is not None
        ),
        application=application,
    )


def _version(
    reader: Reader, entry: Mapping[str, Any], key: str, *, required: bool
) -> version_number.Version | None:
    if key not in entry and not required:
        return None
    text = reader.need(entry, key, str, "")
    if not text:
        return None
    if not is_version(text):
        reader.wrong(f"{key} must be a version such as 9.8(2), not {text!r}")
        return None
    return version_number.parse(text)


def _span(reader: Reader, entry: Mapping[str, Any], key: str) -> timedelta:
    text = reader.take(entry, key, str, "0s")
    try:
        return parse_span(text)
    except SpanError as error:
        reader.wrong(f"{key}: {error}")
        return timedelta(0)
