"""What can go wrong on the partner's side, in words a person can act on."""


class KitError(Exception):
    """Everything the kit raises on purpose; `str(error)` says what happened and what to do."""


class KeysRefused(KitError):
    """The keys in the folder are missing, unsafe or not those of this organisation."""


class LedgerRefused(KitError):
    """The ledger file cannot be used."""


class FolderBusy(KitError):
    """Another program already listens with this folder."""


class NotAdmitted(KitError):
    """The platform answers, but not to this key or this code."""


class Unreachable(KitError):
    """Nothing answers at this address."""
