"""Bytes to certificates and back: what devices, mails and consoles make of trust bundles."""

from anchorwatch.formats.bundle import Bundle, read
from anchorwatch.formats.cms import SignedBundle
from anchorwatch.formats.complaint import Complaint
from anchorwatch.formats.signing import sign
from anchorwatch.formats.verification import NotVerified, Verified, verify

__all__ = ["Bundle", "Complaint", "NotVerified", "SignedBundle", "Verified", "read", "sign", "verify"]
