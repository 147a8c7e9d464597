"""Fictional case files for the demo and the tests; no row describes a real person."""
