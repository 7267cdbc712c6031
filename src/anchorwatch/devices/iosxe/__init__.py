"""IOS-XE, the neighbour that licenses in the same way."""
