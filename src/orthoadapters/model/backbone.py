"""The folder that holds a run's backbone, wherever its configuration says that the backbone comes from."""

import shutil
from pathlib import Path

from orthoadapters.checksums import check_sums, write_sums
from orthoadapters.config.checks import check_backbone
from orthoadapters.config.hub_ids import DEMO
from orthoadapters.config.schema import Config
from orthoadapters.errors import naming
from orthoadapters.folders import check_writable
from orthoadapters.hub.backbones import backbone_folder
from orthoadapters.locks import one_at_a_time
from orthoadapters.temporary_names import share


def backbone_path(config: Config) -> str:
    """Returns the folder with weights and tokenizer, in the local Hub cache if the backbone comes from the Hub."""
    if config.backbone.path != DEMO:
        check_backbone(config.backbone)
        return str(backbone_folder(config.backbone.path, config.backbone.revision, config.backbone.allow_pickle))
    from orthoadapters.demo import BackboneRecipe, ensure_backbone
    from orthoadapters.demo.backbone import fingerprint

    cache = Path(config.paths.cache)
    folder = cache / f"demo-backbone-{fingerprint(BackboneRecipe())}"
    if folder.is_dir():
        # Nothing is to be made, and the cache may be one that is only read.
        check_sums(folder, "delete that folder, and it is pretrained again")
        return str(folder)
    check_writable(cache, "paths.cache")
    # The lock keeps parallel runs of a sweep from pretraining it once each.
    with one_at_a_time(cache / ".demo-backbone.lock"):
        if not folder.is_dir():
            for leftover in cache.glob(".unfinished-*"):
                # A killed process left it: a living one would hold the lock.
                shutil.rmtree(leftover, ignore_errors=True)
            # It has its name once its checksums are written, so that a killed process leaves none without them.
            workshop = cache / ".unfinished-backbone"
            with naming(folder):
                backbone = ensure_backbone(workshop)
                share(backbone)
                write_sums(backbone, list(backbone.iterdir()))
                backbone.replace(folder)
                workshop.rmdir()
        return str(folder)
