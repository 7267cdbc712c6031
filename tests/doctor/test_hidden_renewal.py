"""A screen tells only the last attempt to renew: what an earlier success has set is no sign of a wrong clock."""

from __future__ import annotations

import pytest

from anchorwatch.devices import license as screen
from anchorwatch.devices.capture import clean
from anchorwatch.doctor import skew

TEXT = """Smart Licensing is ENABLED

Registration:
  Status: REGISTERED
  Initial Registration: SUCCEEDED on Jul 01 18:37:30 2018 UTC
  Last Renewal Attempt: {last}
  Registration Expires: {expires}
"""


def _ahead(last: str, expires: str) -> float | None:
    (found,) = screen.parse(clean(TEXT.format(last=last, expires=expires)))
    estimate = skew.estimate(found.fact)
    return None if estimate is None else estimate.ahead.total_seconds() / 60


@pytest.mark.parametrize(
    ("last", "expires", "ahead"),
    [
        ("FAILED on Jul 02 20:37:30 2018 UTC", "Jul 02 19:32:30 2019 UTC", None),
        ("None", "Jul 02 19:32:30 2019 UTC", -1500.0),
        ("FAILED on Jul 02 20:37:30 2018 UTC", "Jul 01 18:32:30 2019 UTC", 0.0),
        ("FAILED on Jul 02 20:37:30 2018 UTC", "Jul 01 17:38:30 2019 UTC", 54.0),
    ],
    ids=["renewed unseen", "never renewed", "as registered", "a clock ahead"],
)
def test_a_renewal_that_is_not_shown_is_no_clock(last: str, expires: str, ahead: float | None) -> None:
    """After a failed attempt a later expiry comes from a success in between; an earlier one still tells the clock."""
    assert _ahead(last, expires) == ahead
