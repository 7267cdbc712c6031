"""A town on one machine: authorities, a portal, a bundle server, devices, and a clock one can turn."""
