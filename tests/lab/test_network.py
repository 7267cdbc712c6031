"""What a device sees of the world, whole and broken."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from anchorwatch.base.clock import TurnableClock
from anchorwatch.lab.network import EVERYWHERE, WRONG_TIME, Directory, Fault, Network, Obstacle
from anchorwatch.lab.silence import Silence
from anchorwatch.net.endpoint import Endpoint
from anchorwatch.net.limits import Deadline, Limits
from anchorwatch.net.outcome import Unreachable
from anchorwatch.net.route import connect_tcp

NOW = datetime(2016, 3, 22, 13, 0, tzinfo=UTC)
PORTAL = "tools.cisco.com"
PORTAL_PLACE, FILES_PLACE, PAGE_PLACE, INSPECTOR_PLACE = (Endpoint("127.0.0.1", 40_000 + n) for n in range(4))


@pytest.fixture
def town() -> Directory:
    made = Directory(TurnableClock(NOW))
    made.name(PORTAL, "198.51.100.38")
    made.name("www.cisco.com", "203.0.113.80")
    made.name("proxy.corp.example", "192.0.2.8")
    made.lead(PORTAL, 443, PORTAL_PLACE)
    made.lead("www.cisco.com", 80, FILES_PLACE)
    made.lead("proxy.corp.example", 8080, Endpoint("127.0.0.1", 40_100))
    made.lead("proxy.corp.example", 8080, Obstacle.REFUSED, when=Fault.PROXY)
    made.lead(PORTAL, 443, INSPECTOR_PLACE, when=Fault.TLS_INSPECTION)
    made.lead(EVERYWHERE, 80, PAGE_PLACE, when=Fault.CAPTIVE_PAGE)
    return made


@pytest.fixture
def network(town: Directory) -> Network:
    return Network(town)


def test_a_whole_network_leads_to_the_town(network: Network) -> None:
    """Names have their addresses, and a port leads to the same place by name and by address."""
    assert network.look_up("Tools.Cisco.com.") == "198.51.100.38"
    assert network.way(PORTAL, 443).endpoint == PORTAL_PLACE
    assert network.way("198.51.100.38", 443).endpoint == PORTAL_PLACE
    assert network.echo(PORTAL) is None
    assert network.time() == NOW


@pytest.mark.parametrize(
    ("fault", "host", "port", "obstacle", "stage"),
    [
        (Fault.DNS, PORTAL, 443, Obstacle.DNS, "resolve"),
        (Fault.ROUTE, "198.51.100.38", 443, Obstacle.ROUTE, "route"),
        (Fault.PORT80, "www.cisco.com", 80, Obstacle.TIMEOUT, "tcp"),
        (Fault.PORT80_REFUSED, "www.cisco.com", 80, Obstacle.REFUSED, "tcp"),
        (Fault.PORT443, PORTAL, 443, Obstacle.TIMEOUT, "tcp"),
        (Fault.PORT443_REFUSED, PORTAL, 443, Obstacle.REFUSED, "tcp"),
        (Fault.PROXY, "proxy.corp.example", 8080, Obstacle.REFUSED, "tcp"),
    ],
)
def test_each_fault_is_its_own_obstacle(
    network: Network, fault: Fault, host: str, port: int, obstacle: Obstacle, stage: str
) -> None:
    """A broken rung is the obstacle on its way, with its own stage, and is gone once it is mended."""
    network.break_(fault)
    way = network.way(host, port)
    assert way.obstacle is obstacle
    outcome = way.unreachable(host, port)
    assert (outcome.stage, outcome.timed_out) == (stage, obstacle is Obstacle.TIMEOUT)
    network.mend(fault)
    assert network.way(host, port).obstacle is None


def test_without_names_an_address_still_leads(network: Network) -> None:
    """Where no name server answers, what is called by address works."""
    network.break_(Fault.DNS)
    assert network.look_up(PORTAL) is None
    assert network.echo(PORTAL) is Obstacle.DNS
    assert network.way("198.51.100.38", 443).endpoint == PORTAL_PLACE


def test_one_port_does_not_break_the_other(network: Network) -> None:
    """Where port 80 is closed, port 443 is open."""
    network.break_(Fault.PORT80)
    assert network.way(PORTAL, 443).endpoint == PORTAL_PLACE


def test_a_device_has_faults_of_its_own(town: Directory) -> None:
    """What is broken around one device is whole around its neighbour."""
    broken, whole = Network(town, faults=[Fault.DNS]), Network(town)
    assert broken.look_up(PORTAL) is None
    assert whole.look_up(PORTAL) is not None


def test_somebody_between_is_called_instead(network: Network) -> None:
    """A detour leads elsewhere while its fault lasts, also for addresses that the town does not know."""
    network.break_(Fault.TLS_INSPECTION)
    assert network.way(PORTAL, 443).endpoint == INSPECTOR_PLACE
    network.break_(Fault.CAPTIVE_PAGE)
    assert network.way("203.0.113.99", 80).endpoint == PAGE_PLACE


def test_what_nobody_has_is_not_answered(network: Network) -> None:
    """A closed port of a host that is there refuses; a host that is not there is silent; a name that is not is none."""
    assert network.way(PORTAL, 22).obstacle is Obstacle.REFUSED
    assert network.way("203.0.113.99", 443).obstacle is Obstacle.TIMEOUT
    assert network.way("nowhere.example", 443).obstacle is Obstacle.DNS


def test_the_time_is_told_wrong_or_not_at_all(network: Network) -> None:
    """A time server may be silent or far ahead; without a route none that is further away is met."""
    network.break_(Fault.NTP_WRONG)
    assert network.time() == NOW + WRONG_TIME
    network.break_(Fault.NTP)
    assert network.time() is None
    network.mend(Fault.NTP)
    network.break_(Fault.ROUTE)
    assert network.echo(network.time_servers[0]) is Obstacle.ROUTE


def test_a_lost_route_leaves_the_own_net(network: Network) -> None:
    """What lies in a net of the device's own needs no route, and what is further away is not met."""
    network.local = lambda address: address == network.name_servers[0]
    network.break_(Fault.ROUTE)
    assert network.echo(network.name_servers[0]) is None
    assert network.way(PORTAL, 443).obstacle is Obstacle.ROUTE
    assert network.way("198.51.100.38", 443).obstacle is Obstacle.ROUTE


@pytest.fixture
def silence() -> Iterator[Silence]:
    with Silence() as made:
        if made.where is None:
            pytest.skip("this system refuses what it cannot queue")
        yield made


def test_a_dropping_port_is_waited_for_in_earnest(silence: Silence) -> None:
    """A connection to a dropping port is a real one that times out, unless the clock is being turned."""
    town = Directory(TurnableClock(NOW), silence=silence.where)
    town.name(PORTAL, "198.51.100.38")
    network = Network(town, faults=[Fault.PORT443])
    endpoint = network.way(PORTAL, 443).endpoint
    assert endpoint == silence.where
    assert endpoint is not None
    limits = Limits(whole=timedelta(milliseconds=300), silence=timedelta(milliseconds=300))
    outcome = connect_tcp(endpoint, Deadline(limits))
    assert isinstance(outcome, Unreachable)
    assert outcome.timed_out
    town.hurried = True
    assert network.way(PORTAL, 443).obstacle is Obstacle.TIMEOUT
