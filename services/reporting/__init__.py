"""Reporting: counts what happened; every figure can be computed again from the same events.

Publishes what sessions were held. Consumes every event of INTAKE, REFERRAL and its own REPORTING,
and from INBOX reports of sessions.
"""
