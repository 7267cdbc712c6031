r"""Where a secret stands in what a device prints: one table, read by `redaction`.

Each rule finds a value by the words before it, or by a shape that only a secret has.
A rule never looks at more than a few hundred characters before its value, and each begins with literal words, so that
the time for a line grows with its length, whatever the line holds.
What a value may be is generous (up to the next blank, or the whole of a quotation): a masked word too many is a
blemish, a secret too many is a breach.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What was masked."""

    TOKEN = "token"  # noqa: S105 (its name, not one)
    PASSWORD = "password"  # noqa: S105 (its name, not one)
    KEY = "key"
    COMMUNITY = "community"
    PRIVATE_KEY = "private-key"
    CREDENTIAL = "credential"


@dataclass(frozen=True, slots=True)
class Rule:
    """Words, and behind them a secret in the group `s`; `prose` when people write those words in sentences too."""

    kind: Kind
    pattern: re.Pattern[str]
    prose: bool = False


# A gap between words. A device prints one blank; a table and a sloppy paste print more.
_GAP = r"\s{1,16}"
# How the value is written, before the value: "7", "encrypted", "hex".
_TYPE = rf"(?:(?:[0-9]{{1,2}}|encrypted|hex|ascii(?:-text)?|clear-?text){_GAP}){{0,2}}"
_VALUE = r"""(?P<s>"[^"]{1,512}"|'[^']{1,512}'|\S+)"""
_REST = r"(?P<s>\S.*)"
# Where a command begins: the line, a prompt, a quotation mark of the log of commands.
_BEGIN = r"""(?:^|(?<=[#>'"`]))\s{0,16}"""


def _rule(kind: Kind, words: str, value: str = _VALUE, *, prose: bool = False) -> Rule:
    return Rule(kind, re.compile(words + value, re.IGNORECASE), prose)


def _spaced(words: str) -> str:
    return words.replace(" ", _GAP)


RULES = (
    # Licensing. The command is often abbreviated; IOS-XE establishes trust with the same token.
    _rule(
        Kind.TOKEN,
        _spaced(r"\b(?:(?:reg[a-z]{0,5}|trust) id-?t[a-z]{0,4}|id-?tok(?:en?)?) "),
        r"""(?P<s>[^\s'"<>|,;]+|<[^>]{1,400}>)""",
    ),
    _rule(Kind.TOKEN, _spaced(r"\breservation (?:install|return authorization) (?:file )?")),
    _rule(
        Kind.TOKEN,
        r"""\b(?:id-?_?token|trust[ -]?code|authorization[ -]code)["']?\s{0,4}[:=]{1,2}\s{0,16}""",
        r"""["']?(?P<s>[^\s'"<>|,;]{16,})""",
    ),
    _rule(Kind.TOKEN, r"", r"(?P<s>\beyJ[\w-]{8,2000}\.[\w-]{8,4000}\.[\w-]{8,2000})"),
    # Passwords. "nopassword" and "password-policy" say none.
    _rule(
        Kind.PASSWORD,
        rf"(?<!no)(?:password|passwd|secret|passphrase|-pw){_GAP}(?:level{_GAP}[0-9]{{1,2}}{_GAP})?{_TYPE}",
        prose=True,
    ),
    _rule(
        Kind.PASSWORD,
        r"""(?:password|passwd|pass_?phrase|secret|[_-]token|api[_-]?key|psk|shared[_-]?key)["']?\s{0,4}(?:=>|[:=]{1,2})\s{0,16}""",
        prose=True,
    ),
    _rule(
        Kind.PASSWORD,
        r"<(?:[\w-]{1,40}:)?(?:id-?token|password|passwd|secret|passphrase|community|token|pre-shared-key)(?:\s[^>]{0,100})?>",
        r"(?P<s>[^<\s][^<]*)",
    ),
    _rule(
        Kind.PASSWORD,
        _spaced(
            r"\bcrypto (?:ca|pki|key) (?:import|export) .{1,160}?\b(?:pkcs12|3des|des|aes\S{0,8}|pem terminal) "
        ),
        r"(?P<s>(?!(?:terminal|3des|des|aes\S*)\b|(?:tftp|ftp|https?|scp|sftp|flash|bootflash|nvram|disk[0-9]|usb[0-9]?):)\S+)",
    ),
    # A hash has a shape of its own, wherever it stands.
    _rule(
        Kind.PASSWORD,
        r"",
        r"(?P<s>\$(?:sha512\$[0-9]{1,8}|pbkdf2[\w-]{0,20}(?:\$[0-9]{1,8})?|1|5|6|8|9|14|2[abxy]\$[0-9]{2}|y|apr1)\$[^\s'\",;]{8,})",
    ),
    # Keys shared between devices.
    _rule(
        Kind.KEY,
        _spaced(r"pre-shared-key (?:(?:address|hostname) .{1,120}?\skey |local |remote )?") + _TYPE,
    ),
    _rule(Kind.KEY, _spaced(r"\b(?:isakmp|failover|server-private .{1,160}?) key ") + _TYPE),
    _rule(Kind.KEY, rf"\b(?:tacacs|radius)(?:-server)?\s.{{0,200}}?\bkey{_GAP}" + _TYPE, prose=True),
    _rule(Kind.KEY, rf"\bserver-key{_GAP}" + _TYPE),
    _rule(
        Kind.KEY,
        _spaced(_BEGIN + r"key ") + _TYPE,
        r"""(?P<s>"[^"]{1,512}"|\S+)['"`]?(?:\s+command\b.*|\s*)$""",
    ),
    _rule(Kind.KEY, rf"\bkey-string{_GAP}" + _TYPE, _REST),
    _rule(Kind.KEY, _spaced(r"\bkey config-key (?:password-encrypt\w{0,6} )?"), _REST),
    _rule(
        Kind.KEY,
        rf"authentication-key{_GAP}(?:[0-9]{{1,10}}{_GAP}(?:md5|sha|hmac|cmac)\S{{0,20}}{_GAP})?" + _TYPE,
        prose=True,
    ),
    _rule(Kind.KEY, _spaced(r"message-digest-key [0-9]{1,10} md5 ") + _TYPE),
    _rule(Kind.KEY, _spaced(r"\bauthentication key (?:eigrp [0-9]{1,10} )?") + _TYPE, prose=True),
    _rule(Kind.KEY, _spaced(r"\bauthentication mode hmac-sha-256 ") + _TYPE),
    _rule(
        Kind.KEY, _spaced(r"\b(?:standby|vrrp|glbp) .{0,40}?\bauthentication (?:text )?") + _TYPE, prose=True
    ),
    _rule(Kind.KEY, _spaced(r"\b(?:wpa-psk|set-key) ") + _TYPE),
    _rule(Kind.KEY, _spaced(r"\bencryption .{0,80}?\bkey [0-9] size \S{1,10} ") + _TYPE),
    # The licence of a box with a key of its own (PAK).
    _rule(
        Kind.KEY,
        r"\bactivation[- ]key[:\s]\s{0,16}",
        r"(?P<s>0x[0-9a-f]{1,8}(?:\s{1,4}0x[0-9a-f]{1,8}){2,5})",
    ),
    # SNMP. IOS writes the community without a word before it.
    _rule(Kind.COMMUNITY, rf"\bsnmp\S{{0,20}}\s.{{0,200}}?\bcommunity{_GAP}" + _TYPE, prose=True),
    _rule(
        Kind.COMMUNITY,
        _spaced(r"\bsnmp-server host .{1,120}?\bversion (?:1|2c|3 (?:auth|noauth|priv)) "),
        prose=True,
    ),
    _rule(
        Kind.COMMUNITY,
        _spaced(r"\bsnmp-server host [0-9A-Fa-f.:]{2,45} (?:(?:traps?|informs?) )?"),
        prose=True,
    ),
    _rule(Kind.KEY, _spaced(r"\bsnmp-server user .{0,200}?\bauth (?:md5|sha\S{0,8}) ")),
    _rule(
        Kind.KEY,
        _spaced(r"\bsnmp-server user .{0,500}?\bpriv (?:(?:3?des|aes\S{0,8}) (?:(?:128|192|256) )?)?"),
    ),
    # HTTP.
    _rule(Kind.CREDENTIAL, r"://[^\s/:@'\"<>]{0,128}:", r"(?P<s>[^\s/'\"<>]+)@"),
    _rule(
        Kind.CREDENTIAL,
        r"[?&;](?:password|passwd|pwd|(?:access_|id_)?token|api_?key|key|secret|sig|signature)=",
        r"""(?P<s>[^\s&'"<>;]+)""",
    ),
    _rule(
        Kind.CREDENTIAL,
        r"""authorization["']?\s{0,4}[:=]\s{0,4}["']?(?:basic|bearer|digest|negotiate|ntlm|token)\s{1,4}""",
        r"""(?P<s>[^"'\s][^"']*(?:"[^"]*"[^"']*)*)""",
    ),
    _rule(
        Kind.CREDENTIAL,
        r"""\b(?:x-api-key|x-auth-[\w-]{1,40}|(?:set-)?cookie)["']?\s{0,4}:\s{0,4}["']?""",
        r"""(?P<s>[^"'\s][^"']*)""",
    ),
    _rule(Kind.CREDENTIAL, r"""\s(?:-u|--user|--proxy-user)\s{1,4}["']?[^\s:'"]{1,128}:""", r"(?P<s>\S+)"),
)

# A line without one of these has no value that a rule finds by its words. Kept in lower case.
TRIGGERS = (
    "reg", "trust", "idt", "id-t", "id_t", "code", "reservation", "eyj", "pass", "secret", "-pw", "token", "api", "psk", "shared",
    "key", "import", "export", "authentication", "snmp", "community", "://", "?", "&", ";", "authorization",
    "x-auth", "cookie", "-u", "$", "<",
)  # fmt: skip

# Behind "password" and its like in a sentence or a keyword of the configuration, and no secret.
_PROSE_WORDS = (
    "a and any are as at be been before by can cannot change changed changes character characters check command"
    " configuration configured database default disabled does enabled encryption expiration expired expires expiry"
    " failed false field file first for from has have if in incorrect input invalid is it key key-chain length less"
    " level line local management may md5 minimum mismatch missing mode more must n/a new no none not null of on or"
    " page policy prompt prompted protected protection recovery request required reset retry rules server set"
    " settings should size storage strength than that the then this to traps trap true twice udp-port unset until"
    " used user using value version vrf was were when which will with without wrong yes you your community poll"
    " inform informs text host part auth prompts cli-account-unlock chain authentication"
)
PROSE = frozenset(_PROSE_WORDS.split())

# What stands where a secret would in manuals, and what devices print in its place.
PLACEHOLDER = re.compile(
    r"(?:[*•.\-_|]+|x{3,}|<.*>|\[.*\]|\{.*\}|(?:id|the|my|your)?[_-]?(?:id[_-]?)?token(?:[_-](?:string|id|here))?"
    r"|removed|redacted|hidden|masked|omitted)",
    re.IGNORECASE,
)

# Base64, also escaped for a URL, also escaped again for JSON.
TOKEN_RUN = re.compile(r"[A-Za-z0-9+/=%_\\-]{40,}")
TOKEN_LINE = re.compile(r"[\s>|]*(?P<s>[A-Za-z0-9+/=%_\\-]+)\s*$")
# The word behind a token may itself be cut by the end of the line.
TOKEN_REST = re.compile(
    r"[\s>|]*(?P<s>[A-Za-z0-9+/=%_\\-]+)"
    r"""(?=\s*$|\s+(?:f(?:o(?:r(?:c(?:e)?)?)?)?|l(?:o(?:c(?:al?)?)?)?|al?l?)\s*$|\s+(?:force|local|all)\b|['"`])""",
    re.IGNORECASE,
)
VALUE_REST = re.compile(
    r"\s*(?P<s>[^\s#>'\"]+)(?=\s*$|\s+(?:encrypted|pbkdf2|nt-encrypted|privilege|level|store-local|[0-9])\b|['\"])",
    re.IGNORECASE,
)
ASKED = re.compile(r"\b(?:reg[a-z]{0,5}|trust)\s{1,16}(?P<word>i[a-z-]{0,7})$", re.IGNORECASE)

PRIVATE_BEGIN = re.compile(r"-----BEGIN (?:[A-Z0-9]{2,12} ){0,2}(?:PRIVATE KEY|PKCS12)-----", re.IGNORECASE)
PRIVATE_END = re.compile(r"-----END (?:[A-Z0-9]{2,12} ){0,2}(?:PRIVATE KEY|PKCS12)-----", re.IGNORECASE)
PUBLIC_BEGIN = re.compile(r"-----BEGIN [A-Z0-9 ]{3,40}-----", re.IGNORECASE)
PEM_BODY = re.compile(r"[\s>|]*(?:[A-Za-z0-9+/=]+|(?:Proc-Type|DEK-Info|Comment)\s?:.*)?\s*$", re.IGNORECASE)
BLOB_ASKED = re.compile(r"\bcrypto\s{1,16}(?:ca|pki)\s{1,16}import\s.{1,160}?\bpkcs12\b", re.IGNORECASE)
BLOB_LINE = re.compile(r"[\s>|]*[A-Za-z0-9+/=]{20,}\s*$")
