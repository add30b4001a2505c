"""A digest of the demo world, for a process that loads no PyTorch."""

import hashlib
from itertools import islice

from orthoadapters.demo import LANGUAGES, demo_examples, demo_text
from orthoadapters.demo.pieces import train_tokenizer
from orthoadapters.demo.tasks import TASKS
from orthoadapters.demo.text import pretraining_text


def digest_of_the_world() -> str:
    """Digests text and examples of every language, and the tokenizer's pieces."""
    digest = hashlib.sha256()
    for code in LANGUAGES:
        digest.update("".join(islice(demo_text(code), 50)).encode())
        digest.update(repr([demo_examples(task, "dev", code) for task in TASKS]).encode())
    digest.update(train_tokenizer(pretraining_text(60, 60), 300).to_str().encode())
    return digest.hexdigest()
