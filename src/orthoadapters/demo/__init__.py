"""A small invented multilingual world: five languages, text, labelled examples and a backbone, all from one seed.

It exists so that everything can run without a network. It imports config and the ground files.
"""

from collections.abc import Iterator
from pathlib import Path

from .languages import LANGUAGES, SOURCE, UNSEEN
from .recipe import BackboneRecipe
from .tasks import check_known, demo_examples
from .text import monolingual

DEMO_LANGUAGES: dict[str, str] = {code: language.name for code, language in LANGUAGES.items()}  # source first


def demo_text(language: str) -> Iterator[str]:
    """Passages of several sentences for masked language modelling, one per item, always the same."""
    check_known("language", language, LANGUAGES)
    return monolingual(language)


def ensure_backbone(cache: Path, recipe: BackboneRecipe | None = None) -> Path:
    """The folder of the demo backbone under `cache`, in Hugging Face's format; pretrains it first if need be."""
    from .backbone import ensure_backbone as ensure  # torch and transformers, which text and examples do without

    return ensure(cache, recipe)


__all__ = ["DEMO_LANGUAGES", "SOURCE", "UNSEEN", "BackboneRecipe", "demo_examples", "demo_text", "ensure_backbone"]
