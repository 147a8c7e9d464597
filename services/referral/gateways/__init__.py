"""Doors to the organisations besides their own NATS accounts."""
