"""Small programs on the kit, to read and to copy."""
