"""Lets `python -m partners.kit` stand for `siraba-partner`."""

from partners.kit.cli import app

if __name__ == "__main__":
    app(prog_name="siraba-partner")
