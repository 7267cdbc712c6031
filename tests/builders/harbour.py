"""A small story for tests: one portal that moves, four firewalls, two days of life before the visitor comes."""

from anchorwatch.lab.story import Story
from anchorwatch.lab.story_file import read

MOVE = """
[chains]
old = ["portal-g4", "g4", "g5-cross"]
new = ["portal-hydrantid", "hydrantid-g2"]

[leaves.portal-g4]
name = [["O", "Cisco Systems, Inc."], ["CN", "tools.cisco.com"]]
hosts = ["tools.cisco.com"]
issuer = "g4"
valid = [2018-02-01T00:00:00Z, 2019-02-01T23:59:59Z]

[leaves.portal-hydrantid]
name = [["O", "Cisco Systems, Inc."], ["CN", "tools.cisco.com"]]
hosts = ["tools.cisco.com"]
issuer = "hydrantid-g2"
valid = [2018-10-01T00:00:00Z, 2020-10-01T23:59:59Z]
"""
"""What the portal of October 2018 shows before and after it moved, as a part of a story."""

TEXT = (
    """
story = 1
code = "harbour"
title = "The harbour's portal moves"
world = "cisco"
starts = 2018-10-04T09:00:00Z
shows = "old"
serves = "2017"
"""
    + MOVE
    + """
[[events]]
at = 2018-10-05T07:00:00Z
said = "the portal moves"
chain = "new"

[[events]]
at = 2018-10-05T09:00:00Z
said = "somebody opens port 80"
mend = "port80"
devices = ["blocked"]

[[devices]]
name = "open"
model = "ASAv"
version = "9.8(2)"
registered = true
since = 2018-10-03T08:00:00Z

[[devices]]
name = "blocked"
model = "FPR-2110"
version = "9.8(2)"
registered = true
since = 2018-10-03T08:10:00Z
faults = ["port80"]

[[devices]]
name = "late"
model = "ASAv"
version = "9.4(1)"
factory = "2"
since = 2018-10-04T12:00:00Z

[[devices]]
name = "chassis"
model = "FPR4110"
version = "2.2(2.19)"
application = "9.8(2)"
registered = true
since = 2018-10-03T08:20:00Z
"""
)


def story() -> Story:
    """The story, read."""
    return read(TEXT)
