"""What an ASA does by itself when its time has come: the nightly import, and word of certificates that end.

All times are the device's own: the import comes at 22:00 of its wall clock, however wrong that is.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from anchorwatch.devices.log_detail import AutomaticImport, CertificateEnds, NameUnresolved
from anchorwatch.devices.moment import Style
from anchorwatch.lab.asa import pool_import, stored
from anchorwatch.lab.asa.body import AsaBody
from anchorwatch.lab.asa.pool_import import Missing, Signature

TRIES = 3
"""How often an import whose server is not reached is tried before the device gives up for the day (a model)."""
PAUSE = timedelta(minutes=1)
ALERT_BEFORE, ALERT_AGAIN = timedelta(days=60), timedelta(days=7)
"""The defaults of ``crypto ca alerts expiration``: when word of an end begins, and how often it is repeated."""

_UNREACHED = "Maximum retry attempts reached. Failed to reach CA server"
_UNSIGNED = "Cisco root bundle signature validation failed"
_NO_FLASH = "Failed to update trustpool bundle in flash"
_NO_MEMORY = "Failed to install trustpool bundle in memory"
_NO_CHANGE = "No change in trustpool bundle"
_UPDATED = "Trustpool updated in flash"


def due(machine: AsaBody) -> Iterator[datetime]:
    """When something is due, by the device's clock."""
    if machine.import_at is not None:
        yield machine.import_at + PAUSE * machine.tried_import
    now = machine.clock.now()
    for _, certificate in machine.stored():
        told = machine.alerted.get(certificate.sha256)
        if told is not None:
            yield told + ALERT_AGAIN
            if told < certificate.not_after:
                yield max(certificate.not_after, now)
        else:
            yield max(certificate.not_after - ALERT_BEFORE, now)


def do(machine: AsaBody) -> None:
    """Do what is due now. May take the time of a connection."""
    now = machine.clock.now()
    if machine.import_at is not None and machine.import_at + PAUSE * machine.tried_import <= now:
        _import(machine)
    _alert(machine, now)


def _import(machine: AsaBody) -> None:
    url = machine.running.pool.url
    file = pool_import.fetch(machine, url)
    if isinstance(file, Missing):
        if not file.resolved:
            host = url.partition("//")[2].partition("/")[0]
            machine.note("717026", NameUnresolved(host=host), 4)
        machine.tried_import += 1
        if machine.tried_import < TRIES:
            return
        reason = _UNREACHED
    elif file.signature is not Signature.VERIFIED:
        reason = _UNSIGNED
    elif file.size > machine.flash_free:
        reason = _NO_FLASH
    elif file.size > machine.memory_free:
        reason = _NO_MEMORY
    else:
        merged = pool_import.take(machine, file.bundle)
        machine.last_import = "SUCCESS"
        said = _UPDATED if merged.installed else _NO_CHANGE
        machine.note("717058", AutomaticImport(succeeded=True, reason=said), 6)
        machine.plan_import()
        return
    machine.last_import = "FAILED"
    machine.note("717057", AutomaticImport(succeeded=False, reason=reason), 3)
    machine.plan_import()


def _alert(machine: AsaBody, now: datetime) -> None:
    for name, certificate in machine.stored():
        if certificate.not_after - ALERT_BEFORE > now:
            machine.alerted.pop(certificate.sha256, None)
            continue
        told = machine.alerted.get(certificate.sha256)
        over = certificate.not_after <= now
        if (
            told is not None
            and told <= now < told + ALERT_AGAIN
            and not (over and told < certificate.not_after)
        ):
            continue
        machine.alerted[certificate.sha256] = now
        ends = CertificateEnds(
            kind="CA",
            trustpoint=name,
            days=None if over else max(1, (certificate.not_after - now).days),
            expiration=machine.time(Style.CERTIFICATE, at=certificate.not_after),
            subject=stored.name(certificate.subject),
            issuer=stored.name(certificate.issuer),
            serial=stored.serial(certificate).upper(),
        )
        machine.note("717055" if over else "717054", ends, 1)
