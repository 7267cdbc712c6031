"""A debug that an ASA sends as messages 711001, among the output of commands."""

from anchorwatch.devices import reading
from anchorwatch.devices.debug import DebugLine, Trouble

SESSION = """edge# call-home test profile License
INFO: Sending test message to https://tools.cisco.com/its/service/oddce/services/DDCEService...

Oct 06 2018 06:00:00: %ASA-7-711001: SSL lib error. Function: SSL23_GET_SERVER_HELLO Reason: tlsv1 alert protocol version

ERROR: Failed: CONNECT_FAILED(35)
"""


def test_a_traced_line_is_read_as_a_line_of_the_debug() -> None:
    """Thrown into a session or listed from the log, it complains of the same."""
    for text in (SESSION, SESSION.replace("call-home test profile License", "show logging")):
        (line,) = [
            item.fact for item in reading.read([("x", text)]).items if isinstance(item.fact, DebugLine)
        ]
        assert line.trouble is Trouble.NO_COMMON_PROTOCOL
