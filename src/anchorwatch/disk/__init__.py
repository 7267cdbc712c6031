"""Bytes in files: whole or not at all, and on disk before a call returns."""
