"""AdapterHub's file format, in and out: config, tensors, heads.

It belongs to the model room and knows a backbone by its `Shape` alone, so that files and encoder do not import each other.
"""
