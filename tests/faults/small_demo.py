"""Does what train.py does, with a demo backbone that is pretrained within seconds."""

import sys
from functools import partial

from orthoadapters import demo
from orthoadapters.commands.train import main
from orthoadapters.demo import backbone

SIZES = {"hidden": 16, "layers": 1, "heads": 1, "passages": 40, "mixed_passages": 20, "linked_pairs": 20, "steps": 2}
demo.BackboneRecipe = backbone.BackboneRecipe = partial(demo.BackboneRecipe, **SIZES)  # type: ignore

if __name__ == "__main__":
    sys.exit(main())
