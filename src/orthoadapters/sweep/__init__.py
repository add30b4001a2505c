"""Sweeps: cells, their plan and cost, and running each in a process of its own. The state is on the disk.

It loads no PyTorch: cells do, in their processes. It imports stages' plan, report.collect for tables, runs, hub and config.
"""
