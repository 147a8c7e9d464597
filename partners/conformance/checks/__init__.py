"""The checks themselves: each takes the stage, and raises `Failed` with what it saw."""
