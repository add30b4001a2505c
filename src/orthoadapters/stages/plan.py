"""plan=true: prints what would be run, without loading a weight."""

from collections.abc import Sequence

from orthoadapters.config.schema import AdapterSource, Config, Stage, Under
from orthoadapters.config.train_under import has_turns, training_languages
from orthoadapters.config.under import choices_under
from orthoadapters.runs import adapter_library as library
from orthoadapters.runs.directory import RunDirectory
from orthoadapters.runs.language_adapter import trained_adapter


def print_plan(config: Config, run: RunDirectory, overrides: Sequence[str]) -> None:
    """Prints the run, its state, its size as far as the configuration tells it, and what it waits for."""
    state = "finished" if run.is_finished else "to be resumed" if run.checkpoint.exists() else "to run"
    print(f"{run.path}: {state}")
    ort = f", ort_lr {config.optim.ort_lr:g}" if config.is_orthogonal else ", no orthogonality loss"
    ort = f", with {config.ort.joint:g} L_ORT in one loss" if config.is_orthogonal and config.ort.joint else ort
    if config.stage is Stage.mlm:
        mlm, adapter = config.mlm, trained_adapter(config)
        below = f" on the language adapter ({config.variant.language_adapter.value})" if adapter.domain else ""
        print(f"  {adapter.role} for {config.language.name} ({adapter.kind.value}){below} on {config.backbone.path}")
        size = f"{config.trainer.max_iterations} iterations of {mlm.batch_size} x {mlm.block_length} subwords"
        print(f"  {size}, lr {config.optim.lr:g}{ort}")
        _print_adapters(config, overrides)
        return
    languages = ", ".join(config.evaluated_languages)
    several = len(config.source_languages) > 1
    sources = f", trained on {', '.join(config.source_languages)}" if several else ""
    print(f"  {config.variant.name} on {config.task.name} with {config.backbone.path}{sources}, tested on {languages}")
    if has_turns(config):
        print(f"  under the task adapter in training: {', '.join(training_languages(config))}")
    if (choices := choices_under(config)) != [Under.target]:
        print(f"  under the task adapter at test: {', '.join(choice.value for choice in choices)}")
    most = "at most " if config.trainer.patience else ""
    print(
        f"  {most}{config.trainer.max_epochs} epochs of batches of {config.task.batch_size}, lr {config.optim.lr:g}{ort}"
    )
    if config.domain.name is not None:
        print(f"  on the domain adapter {config.domain.name} ({config.domain.kind.value}), which stays at the swap")
    _print_adapters(config, overrides)


def _print_adapters(config: Config, overrides: Sequence[str]) -> None:
    """Prints the adapters that are still to be trained, and all that come from elsewhere."""
    for adapter in library.needed_adapters(config):
        if adapter.source is not AdapterSource.trained:
            print(f"  {adapter.language}: {adapter.location or 'no id'}{'' if adapter.exists else ', missing'}")
        elif not adapter.exists:
            print(f"  waits for {adapter.location}: {library.training_command(overrides, adapter)}")
