"""The alternating step (`alternating`), the two stages that take it, and what happens between iterations.

It imports evaluation (the development set is scored after each epoch), data, model, runs and what lies below them.
"""
