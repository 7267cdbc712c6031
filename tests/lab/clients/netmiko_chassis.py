"""Drive a chassis with netmiko: a subclass of a dozen lines, or an unpatched driver told what to wait for.

Standard input: JSON as for netmiko_client.py, with `expect`, an expression given to every command of the unpatched
driver, or nothing for the subclass; `paste`, lines written in one piece after the command `into`. Standard output: JSON.
"""

import json
import re
import sys

from netmiko import ConnectHandler
from netmiko.cisco_base_connection import CiscoSSHConnection

PROMPT = r"[\w.-]+(?:\([\w-]+\))?(?: /[\w/-]+)?\*? ?#\s*$"


class CiscoFxos(CiscoSSHConnection):
    """The command line of FXOS: its prompt changes with every scope."""

    def session_preparation(self) -> None:
        self._test_channel_read(pattern=PROMPT)
        self.set_base_prompt()
        self.disable_paging(command="terminal length 0")

    def set_base_prompt(self, *_: object, **__: object) -> str:
        self.base_prompt = re.split(r"[ #(*]", self.find_prompt())[0]
        return self.base_prompt

    def _prompt_handler(self, auto_find_prompt: bool) -> str:  # noqa: ARG002 - as its base has it
        return PROMPT

    def strip_prompt(self, a_string: str) -> str:
        return re.sub(r"\n?" + PROMPT, "", a_string)


asked = json.load(sys.stdin)
connect = CiscoFxos if asked["device_type"] == "cisco_fxos" else ConnectHandler
with connect(
    device_type=asked["device_type"],
    host=asked["host"],
    port=asked["port"],
    username=asked["user"],
    password=asked["password"],
    use_keys=False,
    allow_agent=False,
    conn_timeout=20,
    fast_cli=False,
) as device:
    more = {"expect_string": asked["expect"]} if asked.get("expect") else {}
    answers = []
    for command in asked["say"]:
        if command == asked.get("into"):
            opening = device.send_command(command, expect_string=r">\s*$")
            device.write_channel("\n".join(asked["paste"]) + "\n")
            answers.append(f"{opening}\n{device.read_until_pattern(pattern=PROMPT)}")
        else:
            answers.append(device.send_command(command, **more))
    json.dump({"prompt": device.find_prompt(), "answers": answers}, sys.stdout)
