"""PostgreSQL password verifiers made here, so that no password ever reaches a server's log."""

import base64
import hashlib
import hmac
import os

_ITERATIONS = 4096


def scram_verifier(password: str, salt: bytes | None = None) -> str:
    """`SCRAM-SHA-256$…` as PostgreSQL stores it (RFC 5802, RFC 7677).

    `password` must be ASCII: then SASLprep leaves it as it is.
    """
    salt = os.urandom(16) if salt is None else salt
    salted = hashlib.pbkdf2_hmac("sha256", password.encode("ascii"), salt, _ITERATIONS)
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    stored_key = hashlib.sha256(client_key).digest()
    server_key = hmac.digest(salted, b"Server Key", "sha256")
    keys = f"{_base64(stored_key)}:{_base64(server_key)}"
    return f"SCRAM-SHA-256${_ITERATIONS}:{_base64(salt)}${keys}"


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")
