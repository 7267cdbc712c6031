"""Wires: thin loops that carry octets between sockets and machines that know the protocols."""
