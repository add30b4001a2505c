"""The stages from start to finish: a language adapter by masked language modelling, a task adapter with its transfer.

Each reads everything, trains, evaluates and writes, in this order; `evaluation` scores what is there, without training. It may
import training, labelling, evaluation and what lies below them.
"""
