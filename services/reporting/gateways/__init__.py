"""Doors to what reporting does not do by itself."""
