"""The size and the pretraining of the demo backbone."""

from dataclasses import dataclass


@dataclass(frozen=True)
class BackboneRecipe:
    """Everything about the demo backbone that is not the world itself. Two minutes on two cores."""

    hidden: int = 128  # ours: divisible by 16, so that each adapter size of the paper has its counterpart
    layers: int = 3  # ours: the fewest with which pairs of sentences are compared well enough
    heads: int = 4  # ours: three look at neighbours at first, one at like words
    pieces: int = 500  # ours: frequent stems and affixes of the seen languages; rarer words are made of parts
    window: int = 128  # paper: appendix A
    passages: int = 3500  # ours: per language; the steps below read each about once
    mixed_passages: int = 16000  # ours: half of the text, so that the languages come to share a space
    steps: int = 1300
    batch: int = 16
    lr: float = 1.4e-3  # ours: half as high again may never leave the plateau of word frequencies
    masked: float = 0.2  # ours: more than XLM-R's 0.15, since tokens are few; short of hiding too many neighbours
    split: float = 0.3  # ours: share of words read in short pieces, for the sake of words without a piece of their own
    seed: int = 0
