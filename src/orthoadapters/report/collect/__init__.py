"""The road from run directories to Report > Table > Row > Score, each number with the runs that it comes from.

It may import runs and what lies below it.
"""
