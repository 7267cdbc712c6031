"""Words of the FXOS, the chassis below a Firepower 4100 or 9300."""
