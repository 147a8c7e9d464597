"""Mechanisms that at least two services stand on; no domain noun occurs in a module's name."""
