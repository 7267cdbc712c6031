"""Bytes to certificates and back: what devices, mails and consoles make of trust bundles."""

from anchorwatch.formats.bundle import Bundle, read
from anchorwatch.formats.complaint import Complaint

__all__ = ["Bundle", "Complaint", "read"]
