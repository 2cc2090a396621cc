"""The first release, as far as an upgrade meets it: its CRD, and what its operator left in a cluster."""
