"""The commands: what train.py, report.py, predict.py, evaluate.py and the installed `orthoadapters` run.

A command reads its arguments, calls the rooms, and turns a UserError into one sentence and an exit code. Rooms with PyTorch
are imported where they are needed, so that a mistake is answered at once. It may import sweep, fetch, publish and what lies
below them.
"""
