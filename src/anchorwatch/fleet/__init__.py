"""Devices reached over SSH: what they print is gathered, a plan is carried out on them, recorded, proven, undone."""
