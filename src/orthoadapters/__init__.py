"""Orthogonal language and task adapters for zero-shot cross-lingual transfer (arXiv:2012.06460)."""
