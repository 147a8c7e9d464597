"""Runs Siraba: the `siraba` command, the embedded platform, and what declares streams and roles."""
