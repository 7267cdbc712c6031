"""Drive an ASA with the scrapli of before October 2026 and scrapli-community, unpatched; see netmiko_client.py."""

import asyncio
import json
import sys

from scrapli import AsyncScrapli

asked = json.load(sys.stdin)


async def main() -> None:
    """Log in, say everything, print what came back."""
    async with AsyncScrapli(
        platform="cisco_asa",
        transport="asyncssh",
        host=asked["host"],
        port=asked["port"],
        auth_username=asked["user"],
        auth_password=asked["password"],
        auth_secondary=asked["enable"],
        auth_strict_key=False,
        timeout_ops=20,
    ) as device:
        answers = []
        for command in asked["say"]:
            if isinstance(command, list):
                events = [(command[0], command[1], False), *[(reply, "", False) for reply in command[2:]]]
                answers.append((await device.send_interactive(events)).result)
            else:
                answers.append((await device.send_command(command)).result)
        json.dump({"prompt": await device.get_prompt(), "answers": answers}, sys.stdout)


asyncio.run(main())
