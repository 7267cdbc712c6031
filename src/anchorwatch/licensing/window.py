"""When the portal would like to be called (L3, and with D1), kept within the dates that it signed.

What it suggests is not signed. So it may move a call, to spread a herd or to have devices look before a change; it can
neither end a right nor keep a device from renewing one in time.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from anchorwatch.licensing import deadline, settle
from anchorwatch.licensing.message import RenewalInfo, Span
from anchorwatch.licensing.state import AgentState

PERIOD = timedelta(days=1)
"""How often the portal is asked for its windows, where it does not say."""
BOUNDS = (timedelta(hours=1), timedelta(days=7))


def informed(state: AgentState, info: RenewalInfo, at: datetime) -> AgentState:
    """The windows that a portal suggests are not signed, so each is kept within dates that are."""
    identity = state.successor or state.identity
    if identity is not None and state.renew_identity_at is not None:
        # Before the certificate's last days, whatever is said.
        latest = identity.not_after - (identity.not_after - identity.not_before) / 10
        place = settle.position(state.device_id, identity.x5t)
        moved = _within(info.id, identity.not_before, latest, place)
        state = replace(state, renew_identity_at=moved or state.renew_identity_at)
    grant = state.granted()
    if grant is not None and state.renew_authorization_at is not None:
        moved = _within(info.authorization, grant.iat, grant.ref, settle.position(grant.sub, grant.seq))
        state = replace(state, renew_authorization_at=moved or state.renew_authorization_at)
    return replace(state, trust_check_at=max(info.trust.check_after, at))


def _within(told: Span, earliest: datetime, latest: datetime, place: float) -> datetime | None:
    if told.end < told.start:
        return None
    return deadline.Window(told.start, told.end).clamped(earliest, latest).pick(place)
