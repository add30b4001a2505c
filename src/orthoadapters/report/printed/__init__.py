"""Tables in print: Markdown, LaTeX and CSV.

It imports report.statistics, report.collect and what lies below them.
"""
