"""A virtual Firepower 4100 or 9300: the chassis, its managed objects, and the ASA that runs on it."""
