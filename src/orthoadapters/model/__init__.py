"""The frozen backbone with one adapter site per layer, the heads on top of it, and the files that hold them.

Eq. 1 and Eq. 2 stand beside this room, in adapters.py and orthogonality.py. It knows no data and no run. It may import
adapters, orthogonality, hub, demo, config and the ground files.
"""
