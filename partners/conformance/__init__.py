"""Examines a partner's own program, in any language, on a sandbox that plays the platform."""

from partners.conformance.report import Outcome, Report, ReportRefused, Verdict, verify_report

__all__ = ["Outcome", "Report", "ReportRefused", "Verdict", "verify_report"]
