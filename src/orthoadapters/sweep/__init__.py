"""Sweeps: cells, their plan and cost, and running each in a process of its own. The state is on the disk.

It loads no PyTorch at import: cells do, in their processes. What it calls of data, model and training, it imports where
it needs it. It may import stages and what lies below them.
"""
