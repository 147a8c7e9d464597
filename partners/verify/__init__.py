"""Checks an exported case offline: who signed what, and that nothing was changed, dropped or put in.

Stands on Python's standard library and `cryptography` alone, so that an expert can read all of it
and run it on a machine that knows nothing of Siraba:

    python -m partners.verify CASE.json --keys KEYS.json --roots ROOTS.json

KEYS and ROOTS must not come from whoever made the export: keys from the directory, roots from an
organisation that volunteered as a witness.
"""

from partners.verify.checking import Report, check
from partners.verify.document import Export, Finding, Root, Unreadable, read_export, read_roots
from partners.verify.keys import Keys, read_keys

__all__ = [
    "Export",
    "Finding",
    "Keys",
    "Report",
    "Root",
    "Unreadable",
    "check",
    "read_export",
    "read_keys",
    "read_roots",
]
