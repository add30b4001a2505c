"""The two stages from start to finish: a language adapter by masked language modelling, a task adapter with its transfer.

Each reads everything, trains, evaluates and writes, in this order. It may import training, evaluation and what lies below them.
"""
