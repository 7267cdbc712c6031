"""``show route`` of an ASA."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from anchorwatch.devices.asa import routing
from anchorwatch.devices.asa.routing import ANY, HOST, Route, RoutingTable
from anchorwatch.devices.capture import clean

INSIDE = Route(net="10.1.0.0", mask="255.255.0.0", interface="inside")
OWN = Route(net="10.1.0.1", mask=HOST, interface="inside")


def read(text: str) -> RoutingTable:
    (found,) = routing.parse(clean(text))
    return found.fact


@given(default=st.booleans(), other=st.booleans())
def test_a_table_is_read_as_it_was_printed(*, default: bool, other: bool) -> None:
    """The gateway, whether anything leads further, and the nets that need no route."""
    routes = [INSIDE, OWN]
    if default:
        routes.insert(0, Route(net=ANY, mask=ANY, interface="outside", gateway="203.0.113.1"))
    if other:
        routes.append(Route(net="10.9.0.0", mask="255.255.0.0", interface="inside", gateway="10.1.0.2"))
    table = read(f"fw# show route\n{routing.render(routes)}\nfw# ")
    assert table.gateway.value == (f"203.0.113.1 to network {ANY}" if default else "not set")
    assert table.beyond is (default or other)
    assert table.reaches_directly("10.1.44.5")
    assert not table.reaches_directly("10.2.0.1")
    assert not table.reaches_directly("no address")


def test_a_longer_table_is_read_to_its_end() -> None:
    """Dynamic routes with two letters, and a route that goes on in a second line."""
    table = read(
        "Gateway of last resort is not set\n\n"
        "C        192.0.2.0 255.255.255.0 is directly connected, outside\n"
        "L        192.0.2.10 255.255.255.255 is directly connected, outside\n"
        "O E2     198.51.100.0 255.255.255.0\n"
        "           [110/20] via 192.0.2.7, 00:01:02, outside\n"
        "C        10.0.0.0 255.0.0.0 is directly connected, inside\n"
        "fw# "
    )
    assert table.beyond
    assert table.connected == ("192.0.2.0/24", "10.0.0.0/8")


@given(
    st.text()
    | st.lists(st.sampled_from(["Gateway of last resort is not set", "C  1.2.3.4 9.9.9.9 x", ""])).map(
        "\n".join
    )
)
def test_any_text_may_come(text: str) -> None:
    """No text makes the reader fail."""
    routing.parse(clean(text))
