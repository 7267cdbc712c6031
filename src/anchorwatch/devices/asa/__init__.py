"""Screens of the Cisco ASA: each module reads one kind of output and prints the same, side by side."""
