"""What comes from the Hugging Face Hub or its local cache: backbones, adapters, and the sentence when one is not there.

It answers with folders, and reads no weights: it loads no PyTorch. It imports config and the ground files.
"""
