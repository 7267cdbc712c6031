"""Ask a libcrypto of OpenSSL 1.0.2 to verify chains: one JSON object a line in, one out.

Run as a program, in a process of its own, with the path of the library. 1.0.2 is loaded beside nothing else:
Python's own `ssl` and `cryptography` bring other versions of the same symbols.

Question: `sent` and `store` (base64 DER, leaf first, store order), `at` (seconds since 1970), `flags`
(X509_V_FLAG_…, beside none). Answer: `error` (X509_V_ERR_…, 0 for accepted), `depth`, `words`, `path` (base64
DER, what it had built when it ended).
"""

from __future__ import annotations

import base64
import ctypes
import json
import sys
from pathlib import Path
from typing import Any


class Library:
    """The few functions of libcrypto that a verification needs."""

    def __init__(self, path: Path) -> None:
        # It wants the compression library that lies beside it; one that is loaded is not searched for.
        for beside in path.parent.glob("libz-*"):
            ctypes.CDLL(str(beside), mode=ctypes.RTLD_GLOBAL)
        self._lib = ctypes.CDLL(str(path))
        self("OPENSSL_add_all_algorithms_noconf")
        self.version: str = ctypes.string_at(self("SSLeay_version", ctypes.c_int(0))).decode()

    def __call__(self, name: str, *arguments: Any) -> int:  # ctypes takes any of its own kinds
        function = getattr(self._lib, name)
        function.restype = ctypes.c_void_p
        converted = [ctypes.c_void_p(value) if isinstance(value, int) else value for value in arguments]
        return function(*converted) or 0

    def number(self, name: str, *arguments: Any) -> int:
        """Call a function that returns a C int."""
        return ctypes.c_int(self(name, *arguments)).value

    def certificate(self, text: str) -> int:
        der = base64.b64decode(text)
        start = ctypes.c_char_p(der)
        found = self("d2i_X509", None, ctypes.byref(start), ctypes.c_long(len(der)))
        if not found:
            raise ValueError("this library cannot read a certificate")
        return found

    def octets(self, certificate: int) -> bytes:
        start = ctypes.c_void_p()
        length = self.number("i2d_X509", certificate, ctypes.byref(start))
        assert start.value is not None
        return ctypes.string_at(start.value, length)


def verify(lib: Library, question: dict[str, Any]) -> dict[str, object]:
    """Verify as an SSL client does: purpose and trust of a server, the flags asked for, the time given."""
    store = lib("X509_STORE_new")
    for text in question["store"]:
        lib("X509_STORE_add_cert", store, lib.certificate(text))
    leaf, *rest = (lib.certificate(text) for text in question["sent"])
    # A TLS client hands over everything that was sent, the leaf among it.
    untrusted = lib("sk_new_null")
    for certificate in (leaf, *rest):
        lib("sk_push", untrusted, certificate)
    context = lib("X509_STORE_CTX_new")
    lib("X509_STORE_CTX_init", context, store, leaf, untrusted)
    lib("X509_STORE_CTX_set_default", context, b"ssl_server")
    lib("X509_STORE_CTX_set_flags", context, ctypes.c_ulong(question["flags"]))
    lib("X509_STORE_CTX_set_time", context, ctypes.c_ulong(0), ctypes.c_long(question["at"]))
    lib("X509_verify_cert", context)
    error = lib.number("X509_STORE_CTX_get_error", context)
    built = lib("X509_STORE_CTX_get_chain", context)
    length = max(0, lib.number("sk_num", built))
    path = [lib.octets(lib("sk_value", built, ctypes.c_int(index))) for index in range(length)]
    words = lib("X509_verify_cert_error_string", ctypes.c_long(error))
    # Nothing is freed: the process lives for one run of the tests.
    return {
        "error": error,
        "depth": lib.number("X509_STORE_CTX_get_error_depth", context),
        "words": ctypes.string_at(words).decode(),
        "path": [base64.b64encode(octets).decode() for octets in path],
    }


def main() -> None:
    lib = Library(Path(sys.argv[1]))
    print(json.dumps({"version": lib.version}), flush=True)  # noqa: T201 - a program's answer
    for line in sys.stdin:
        try:
            answer = verify(lib, json.loads(line))
        except ValueError as problem:
            answer = {"error": -1, "depth": 0, "words": str(problem), "path": []}
        print(json.dumps(answer), flush=True)  # noqa: T201 - a program's answer


if __name__ == "__main__":
    main()
