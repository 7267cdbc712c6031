"""The closed list of reasons for which a path is refused.

A reason is an expected outcome, never an exception. Codes are stable: others build on them. The rank says
how close a refusal is to acceptance, so that among many refused paths the most telling comes first: a path
that lacks only the right clock teaches more than one whose signatures are wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, StrEnum

from anchorwatch.pki.certificate import Certificate


class Reason(StrEnum):
    """Why a path, or the whole question, is refused."""

    EXPIRED = "expired"
    NOT_YET_VALID = "not-yet-valid"
    NAME_MISMATCH = "name-mismatch"
    WRONG_PURPOSE = "wrong-purpose"
    REVOKED = "revoked"
    REVOCATION_UNKNOWN = "revocation-unknown"
    DISTRUSTED_AFTER = "distrusted-after"
    WEAK_DIGEST = "weak-digest"
    WEAK_KEY = "weak-key"
    NAME_CONSTRAINT = "name-constraint"
    POLICY = "policy"
    PATH_TOO_LONG = "path-too-long"
    NOT_A_CA = "not-a-ca"
    UNSUPPORTED_CRITICAL_EXTENSION = "unsupported-critical-extension"
    MALFORMED = "malformed"
    BAD_SIGNATURE = "bad-signature"
    ISSUER_UNKNOWN = "issuer-unknown"
    NOT_FOUND_BY_THIS_BUILDER = "not-found-by-this-builder"
    ENGINES_DIFFER = "engines-differ"
    DEPENDS_ON_UNKNOWN_AXIS = "depends-on-unknown-axis"
    BUDGET_EXHAUSTED = "budget-exhausted"

    @property
    def rank(self) -> int:
        """Place in the order of closeness to acceptance; 0 is closest."""
        return _RANK[self]


_RANK = {reason: rank for rank, reason in enumerate(Reason)}

MEANINGS: dict[Reason, str] = {
    Reason.ISSUER_UNKNOWN: "nothing the store trusts issued what was presented",
    Reason.EXPIRED: "a certificate of the path had ended",
    Reason.NOT_YET_VALID: "a certificate of the path had not begun",
    Reason.BAD_SIGNATURE: "a signature on the path is wrong or cannot be checked",
    Reason.WEAK_DIGEST: "a signature of the path uses a digest this client refuses",
    Reason.WEAK_KEY: "a key of the path is of a kind or size this client refuses",
    Reason.NAME_MISMATCH: "the certificate is not made out to the name that was asked for",
    Reason.WRONG_PURPOSE: "a certificate of the path is not meant for this purpose",
    Reason.NOT_A_CA: "a certificate that issued another is not a certification authority",
    Reason.PATH_TOO_LONG: "the path has more intermediates than a certificate or the question allows",
    Reason.NAME_CONSTRAINT: "a name lies outside what an authority of the path may vouch for",
    Reason.POLICY: "no certificate policy asked for holds along the path",
    Reason.REVOKED: "a certificate of the path was revoked",
    Reason.REVOCATION_UNKNOWN: "revocation was asked for and cannot be decided",
    Reason.DISTRUSTED_AFTER: "the store trusts this anchor only for certificates issued earlier",
    Reason.UNSUPPORTED_CRITICAL_EXTENSION: "a critical extension is not understood",
    Reason.MALFORMED: "a certificate of the path breaks a rule of its own form",
    Reason.NOT_FOUND_BY_THIS_BUILDER: "a good path exists, but this client will not find it",
    Reason.ENGINES_DIFFER: "the checks and the engine come to different answers",
    Reason.DEPENDS_ON_UNKNOWN_AXIS: "the answer hangs on a rule of this client that nobody has proven",
    Reason.BUDGET_EXHAUSTED: "the question asks for more work than the budget allows",
}
"""One sentence for each reason."""


class Position(StrEnum):
    """Where in a path a certificate stands."""

    LEAF = "leaf"
    INTERMEDIATE = "intermediate"
    ANCHOR = "anchor"


class Blame(Enum):
    """Whose business a fault is: where a person would look first to mend it."""

    STORE = "the store"
    SERVER = "the server"
    CLIENT = "the client's rules"
    ISSUER = "the issuer"
    CLOCK = "the clock or the calendar"
    QUESTION = "the question"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing wrong with one path.

    `certificate` is where it shows, `other` the certificate that causes it (the authority whose constraint
    is broken, say); both None where the fault belongs to the whole path. `sentence` carries the numbers.
    """

    reason: Reason
    position: Position
    sentence: str
    certificate: Certificate | None = None
    other: Certificate | None = None

    @property
    def blame(self) -> Blame:
        """Where to look first."""
        match self.reason:
            case Reason.EXPIRED | Reason.NOT_YET_VALID:
                return Blame.STORE if self.position is Position.ANCHOR else Blame.CLOCK
            case Reason.ISSUER_UNKNOWN | Reason.DISTRUSTED_AFTER:
                return Blame.STORE
            case Reason.WEAK_DIGEST | Reason.WEAK_KEY | Reason.NOT_FOUND_BY_THIS_BUILDER:
                return Blame.CLIENT
            case Reason.DEPENDS_ON_UNKNOWN_AXIS | Reason.ENGINES_DIFFER:
                return Blame.CLIENT
            case Reason.NAME_MISMATCH | Reason.WRONG_PURPOSE | Reason.BAD_SIGNATURE:
                return Blame.SERVER
            case Reason.BUDGET_EXHAUSTED | Reason.POLICY | Reason.REVOCATION_UNKNOWN:
                return Blame.QUESTION
            case _:
                return Blame.ISSUER


def most_telling(faults: tuple[Fault, ...]) -> Fault:
    """The fault by which a path is summed up: the one farthest from acceptance, first found first."""
    return max(faults, key=lambda fault: fault.reason.rank)
