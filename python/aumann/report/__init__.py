"""A study as one page that needs nothing else: the story first, then tables, figures, methods."""

from aumann.report.page import render_report, write_report

__all__ = ["render_report", "write_report"]
