"""Referral: owns the directory and every referral; asks the right organisation, takes its answer.

Publishes organisation.* and referral.* on REFERRAL and each partner's cut on OUT.
Consumes case.registered from INTAKE and the partners' requests from INBOX.
"""
