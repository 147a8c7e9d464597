"""Reporting: counts what happened; every figure can be computed again from the same events.

Publishes nothing yet. Consumes every event of INTAKE and REFERRAL.
"""
