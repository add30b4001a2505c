"""Predictions and scores, and the zero-shot transfer: the language adapter is swapped, the task adapter stays.

`transfer` is figure 1c of the paper. It may import data, model, runs and what lies below them.
"""
