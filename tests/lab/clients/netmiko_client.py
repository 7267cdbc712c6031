"""Drive a device with netmiko, unpatched; runs in the environment of its own and imports nothing of ours.

Standard input: JSON with `host`, `port`, `user`, `password`, `enable`, `device_type` and `say`, a list of commands; a
command may be what is typed and an expression to wait for, with a third item for an answer that is not echoed.
Standard output: JSON, what each printed.
"""

import json
import sys

from netmiko import ConnectHandler

asked = json.load(sys.stdin)
with ConnectHandler(
    device_type=asked["device_type"],
    host=asked["host"],
    port=asked["port"],
    username=asked["user"],
    password=asked["password"],
    secret=asked["enable"],
    use_keys=False,
    allow_agent=False,
    conn_timeout=20,
    fast_cli=False,
    global_delay_factor=asked.get("delay", 1),
) as device:
    if asked["device_type"] == "cisco_asa":
        device.enable()
    answers = []
    for command in asked["say"]:
        if isinstance(command, list):
            answers.append(
                device.send_command(
                    command[0],
                    expect_string=command[1],
                    strip_prompt=False,
                    strip_command=False,
                    cmd_verify=len(command) < 3,
                )
            )
        else:
            answers.append(device.send_command(command))
    json.dump({"prompt": device.find_prompt(), "answers": answers}, sys.stdout)
