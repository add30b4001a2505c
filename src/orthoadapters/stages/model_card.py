"""The README.md beside every adapter that a run saves: a Hugging Face model card, without anybody's paths."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import yaml

from orthoadapters.config.kinds import KINDS
from orthoadapters.config.schema import (
    AdapterKind,
    AdapterSource,
    Config,
    CorpusSource,
    Stage,
    Under,
    Vocabulary,
)
from orthoadapters.config.train_under import has_turns, training_languages
from orthoadapters.config.under import choices_under
from orthoadapters.runs.language_adapter import trained_adapter
from orthoadapters.stages.card_code import lower_adapter_code, task_code
from orthoadapters.stages.card_words import choice, in_cell, left_out, on_hub, rates

FILE = "README.md"
_KINDS = {
    AdapterKind.noo: "NOO (trained on the main loss alone)",
    AdapterKind.ort: "ORT (an orthoadapter: trained on the orthogonality loss L_ORT as well)",
}
_BELOW = {
    Under.target: "their own language adapters",
    Under.source: "the source's language adapter",
    Under.none: "no language adapter",
    Under.mean: "means of language adapters",
}


@dataclass(frozen=True)
class _Content:
    """The parts in which the two kinds of cards differ.

    datasets: ids on the Hub. ours, theirs: Python that loads the adapter with orthoadapters and with `adapters`; `theirs` is
    empty where that library has no class for the backbone.
    scores: the columns of the table of test scores; none for a language adapter.
    """

    title: str
    languages: list[str]
    datasets: list[str]
    rows: dict[str, str]
    ours: str
    theirs: str
    scores_of: str = ""
    scores: Mapping[str, str] = field(default_factory=dict)


def language_card(
    config: Config, commit: str, bottleneck: int, scores: Mapping[str, float], is_in_library: bool = True
) -> str:
    """Writes a language adapter's card, or a domain adapter's. commit: the code that trained it.

    scores: `mlm_loss`, `l_ort` on held-out blocks. is_in_library: whether `adapters` has classes for the backbone.
    """
    mlm, language, adapter = config.mlm, config.language, trained_adapter(config)
    kind = "pfeiffer (seq_bn)" if adapter.domain else "pfeiffer+inv (seq_bn_inv)"
    rows = {
        "language": f"{language.name} ({language.code})",
        **({"below it": f"language adapter {config.variant.language_adapter.name.upper()}"} if adapter.domain else {}),
        "kind": _KINDS[adapter.kind],
        "architecture": f"{kind}, bottleneck {bottleneck}{left_out(config)}",
        "backbone": _backbone(config),
        "data": _corpus(config),
        "training": f"{config.trainer.max_iterations} iterations of {mlm.batch_size} x {mlm.block_length} subwords, "
        + rates(config)
        + ("" if mlm.vocabulary is Vocabulary.backbone else ", softmax over the subwords of the text alone"),
        "held-out text": f"MLM loss {scores['mlm_loss']:.4f}, L_ORT {scores['l_ort']:.4f} (sum over layers)",
        "commit": commit,
    }
    ours, theirs = lower_adapter_code(config)
    content = _Content(
        title=f"{adapter.role[0].upper()}{adapter.role[1:]} for {language.name}",
        languages=[language.code],
        datasets=["wikimedia/wikipedia"] if config.corpus.source is CorpusSource.wikipedia else [],
        rows=rows,
        ours=ours,
        theirs=theirs if is_in_library else "",
    )
    return _card(config, content)


def task_card(
    config: Config,
    commit: str,
    name: str,
    bottleneck: int,
    l_ort: float,
    iterations: int,
    epochs: int,
    test: Mapping[str, Mapping[str, float]],
    is_in_library: bool = True,
) -> str:
    """Writes the card of the task adapter `name` and its head.

    l_ort: on the development set. test: scores by language, in 0..1. is_in_library: as for a language adapter.
    """
    task, metric = config.task, config.task.metrics[0]
    ours, theirs = task_code(config, name)
    content = _Content(
        title=f"Task adapter for {task.name}",
        languages=config.source_languages,
        datasets=[hub_id] if config.data.source == "hub" and (hub_id := on_hub(config.task.hub_id)) else [],
        rows=_task_rows(config, bottleneck, l_ort, iterations, epochs) | {"commit": commit},
        ours=ours,
        theirs=theirs if is_in_library else "",
        scores_of=f"test: {metric} x 100",
        scores={code: f"{100 * row[metric]:.2f}" for code, row in test.items()},
    )
    return _card(config, content)


def _task_rows(config: Config, bottleneck: int, l_ort: float, iterations: int, epochs: int) -> dict[str, str]:
    task, kind, domain = config.task, config.variant.language_adapter, config.domain
    zero_shot = f", with {_BELOW[choices_under(config)[0]]} below it" if config.variant.has_language_adapter else ""
    if has_turns(config):
        languages = ", ".join(training_languages(config))
        zero_shot += f"; in training with the language adapters of {languages} below it, a batch each in turn"
    return {
        "task": f"{task.name}, labels {', '.join(task.labels)}",
        "variant": config.variant.name,
        "language": f"trained on {', '.join(config.source_languages)}; other languages zero-shot{zero_shot}",
        "language adapters": f"{kind.name.upper()}, {_origin(config)}"
        if config.variant.has_language_adapter
        else "none",
        **({"domain adapter": f"{domain.name}, {domain.kind.name.upper()}"} if domain.name else {}),
        "kind": _KINDS[config.variant.task_adapter],
        "architecture": f"pfeiffer (seq_bn), bottleneck {bottleneck}{left_out(config)}",
        "backbone": _backbone(config),
        "data": _data(config),
        "training": f"{iterations} iterations of {task.batch_size} {KINDS[task.kind].plural}, {rates(config)}; the best of "
        f"{epochs} epochs on the development set",
        "development set": f"L_ORT {l_ort:.4f} (sum over layers)",
    }


def _card(config: Config, content: _Content) -> str:
    lines = ["---", _front_matter(config, content), "---", ""]
    lines += [f"# {content.title} on {config.backbone.name}", ""]
    lines += ["From *Orthogonal Language and Task Adapters in Zero-Shot Cross-Lingual Transfer*"]
    lines += ["([arXiv:2012.06460](https://arxiv.org/abs/2012.06460)); an adapter in AdapterHub's format.", ""]
    lines += ["| | |", "|---|---|", *(f"| {key} | {in_cell(value)} |" for key, value in content.rows.items()), ""]
    if content.scores:
        lines += [
            f"| {content.scores_of} | {' | '.join(map(in_cell, content.scores))} |",
            "|---" * (len(content.scores) + 1) + "|",
        ]
        lines += [f"| | {' | '.join(content.scores.values())} |", ""]
    return "\n".join(lines + _usage(config, content)) + "\n"


def _front_matter(config: Config, content: _Content) -> str:
    """Writes the card's YAML block, which the Hub reads."""
    entries = {
        "library_name": "adapter-transformers",
        "tags": ["adapter-transformers", "orthoadapters"],
        "language": content.languages,
        "datasets": content.datasets,
        "base_model": on_hub(config.backbone.path),
    }
    return yaml.safe_dump({key: value for key, value in entries.items() if value}, sort_keys=False).strip()


def _usage(config: Config, content: _Content) -> list[str]:
    """Writes the two examples: the adapter loaded with orthoadapters, and with `adapters`."""
    is_task = config.stage is Stage.task
    backbone = on_hub(config.backbone.path) or f"path of {config.backbone.name}"
    imports = "AdaptedEncoder" + (", adapter_hub, head_files" if is_task else "")
    lines = ["With orthoadapters:", "", "```python", f"from orthoadapters import {imports}", ""]
    lines += [f'model = AdaptedEncoder.from_pretrained("{backbone}")', *content.ours.splitlines(), "```", ""]
    if not content.theirs:
        return [
            *lines,
            "`adapters` has no class for this backbone. It takes the adapter by an `AdapterModelInterface`.",
        ]
    lines += ["With `adapters` (the weights are safetensors, which it reads if told so):", "", "```python"]
    lines += ["from adapters import AutoAdapterModel"]
    lines += ["from adapters.composition import Stack"] if "Stack(" in content.theirs else []
    lines += ["", f'model = AutoAdapterModel.from_pretrained("{backbone}")', *content.theirs.splitlines(), "```"]
    return lines


def _corpus(config: Config) -> str:
    """Names the text that a language adapter was trained on."""
    texts = {
        CorpusSource.wikipedia: f"[wikimedia/wikipedia](https://huggingface.co/datasets/wikimedia/wikipedia), "
        f"{config.language.wikipedia}",
        CorpusSource.text: "text files of the trainer's own",
        CorpusSource.demo: "the invented world of orthoadapters",
    }
    return texts.get(config.corpus.source) or choice("corpus", config.corpus.source)


def _data(config: Config) -> str:
    """Names the labelled sentences that a task adapter was trained on."""
    hub_id = on_hub(config.task.hub_id)
    sentences = {
        "hub": f"[{hub_id}](https://huggingface.co/datasets/{hub_id})" if hub_id else "files of the trainer's own",
        "xtreme": "XTREME's files",
        "files": "files of the trainer's own",
        "conllu": "treebanks of Universal Dependencies in CoNLL-U",
        "demo": "the invented world of orthoadapters",
    }
    return sentences.get(config.data.source) or choice("data", config.data.source)


def _origin(config: Config) -> str:
    """Says where a task adapter's language adapters come from."""
    origins = {
        AdapterSource.trained: "trained with orthoadapters",
        AdapterSource.local: "from files of the trainer's own",
        AdapterSource.hub: ", ".join(config.language_adapters.hub.values()),
    }
    return origins.get(config.language_adapters.source) or choice(
        "language_adapters.source", config.language_adapters.source
    )


def _backbone(config: Config) -> str:
    name = on_hub(config.backbone.path) or str(config.backbone.name)
    return f"{name}, revision {config.backbone.revision}" if config.backbone.revision else name
