from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchorwatch.devices import moment
from anchorwatch.devices.moment import DeviceTime, Style


def wall(*parts: int) -> datetime:
    """A wall clock: what a device printed, in whatever zone."""
    return datetime(*parts)  # type: ignore[arg-type]  # noqa: DTZ001


zones = st.sampled_from(["UTC", "GMT", "PDT", "CET", "GMT+8", "JST"])


@st.composite
def device_times(draw: st.DrawFn) -> DeviceTime:
    style = draw(st.sampled_from(Style))
    shown = draw(st.datetimes(wall(2010, 1, 1), wall(2099, 12, 31))).replace(microsecond=0)
    zone = draw(zones)
    match style:
        case Style.SHORT:
            return DeviceTime(wall=shown.replace(year=1904, day=min(shown.day, 28)), zone="", style=style)
        case Style.ISO:
            return DeviceTime(wall=shown, zone=draw(st.sampled_from(["Z", "+08:00", ""])), style=style)
        case _:
            return DeviceTime(wall=shown, zone=zone, style=style, mark=draw(st.sampled_from(["", "*", "."])))


@given(device_times())
def test_what_is_printed_is_read_again(time: DeviceTime) -> None:
    """Every style reads back the time it printed."""
    assert moment.parse(f"on {moment.render(time)}, and so on") == time


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Registration Start Time: Mar 22 13:25:46 2016 UTC.", wall(2016, 3, 22, 13, 25, 46)),
        ("Feb 10 2023 11:27:20 UTC", wall(2023, 2, 10, 11, 27, 20)),
        ("end   date: 23:59:59 UTC Feb 7 2020", wall(2020, 2, 7, 23, 59, 59)),
        ("22:00:00 UTC Wed Mar 23 2016", wall(2016, 3, 23, 22)),
        ("Requested time: Thu, 03 Oct 2019 14:04:44 PDT", wall(2019, 10, 3, 14, 4, 44)),
        ("2016-03-22T13:26:32Z asa1 : ", wall(2016, 3, 22, 13, 26, 32)),
    ],
)
def test_the_forms_of_the_devices_are_read(text: str, expected: datetime) -> None:
    """Each form that the devices print gives its wall clock."""
    time = moment.parse(text)
    assert time is not None
    assert time.wall == expected


def test_a_label_is_not_an_offset() -> None:
    """A time labelled GMT on a device eight hours east becomes the instant eight hours earlier."""
    time = moment.parse("09:15:45 GMT Oct 21 2023")
    assert time is not None
    assert time.utc(timedelta(hours=8)).isoformat() == "2023-10-21T01:15:45+00:00"


@pytest.mark.parametrize("text", ["", "no time here", "Feb 31 11:11:11 2016 UTC", "99:99:99 UTC Feb 7 2020"])
def test_what_is_no_time_is_none(text: str) -> None:
    """An impossible date is no time, and neither is prose."""
    assert moment.parse(text) is None


@given(st.text())
def test_any_text_may_be_asked(text: str) -> None:
    """No text makes the search fail."""
    moment.find(text)
