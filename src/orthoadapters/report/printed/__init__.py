"""Tables in print: Markdown, LaTeX and CSV.

It may import report.statistics, report.collect and what lies below them.
"""
