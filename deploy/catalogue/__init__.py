"""The reference that whoever works with Siraba reads: every message, code list and API, as pages."""
