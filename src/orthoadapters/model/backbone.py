"""The folder that holds a run's backbone, wherever its configuration says that the backbone comes from."""

from pathlib import Path

from orthoadapters.config.checks import check_backbone
from orthoadapters.config.hub_ids import DEMO
from orthoadapters.config.schema import Config
from orthoadapters.files import one_at_a_time
from orthoadapters.hub.backbones import backbone_folder


def backbone_path(config: Config) -> str:
    """Returns the folder with weights and tokenizer, in the local Hub cache if the backbone comes from the Hub."""
    if config.backbone.path != DEMO:
        check_backbone(config.backbone)
        return str(backbone_folder(config.backbone.path, config.backbone.revision, config.backbone.allow_pickle))
    from orthoadapters.demo import ensure_backbone

    cache = Path(config.paths.cache)
    # The lock keeps parallel runs of a sweep from pretraining it once each.
    with one_at_a_time(cache / ".demo-backbone.lock"):
        return str(ensure_backbone(cache))
