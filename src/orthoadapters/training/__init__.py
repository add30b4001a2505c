"""The alternating step (`alternating`), the two stages that take it, and what happens between iterations.

The development set is scored after each epoch. It may import evaluation, data, model, runs and what lies below them.
"""
