"""The typed configuration: schema, composition, checks, and the choices that a run's numbers depend on.

This room alone knows Hydra and OmegaConf (with the sweeper plugin and train.py). It loads no PyTorch, so that a mistyped
command is answered at once. It may import the ground files.
"""
