"""The report as one HTML page that asks nothing of a network. Its tables are made of numbers, as the printed ones are.

It may import report.printed (for how numbers are shown), report.pictures and what lies below them.
"""
