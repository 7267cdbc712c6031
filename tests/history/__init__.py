"""What happened, told again with the true certificates of the reference data."""
