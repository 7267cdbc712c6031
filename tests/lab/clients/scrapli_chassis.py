"""Drive a chassis with the scrapli of before October 2026: one privilege level; see netmiko_chassis.py."""

import asyncio
import json
import sys

from scrapli.driver.network import AsyncNetworkDriver
from scrapli.driver.network.base_driver import PrivilegeLevel

LEVEL = PrivilegeLevel(
    pattern=r"^[\w.-]{1,63}(?:\([\w-]+\))?(?: (?:/[\w-]+)+)?\*? ?#\s?$",
    name="exec",
    previous_priv="",
    deescalate="",
    escalate="",
    escalate_auth=False,
    escalate_prompt="",
)
asked = json.load(sys.stdin)


async def main() -> None:
    """Log in, say everything, print what came back."""
    async with AsyncNetworkDriver(
        transport="asyncssh",
        host=asked["host"],
        port=asked["port"],
        auth_username=asked["user"],
        auth_password=asked["password"],
        auth_strict_key=False,
        timeout_ops=20,
        privilege_levels={"exec": LEVEL},
        default_desired_privilege_level="exec",
    ) as device:
        answers = []
        for command in asked["say"]:
            if command == asked.get("into"):
                lines = asked["paste"]
                events = [
                    (command, ">", False),
                    *((line, ">", False) for line in lines[:-1]),
                    (lines[-1], "", False),
                ]
                answers.append((await device.send_interactive(events)).result)
            else:
                answers.append((await device.send_command(command)).result)
        json.dump({"prompt": await device.get_prompt(), "answers": answers}, sys.stdout)


asyncio.run(main())
