"""From what a device printed to the cause, the evidence and the repair."""
