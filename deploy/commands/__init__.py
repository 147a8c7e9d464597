"""One file per command of `siraba`; `deploy.cli` only assembles them."""
