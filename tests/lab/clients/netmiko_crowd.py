"""Many devices at once with netmiko, from a pool of threads; see netmiko_client.py for what is read and written.

`hosts` are the addresses, `threads` how many work side by side.
"""

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from netmiko import ConnectHandler

asked = json.load(sys.stdin)


def look(host: str) -> list[str]:
    """Everything one device says."""
    with ConnectHandler(
        device_type="cisco_asa",
        host=host,
        port=asked["port"],
        username=asked["user"],
        password=asked["password"],
        secret=asked["enable"],
        use_keys=False,
        allow_agent=False,
        conn_timeout=60,
        banner_timeout=60,
        auth_timeout=60,
    ) as device:
        device.enable()
        return [device.send_command(command, read_timeout=60) for command in asked["say"]]


began = time.perf_counter()
with ThreadPoolExecutor(asked["threads"]) as pool:
    answers = list(pool.map(look, asked["hosts"]))
json.dump({"seconds": time.perf_counter() - began, "answers": answers}, sys.stdout)
