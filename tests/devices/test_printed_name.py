from hypothesis import given
from hypothesis import strategies as st

from anchorwatch.devices import printed_name
from anchorwatch.devices.printed_name import PrintedName

words = st.from_regex(r"[A-Za-z0-9(][A-Za-z0-9.()-]{0,9}( [A-Za-z0-9.()-]{1,9}){0,3}", fullmatch=True)
values = st.lists(words, min_size=1, max_size=3).map(", ".join)
names = st.lists(
    st.tuples(st.sampled_from(["cn", "ou", "o", "c", "l", "st"]), values), min_size=1, max_size=6
)


@given(names)
def test_a_printed_name_is_read_again(attributes: list[tuple[str, str]]) -> None:
    """A name printed on one line reads back as the same attributes in the same order."""
    name = PrintedName(tuple(attributes))
    assert printed_name.parse_line(name.line) == name


def test_a_lost_backslash_does_not_make_another_name() -> None:
    """A comma inside a value that lost its backslash still belongs to the value."""
    whole = printed_name.parse_line(r"cn=X,ou=(c) 2006 VeriSign\, Inc. - For authorized use only,c=US")
    damaged = printed_name.parse_line("cn=X,ou=(c) 2006 VeriSign, Inc. - For authorized use only, c=US")
    assert damaged.key == whole.key


def test_a_value_broken_at_its_comma_is_one_value() -> None:
    """The way IOS-XE prints a comma, a line break, gives the same name as the ASA's backslash."""
    broken = printed_name.parse_lines(["cn=X", "o=VeriSign", " Inc.", "c=US"])
    assert broken.key == printed_name.parse_line(r"cn=X,o=VeriSign\, Inc.,c=US").key


def test_the_order_of_attributes_does_not_count() -> None:
    """Two platforms that print the attributes in other orders print the same name."""
    assert (
        printed_name.parse_lines(["o=Cisco", "cn=A"]).key == printed_name.parse_lines(["cn=A", "o=Cisco"]).key
    )


def test_a_der_name_is_printed_most_specific_first() -> None:
    """Attributes in DER order are printed the other way round, with the devices' short names."""
    name = printed_name.from_attributes(
        [("2.5.4.6", "US"), ("2.5.4.10", "VeriSign, Inc."), ("2.5.4.3", "G5")]
    )
    assert name.line == r"cn=G5,o=VeriSign\, Inc.,c=US"


@given(st.text())
def test_any_text_may_be_a_name(text: str) -> None:
    """No text makes reading a name fail."""
    printed_name.parse_line(text)
