"""The size and the pretraining of the demo backbone."""

from dataclasses import dataclass


@dataclass(frozen=True)
class BackboneRecipe:
    """Everything about the demo backbone that is not the world itself."""

    hidden: int = 128  # ours: divisible by 16, so that each adapter size of the paper has its counterpart
    layers: int = 3  # ours: the fewest with which pairs of sentences are compared well enough
    heads: int = 4  # ours: three look at neighbours at first, one at like words
    pieces: int = 800  # ours: most stems of the seen languages are one piece
    window: int = 128  # paper: appendix A
    passages: int = 1500  # ours: per language; the steps below read each about once
    mixed_passages: int = 28000  # ours: four fifths of the text, so that the languages come to share a space
    linked_pairs: int = 14000  # ours: pairs of statements whose connective <s> is to name
    link_weight: float = 0.5  # ours: of that loss beside L_MLM
    steps: int = 2700  # ours: every window once; two to three minutes on two cores
    batch: int = 16  # ours: more steps rather than larger ones
    lr: float = 1.5e-3  # ours: a rate at which it leaves the plateau of word frequencies
    mask_share: float = 0.2  # ours: more than XLM-R's 0.15, since tokens are few; short of hiding too many neighbours
    seed: int = 1  # ours: of two that were tried, the one whose language adapters help the unseen language more
