"""What the transfer takes from the library of language adapters (paper, figure 1c)."""

from orthoadapters.config.schema import AdapterSource
from orthoadapters.errors import UserError
from orthoadapters.model.encoder import AdaptedEncoder
from orthoadapters.runs.adapter_library import LanguageAdapter

# The task adapter's name in the stack. Language adapters go by their language's code.
TASK_ADAPTER = "task"


def load_language_adapter(
    model: AdaptedEncoder, adapter: LanguageAdapter, bottleneck: int, backbone_sha256: str
) -> None:
    """Adds a language adapter to the model under its language's code.

    Raises UserError if it has another size than the variant says, or was trained on other backbone weights.
    """
    model.load_adapter(adapter.path, adapter.language)
    size = model.configs[adapter.language].bottleneck
    if size != bottleneck:
        mend = "train the adapter with the same reduction, elsewhere if need be (paths.adapters=DIR)"
        if adapter.source is not AdapterSource.trained:
            mend = f"give variant.language_reduction={model.hidden_size // size}"
        raise UserError(
            f"{adapter.location} has bottleneck {size} and this run's variant.language_reduction makes it {bottleneck}; {mend}"
        )
    trained_on = adapter.record().get("backbone_sha256", backbone_sha256)
    if trained_on != backbone_sha256:
        raise UserError(
            f"{adapter.path} was trained on a backbone with other weights ({trained_on[:8]}, this one's are "
            f"{backbone_sha256[:8]}); name the backbones apart with backbone.name=..., and train the adapter on this one"
        )
