"""The passphrase of a portal's keys, looked up late: from the environment, a file that it names, or the machine's keyring."""

from __future__ import annotations

import os

from anchorwatch.base.secret import Secret
from anchorwatch.cli.file import FileTroubleError, read_bounded
from anchorwatch.cli.terminal import COULD_NOT_LOOK, fail, printable

PASSPHRASE = "ANCHORWATCH_PORTAL_PASSPHRASE"  # noqa: S105 - the name of a variable
FILE = f"{PASSPHRASE}_FILE"
KEYRING = f"{PASSPHRASE}_KEYRING"
_LARGEST = 4096


def found() -> Secret | None:
    """The passphrase; None where nothing names one. Ends the program where what is named cannot be had."""
    if os.environ.get(PASSPHRASE):
        return Secret(os.environ[PASSPHRASE])
    if os.environ.get(FILE):
        return _from_file(os.environ[FILE])
    if os.environ.get(KEYRING):
        return _from_keyring(os.environ[KEYRING])
    return None


def _from_file(name: str) -> Secret:
    try:
        return Secret(read_bounded(name, _LARGEST).decode(errors="replace").rstrip("\r\n"))
    except FileTroubleError as error:
        fail(printable(str(error)), COULD_NOT_LOOK)


def _from_keyring(entry: str) -> Secret:
    """`entry` is SERVICE/USER, as keyrings name what they hold."""
    try:
        import keyring
        from keyring.errors import KeyringError
    except ImportError:
        fail(
            f"{KEYRING} is set, and the library for keyrings is not installed",
            COULD_NOT_LOOK,
            "it comes with `pip install 'anchorwatch[keyring]'`",
        )
    service, _, user = entry.rpartition("/")
    if not service or not user:
        fail(f"{KEYRING} names an entry as SERVICE/USER, not {printable(entry)}", COULD_NOT_LOOK)
    try:
        text = keyring.get_password(service, user)
    except KeyringError as error:
        fail(f"the keyring cannot be asked: {printable(str(error))}", COULD_NOT_LOOK)
    if text is None:
        fail(
            f"the keyring holds nothing for {printable(entry)}",
            COULD_NOT_LOOK,
            f"`keyring set {printable(service)} {printable(user)}` puts it there",
        )
    return Secret(text)
