"""What it costs to read a store of 140 PEM certificates, beside `cryptography` reading the same.

    make bench

Ours finds blocks in any text, says where each stands and what is wrong with it, and reads each certificate into a value
of its own; the reference loads a clean file.
"""

import sys
from pathlib import Path

from cryptography import x509

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))

from anchorwatch.formats import read
from builders.certs import CA
from side_by_side import Sheet, options

ROOTS = 140


def main() -> int:
    """Exit status 0: these figures have no goal."""
    sheet = Sheet("bundle", options(__doc__ or "").parse_args().as_json)
    makers = [CA.root(f"Root {number}", key="rsa2048" if number % 3 else "ec256") for number in range(ROOTS)]
    pem = "".join(maker.pem for maker in makers).encode()
    assert len(read(pem).certificates) == len(x509.load_pem_x509_certificates(pem)) == ROOTS
    sheet.compare("140 certificates in PEM", lambda: read(pem), lambda: x509.load_pem_x509_certificates(pem))
    sheet.compare(
        "the same, with their subjects and keys looked at",
        lambda: [(each.subject.text, each.key.bits) for each in read(pem).certificates],
        lambda: [
            (each.subject.rfc4514_string(), each.public_key())
            for each in x509.load_pem_x509_certificates(pem)
        ],
    )
    return sheet.finish()


if __name__ == "__main__":
    sys.exit(main())
