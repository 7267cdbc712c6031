"""Words of a platform to facts and back: what a device printed, read; what a device would print, written."""
