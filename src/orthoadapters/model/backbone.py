"""The folder of a run's backbone."""

from pathlib import Path

from orthoadapters.config.checks import check_backbone
from orthoadapters.config.hub_ids import DEMO
from orthoadapters.config.schema import Config
from orthoadapters.files import one_at_a_time
from orthoadapters.hub.backbones import backbone_folder


def backbone_path(config: Config) -> str:
    """The folder of a run's backbone, with weights and tokenizer, in the local Hub cache if it comes from the Hub."""
    if config.backbone.path != DEMO:
        check_backbone(config.backbone)
        return str(backbone_folder(config.backbone.path, config.backbone.revision, config.backbone.allow_pickle))
    from orthoadapters.demo import ensure_backbone

    with one_at_a_time(Path(config.paths.cache) / ".demo-backbone.lock"):  # or parallel cells would each pretrain it
        return str(ensure_backbone(Path(config.paths.cache)))
