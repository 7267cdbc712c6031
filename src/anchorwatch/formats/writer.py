"""Certificates to bytes: what `bundle.read` gets back unchanged, and in the same order."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import assert_never

from anchorwatch.formats import pem, pkcs7, runconfig
from anchorwatch.pki.certificate import Certificate

__all__ = ["Form", "write"]


class Form(StrEnum):
    """The forms one can write; a signed bundle is made by `signing.sign`."""

    PEM = "pem"
    DER = "der"
    PKCS7 = "pkcs7"
    PKCS7_PEM = "pkcs7-pem"
    RUNNING_CONFIG = "running-config"


def write(certificates: Sequence[Certificate], form: Form, *, trustpoint: str = "ANCHORS") -> bytes:
    """The certificates in one of the forms, in the order given; `trustpoint` names them in a configuration.

    DER has no container: several certificates are written one behind the other. Text is ASCII with line feeds.
    """
    match form:
        case Form.PEM:
            return "".join(pem.write(certificate.der) for certificate in certificates).encode("ascii")
        case Form.DER:
            return b"".join(certificate.der for certificate in certificates)
        case Form.PKCS7:
            return pkcs7.write(certificates)
        case Form.PKCS7_PEM:
            return pem.write(pkcs7.write(certificates), "PKCS7").encode("ascii")
        case Form.RUNNING_CONFIG:
            return runconfig.write(trustpoint, tuple(certificates)).encode("ascii")
        case _:
            assert_never(form)
