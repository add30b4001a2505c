"""The fit of an adapter's files to a backbone and to a run's sizes, by the files' headers alone."""

from pathlib import Path

from orthoadapters.config.schema import AdapterSource, DomainConfig, VariantConfig
from orthoadapters.model.adapterhub.layout import check_header
from orthoadapters.model.shape import shape_in
from orthoadapters.model.sizes import bottleneck_of, check_adapter_size, check_same_layers
from orthoadapters.runs.language_adapter import LanguageAdapter


def check_fit(adapter: LanguageAdapter, variant: VariantConfig, domain: DomainConfig, backbone: Path) -> None:
    """Raises UserError if an adapter's files do not fit the backbone in this folder, or have another size than the run."""
    adapter.check_backbone_files(backbone)
    if (shape := shape_in(backbone)) is not None:
        size, leave_out = check_header(adapter.path, shape)
        hidden, is_trained = shape.hidden_size, adapter.source is AdapterSource.trained
        d = bottleneck_of(hidden, adapter.reduction_key, adapter.reduction(variant, domain))
        check_adapter_size(adapter.location, size, d, adapter.reduction_key, hidden, is_trained)
        check_same_layers(adapter.location, leave_out, variant.leave_out, is_trained)
