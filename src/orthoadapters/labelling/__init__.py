"""Raw text in, labels out: a finished run, its languages, words of raw text.

It knows nothing of training. It may import evaluation, data, model, runs and what lies below them.
"""
