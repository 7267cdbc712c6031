"""What no step types, however it is abbreviated.

These commands throw away what cannot be brought back (an identity certificate, a factory trustpoint, a whole trust
pool), take the device down, or let a file in whose signature nobody looked at. A person may have a reason to type
one; a plan has none, so a step that holds one cannot be made, and a plan file that holds one cannot be read.
"""

from __future__ import annotations

_FACTORY = ("_smartcallhome_", "chdefault", "sla-trustpoint", "trustpool")

# A typed word fits when the word here begins with it: that is how these devices complete commands.
_NEVER: tuple[tuple[str, str], ...] = (
    ("deregister", "deregistering destroys the identity certificate and needs a working portal"),
    (
        "license smart deregister",
        "deregistering destroys the identity certificate and needs a working portal",
    ),
    ("license smart factory reset", "a factory reset wipes trust and authorization codes"),
    ("license factory reset", "a factory reset wipes trust and authorization codes"),
    ("crypto ca trustpool import clean", "a clean import empties the pool first"),
    ("crypto pki trustpool import clean", "a clean import empties the pool first"),
    ("clear crypto ca trustpool", "clearing the pool has no undo"),
    ("clear crypto pki trustpool", "clearing the pool has no undo"),
    ("no crypto pki trustpool import", "clearing the pool has no undo"),
    ("no crypto ca trustpool policy", "clearing the policy turns the automatic import off"),
    ("crypto key zeroize", "keys have no undo"),
    ("write erase", "this erases the configuration"),
    ("erase", "this erases the configuration"),
    ("configure factory-default", "this erases the configuration"),
    ("clear configure", "this erases a part of the configuration"),
    ("reload", "this restarts the device"),
    ("reboot", "this restarts the device"),
    ("format", "this erases the flash"),
)
_REPLACING = (
    "no crypto ca trustpoint",
    "no crypto pki trustpoint",
    "crypto ca authenticate",
    "crypto pki authenticate",
    "delete trustpoint",
    "enter trustpoint",
    "scope trustpoint",
)
_URL_IMPORT = "crypto ca trustpool import url"


def why_banned(typed: str) -> str | None:
    """Why a step must not type this line, in one sentence; None when nothing speaks against it.

    Abbreviated words count as the words they stand for, and a leading ``do`` does not count.
    """
    words = typed.lower().split()
    if words[:1] == ["do"]:
        words = words[1:]
    for pattern, why in _NEVER:
        if _fits(words, pattern):
            return why
    for pattern in _REPLACING:
        if _fits(words, pattern) and _is_factory(words[len(pattern.split()) :]):
            return "a factory trustpoint is left as it is: what was in it cannot be brought back"
    if _fits(words, _URL_IMPORT):
        options = words[len(_URL_IMPORT.split()) + 1 :]
        silent = any("noconfirm".startswith(word) for word in options)
        signed = any("signature-required".startswith(word) for word in options)
        if silent and not signed:
            return "noconfirm alone also silences the warning about a bundle whose signature is wrong"
    return None


def _fits(words: list[str], pattern: str) -> bool:
    wanted = pattern.split()
    return len(words) >= len(wanted) and all(
        full.startswith(word) for word, full in zip(words, wanted, strict=False)
    )


def _is_factory(names: list[str]) -> bool:
    return bool(names) and names[0].startswith(_FACTORY)
