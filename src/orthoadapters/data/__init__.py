"""The road from labelled sentences and plain text to batches: tokenizer, windows, blocks, masks, loaders, DataModules.

It knows no model, no run and no report. It may import config, hub, demo and the ground files.
"""
