"""Shake hands with old TLS clients: one JSON object a line in, one out.

Run as a program, in a process of its own, with the folder of nassl's unpacked wheel. Question: `port` on
loopback and `store`, a PEM file. Answer: the X509_V_ERR number by version of OpenSSL, 0 for a completed
handshake, -1 for one that failed for another reason than the certificates.
"""

from __future__ import annotations

import json
import socket
import sys
from pathlib import Path
from typing import Any


def shake_hands(
    client: Any, tls: Any, question: dict[str, Any]
) -> int:  # nassl is not importable where this is checked
    with socket.create_connection(("127.0.0.1", question["port"]), timeout=10) as connection:
        session = client(
            underlying_socket=connection,
            ssl_version=tls.OpenSslVersionEnum.TLSV1_2,
            ssl_verify=tls.OpenSslVerifyEnum.PEER,
            ssl_verify_locations=Path(question["store"]),
        )
        try:
            session.do_handshake()
        except Exception:  # noqa: BLE001 - nassl's own errors, and whatever the socket raises
            return int(session._ssl.get_verify_result()) or -1
        return int(session._ssl.get_verify_result())


def main() -> None:
    sys.path.insert(0, sys.argv[1])
    from nassl import legacy_ssl_client, ssl_client  # type: ignore[import-not-found]  # it lies in that folder

    clients = {"1.0.2": legacy_ssl_client.LegacySslClient, "1.1.1": ssl_client.SslClient}
    print(json.dumps(sorted(clients)), flush=True)  # noqa: T201 - a program's answer
    for line in sys.stdin:
        question = json.loads(line)
        answer = {name: shake_hands(client, ssl_client, question) for name, client in clients.items()}
        print(json.dumps(answer), flush=True)  # noqa: T201 - a program's answer


if __name__ == "__main__":
    main()
