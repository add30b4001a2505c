"""The report as one HTML page that asks nothing of a network.

It imports report.printed, report.pictures and what lies below them.
"""
