"""From labelled sentences and plain text to batches: tokenizer, windows, blocks, masks, loaders, DataModules.

It knows no model, no run and no report. It imports config, hub, demo and the ground files.
"""
