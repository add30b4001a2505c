"""Readers: one file per format, each of which yields `examples` or passages. `read` chooses among them.

They belong to the data room and import what it may import.
"""
