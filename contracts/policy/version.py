"""The name under which every receipt says by which rules it was decided."""

VERSION = "2026-11.3"
