"""The amount of text that a language has: running words of its Wikipedia, as text_sizes.yaml has them."""

from pathlib import Path

import yaml

WIKIPEDIA_WORDS: dict[str, int] = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8"))
