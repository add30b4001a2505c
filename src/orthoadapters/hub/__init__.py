"""The way to the Hugging Face Hub and its local cache: backbones, adapters, and the sentence when one is not there.

This room answers with folders and reads no weights, so that it loads no PyTorch. Here is also the table of the families
of backbones. It may import config and the ground files.
"""
