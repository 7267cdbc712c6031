"""A signer's private key, and the passphrase that opens it.

A passphrase comes from a file, from the environment or from a person at the keyboard, never from the command
line, which other users of a machine can read.
"""

from __future__ import annotations

import os
import sys

import typer
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from anchorwatch.base.secret import Secret
from anchorwatch.cli.file import FileTroubleError, read_bounded
from anchorwatch.cli.terminal import ASKED_WRONGLY, COULD_NOT_LOOK, TROUBLE, fail, printable
from anchorwatch.formats.signing import SigningKey

__all__ = ["PASSPHRASE", "load_signing_key"]

PASSPHRASE = "ANCHORWATCH_SIGNER_PASSPHRASE"  # noqa: S105 - the name of a variable
_KEY_SIZE = 64 * 1024


def load_signing_key(name: str, passphrase_file: str | None) -> SigningKey:
    """The private key in a PEM file; ends the program with one sentence when it cannot be had."""
    try:
        data = read_bounded(name, _KEY_SIZE)
    except FileTroubleError as error:
        fail(printable(str(error)), COULD_NOT_LOOK)
    passphrase = _passphrase(data, passphrase_file)
    try:
        key = load_pem_private_key(data, None if passphrase is None else passphrase.reveal().encode())
    except (ValueError, TypeError, UnsupportedAlgorithm):
        fail(f"{printable(name)} is no private key in PEM, or the passphrase is another one", TROUBLE)
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        fail("a bundle is signed with an RSA or elliptic-curve key", ASKED_WRONGLY)
    return key


def _passphrase(key: bytes, file: str | None) -> Secret | None:
    """The passphrase of an encrypted key, from where it may come; None when the key needs none."""
    if b"ENCRYPTED" not in key:
        return None
    if file is not None:
        try:
            return Secret(read_bounded(file, 4096).decode(errors="replace").rstrip("\r\n"))
        except FileTroubleError as error:
            fail(printable(str(error)), COULD_NOT_LOOK)
    if os.environ.get(PASSPHRASE):
        return Secret(os.environ[PASSPHRASE])
    if not sys.stdin.isatty():
        fail(f"the key is encrypted; give --passphrase-file or {PASSPHRASE}", ASKED_WRONGLY)
    return Secret(str(typer.prompt("passphrase of the signer's key", hide_input=True, err=True)))
