"""A virtual ASA: its configuration, its trust pool, its command line."""
