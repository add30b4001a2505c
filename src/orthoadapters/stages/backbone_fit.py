"""The fit of a run's sizes to its backbone, by the backbone's config.json: positions, layers, and the turns of layers."""

from pathlib import Path

from orthoadapters.config.hub_ids import DEMO
from orthoadapters.config.schema import BackboneConfig, Config, Period, Stage, VariantConfig
from orthoadapters.config.training_checks import check_turns
from orthoadapters.demo import BackboneRecipe
from orthoadapters.errors import UserError
from orthoadapters.hub.backbones import cached_backbone, positions
from orthoadapters.model.shape import shape_in
from orthoadapters.model.sizes import check_layers, check_lengths


def backbone_on_this_machine(backbone: BackboneConfig) -> Path | None:
    """Finds a backbone's folder; None where it is not there whole, which the look for the backbone says."""
    if backbone.path == DEMO:
        return None
    try:
        return cached_backbone(backbone.path, backbone.revision, backbone.allow_pickle)
    except UserError:
        return None


def look_at_length(backbone: BackboneConfig, key: str, length: int) -> None:
    """Compares a key's subwords with the backbone's positions, where the backbone is there whole."""
    folder = backbone_on_this_machine(backbone)
    if folder is not None and (longest := positions(folder)) is not None:
        check_lengths(longest, {key: length})


def look_at_layers(backbone: BackboneConfig, variant: VariantConfig) -> None:
    """Compares variant.leave_out with the backbone's layers, where these are known."""
    if (layers := _count_layers(backbone)) is not None:
        check_left_out(variant, layers)


def check_left_out(variant: VariantConfig, layers: int) -> None:
    """Raises UserError if variant.leave_out names layers that a backbone of so many has not, or misses MAD-X 2.0's.

    A variant without adapters reads no such key.
    """
    if not variant.has_task_adapter:
        return
    check_layers(layers, variant.leave_out)
    if variant.name == "madx2" and layers - 1 not in variant.leave_out:
        raise UserError(
            f"variant=madx2 leaves out the last layer, which is number {layers - 1} here, and variant.leave_out="
            f"[{','.join(map(str, variant.leave_out))}] does not name it; give variant.leave_out=[{layers - 1}]"
        )


def look_at_turns(config: Config, batches: int | None = None) -> None:
    """Raises UserError for gradual unfreezing that takes longer than the training, where the backbone's layers are known.

    batches: those of a task's whole training; None where its data are not read yet, and iterations cannot be compared.
    """
    layers, is_mlm = _count_layers(config.backbone), config.stage is Stage.mlm
    counts_epochs = config.unfreeze.per is Period.epoch
    length = config.trainer.max_iterations if is_mlm else config.trainer.max_epochs if counts_epochs else batches
    if layers is not None and length is not None:
        with_adapter = len(set(range(layers)) - set(config.variant.leave_out))
        check_turns(config.unfreeze, with_adapter, length, has_invertible=is_mlm and not config.trains_domain)


def _count_layers(backbone: BackboneConfig) -> int | None:
    """Returns the number of a backbone's layers; None where it is not there whole, or its config.json does not say."""
    if backbone.path == DEMO:
        return BackboneRecipe().layers
    folder = backbone_on_this_machine(backbone)
    shape = None if folder is None else shape_in(folder)
    return None if shape is None else shape.layers
