"""Servers of other projects that check a password, from the distribution's packages."""
