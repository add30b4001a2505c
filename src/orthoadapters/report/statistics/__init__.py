"""Intervals, p-values and effects from counts per sentence. `analysis` says what is compared.

It may import report.collect and what lies below it.
"""
