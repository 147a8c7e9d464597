"""Intake: takes cases in, keeps who they are about, and tells the others coded facts only.

Publishes case.* on INTAKE. Consumes REFERRAL: the directory's keys, and how its cases fare.
"""
