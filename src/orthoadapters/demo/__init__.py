"""A small invented multilingual world: five languages, text, labelled examples and a backbone, all from one seed.

It exists so that everything can run without a network. It may import config and the ground files.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from .languages import LANGUAGES, SOURCE, UNSEEN_LANGUAGE
from .recipe import BackboneRecipe
from .tasks import check_choice, demo_examples
from .text import monolingual


def demo_text(language: str) -> Iterator[str]:
    """Yields passages of several sentences for masked language modelling, always the same."""
    check_choice("language", language, LANGUAGES)
    return monolingual(language)


def world_digest() -> str:
    """Digests the sources of the demo world, from which all of it follows; making a language's text takes seconds."""
    sources = sorted(Path(__file__).parent.glob("*.py"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()


def ensure_backbone(cache: Path, recipe: BackboneRecipe | None = None) -> Path:
    """Finds the folder of the demo backbone under `cache`, in Hugging Face's format; pretrains it first if need be."""
    # It loads torch and transformers, which text and examples do without.
    from .backbone import ensure_backbone as ensure

    return ensure(cache, recipe)


__all__ = [
    "LANGUAGES",
    "SOURCE",
    "UNSEEN_LANGUAGE",
    "BackboneRecipe",
    "demo_examples",
    "demo_text",
    "ensure_backbone",
    "world_digest",
]
