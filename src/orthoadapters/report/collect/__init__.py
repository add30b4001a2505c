"""From run directories to Report > Table > Row > Score, each number with the runs that it comes from.

It imports runs and what lies below it.
"""
