"""Brings everything that a run reads from the Hugging Face Hub into the local caches, for runs without a network.

python -m orthoadapters.fetch task=xnli backbone=xlmr_base     takes any arguments of train.py
HF_HUB_OFFLINE=1 python train.py task=xnli backbone=xlmr_base  is what it prints at its end
"""

import shlex
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from orthoadapters.config.checks import check
from orthoadapters.config.command_line import read_command_line
from orthoadapters.config.compose import compose_config, task_language
from orthoadapters.config.program import shell_command
from orthoadapters.config.schema import AdapterSource, Config, CorpusSource, DomainConfig, Missing, Stage
from orthoadapters.config.version import version_line
from orthoadapters.errors import UserError
from orthoadapters.exit_codes import stoppable_exit_code_of
from orthoadapters.hub.offline import NotFetchedError, is_offline
from orthoadapters.own_process import ending_on_sigterm, start_process
from orthoadapters.printing import start_log


def fetch(overrides: Sequence[str]) -> None:
    """Fetches all that `train.py` with these overrides would ask a network for, except what the caches have already.

    Raises UserError for a mistyped override, a network that cannot be reached, and what the Hub does not have.
    """
    config = compose_config(overrides)
    check(config)
    if is_offline():
        raise UserError("HF_HUB_OFFLINE is set, so nothing can be fetched; unset it for this command")
    fetch_backbone(config)
    if config.stage is Stage.mlm:
        fetch_text(config)
    else:
        fetch_examples(config)
    fetch_language_adapters(config, overrides)


def fetch_backbone(config: Config) -> None:
    # Imports of the rooms with PyTorch stand in the functions: a mistyped command is answered before they are read.
    from orthoadapters.model.backbone import backbone_path

    if config.backbone.revision is None:
        print(f"backbone {config.backbone.path}: on this machine, nothing to fetch")
        return
    print(f"backbone {config.backbone.path} at {config.backbone.revision[:8]} ...", flush=True)
    print(f"  {backbone_path(config)}")


def fetch_examples(config: Config) -> None:
    """Fetches the labelled examples of every language of the run.

    `datasets` keeps all splits of a language at once, so that target languages' development sets come with the test sets.
    """
    if config.data.source != "hub":
        print(f"data={config.data.source}: on this machine, nothing to fetch")
        return
    from orthoadapters.data.sources.read import read_examples
    from orthoadapters.examples import Split

    for code in config.evaluated_languages:
        splits: tuple[Split, ...] = ("train", "dev", "test") if code in config.source_languages else ("test",)
        print(f"{config.task.name} {code} from {config.task.hub_id} ...", flush=True)
        language = task_language(code, config.paths.config)
        counts = [f"{len(read_examples(config.data, config.task, s, language))} {s}" for s in splits]
        print(f"  {', '.join(counts)}")


def fetch_text(config: Config) -> None:
    """Fetches the text, as blocks of subwords in `paths.cache`, where the run of this configuration looks for them first."""
    if config.corpus.source is not CorpusSource.wikipedia:
        print(f"corpus={config.corpus.source.value}: on this machine, nothing to fetch")
        return
    from orthoadapters.data.modules import MLMData
    from orthoadapters.data.tokenizer import load_tokenizer
    from orthoadapters.model.backbone import backbone_path

    print(f"text in {config.language.name} ...", flush=True)
    tokenizer = load_tokenizer(backbone_path(config), needs_mask=True)
    cache, iterations = Path(config.paths.cache), config.trainer.max_iterations
    data = MLMData(config.corpus, config.mlm, config.language, tokenizer, cache, config.seed, iterations)
    print(f"  {len(data.blocks)} blocks of {config.mlm.block_length} subwords in {config.paths.cache}")


def fetch_language_adapters(config: Config, overrides: Sequence[str]) -> None:
    """Fetches the language adapters on the Hub, or the text to train the missing ones on if the run would do so."""
    from orthoadapters.runs import adapter_library as library

    if config.language_adapters.source is AdapterSource.hub:
        # The Hub has no domain adapter for a task run.
        on_hub = replace(config, domain=DomainConfig()) if config.stage is Stage.task else config
        for adapter in library.require(on_hub, overrides):
            print(f"language adapter {adapter.location}\n  {adapter.path}")
    if config.language_adapters.missing is not Missing.train:
        return
    for adapter in library.missing_adapters(config):
        fetch_text(compose_config(library.training_overrides(overrides, adapter)))


def main(words: Sequence[str] | None = None) -> int:
    """Runs the command line and returns the exit code."""
    arguments = sys.argv[1:] if words is None else list(words)
    if {"-h", "--help"} & set(arguments):
        print(__doc__)
        return 0
    if "--version" in arguments:
        print(version_line())
        return 0
    start_process()
    start_log()

    @ending_on_sigterm()
    def run() -> None:
        try:
            fetch(read_command_line(arguments).overrides)
        except NotFetchedError as error:
            raise UserError(f"{error} {shlex.join(arguments)}") from error
        print(f"without a network from now on: HF_HUB_OFFLINE=1 {shell_command('train', arguments)}")
        sys.stdout.flush()

    return stoppable_exit_code_of(run, "the same command goes on with what is missing")


if __name__ == "__main__":
    sys.exit(main())
