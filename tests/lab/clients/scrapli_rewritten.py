"""Drive an ASA with the scrapli of October 2026, a rewrite under the old name, unpatched; see netmiko_client.py."""

import json
import sys

from scrapli import AuthOptions, Cli, LookupKeyValue, SessionOptions, TransportSsh2Options

asked = json.load(sys.stdin)
device = Cli(
    asked["host"],
    port=asked["port"],
    definition_file_or_name="cisco_asa",
    auth_options=AuthOptions(
        username=asked["user"],
        password=asked["password"],
        lookups=[LookupKeyValue("enable", asked["enable"])],
    ),
    session_options=SessionOptions(operation_timeout_s=20),
    transport_options=TransportSsh2Options(),
)
with device:
    answers = []
    for command in asked["say"]:
        if isinstance(command, list):
            answers.append(
                device.send_prompted_input(
                    command[0], prompt=command[1], prompt_pattern="", response=command[2]
                ).result
            )
        else:
            answers.append(device.send_input(command).result)
    json.dump({"prompt": device.get_prompt().result, "answers": answers}, sys.stdout)
