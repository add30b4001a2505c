"""The alternating step (`alternating`), the two stages that take it, and what happens between iterations.

It may import evaluation (the development set is scored after each epoch), data, model, runs and what lies below them.
"""
