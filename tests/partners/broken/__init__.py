"""Partners that are right in all but one thing: the Python example, with that one thing taken out."""
