"""Records of runs: directory, inputs, results, predictions, provenance, trackers, and the library of language adapters.

It loads no PyTorch, so that plans and reports are quick. It may import config, hub and the ground files.
"""
