"""Words in, answers out: one module for each noun of the command line."""
