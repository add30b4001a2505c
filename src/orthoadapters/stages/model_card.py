"""The README.md beside every adapter that a run saves: a Hugging Face model card, without anybody's paths."""

from collections.abc import Mapping
from pathlib import Path

import yaml

from orthoadapters.config.hub_ids import is_id
from orthoadapters.config.schema import (
    AdapterKind,
    AdapterSource,
    Config,
    CorpusSource,
    DataSource,
    Stage,
)

FILE = "README.md"
REPO = "OWNER/NAME"  # stands in the card until `publish` knows better
_KINDS = {
    AdapterKind.noo: "NOO (trained on the main loss alone)",
    AdapterKind.ort: "ORT (an orthoadapter: trained on the orthogonality loss L_ORT as well)",
}


def language_card(config: Config, commit: str, bottleneck: int, scores: Mapping[str, float]) -> str:
    """Of a language adapter. commit: of the code that trained it. scores: `mlm_loss` and `l_ort` on held-out blocks."""
    mlm, language = config.mlm, config.language
    text = {
        CorpusSource.wikipedia: f"[wikimedia/wikipedia](https://huggingface.co/datasets/wikimedia/wikipedia), "
        f"{language.wikipedia}",
        CorpusSource.text: "text files of the trainer's own",
        CorpusSource.demo: "the invented world of orthoadapters",
    }[config.corpus.source]
    rows = {
        "language": f"{language.name} ({language.code})",
        "kind": _KINDS[config.variant.language_adapter],
        "architecture": f"pfeiffer+inv (seq_bn_inv), bottleneck {bottleneck}",
        "backbone": _backbone(config),
        "data": text,
        "training": f"{config.trainer.max_iterations} iterations of {mlm.batch_size} x {mlm.block_length} subwords, "
        + _rates(config),
        "held-out text": f"MLM loss {scores['mlm_loss']:.4f}, L_ORT {scores['l_ort']:.4f} (sum over layers)",
    }
    datasets = ["wikimedia/wikipedia"] if config.corpus.source is CorpusSource.wikipedia else []
    ours = f'model.load_adapter("{REPO}", "{language.code}")\nmodel.activate("{language.code}")'
    theirs = f'name = model.load_adapter("{REPO}", use_safetensors=True)\nmodel.set_active_adapters(name)'
    title = f"Language adapter for {language.name}"
    return _card(config, title, [language.code], datasets, rows | {"commit": commit}, {}, ours, theirs)


def task_card(
    config: Config,
    commit: str,
    name: str,
    bottleneck: int,
    l_ort: float,
    iterations: int,
    test: Mapping[str, Mapping[str, float]],
) -> str:
    """Of the task adapter `name` and its head. l_ort: on the development set; test: scores by language, in 0..1."""
    task, source = config.task, config.source_language
    data = {
        DataSource.hub: f"[{task.hub_id}](https://huggingface.co/datasets/{task.hub_id})",
        DataSource.xtreme: "XTREME's files",
        DataSource.conllu: "treebanks of Universal Dependencies in CoNLL-U",
        DataSource.demo: "the invented world of orthoadapters",
    }[config.data.source]
    language_kind = config.variant.language_adapter
    origin = {
        AdapterSource.trained: "trained with orthoadapters",
        AdapterSource.local: "from files of the trainer's own",
        AdapterSource.hub: ", ".join(config.language_adapters.hub.values()),
    }[config.language_adapters.source]
    rows = {
        "task": f"{task.name}, labels {', '.join(task.labels)}",
        "variant": config.variant.name,
        "language": f"trained on {source}; other languages zero-shot, with their own language adapters below it",
        "language adapters": "none" if language_kind is AdapterKind.none else f"{language_kind.name.upper()}, {origin}",
        "kind": _KINDS[config.variant.task_adapter],
        "architecture": f"pfeiffer (seq_bn), bottleneck {bottleneck}",
        "backbone": _backbone(config),
        "data": data,
        "training": f"{iterations} iterations of {task.batch_size} sentences or pairs, {_rates(config)}; the best of "
        f"{config.trainer.max_epochs} epochs on the development set",
        "development set": f"L_ORT {l_ort:.4f} (sum over layers)",
        "commit": commit,
    }
    if language_kind is AdapterKind.none:
        rows["language"] = f"trained on {source}; other languages zero-shot"
    metric = task.metrics[0]
    scores = {code: f"{100 * row[metric]:.2f}" for code, row in test.items()}
    datasets = [task.hub_id] if config.data.source is DataSource.hub else []
    ours, theirs, ours_stack, their_stack = "", "", f'"{name}"', name
    if language_kind is not AdapterKind.none:
        below = 'model.load_adapter("path or id of its language adapter"'
        ours, theirs = f'{below}, "{source}")\n', f'{source} = {below}, load_as="{source}")\n'
        ours_stack, their_stack = f'"{source}", {ours_stack}', f"{source}, {name}"
    ours += (
        f'model.load_adapter("{REPO}", "{name}")\nmodel.activate({ours_stack})\n'
        f'head, labels = head_files.read(adapter_hub.find("{REPO}"), model)\n'
        "logits = head(model(input_ids, attention_mask).hidden)"
    )
    theirs += (
        f'{name} = model.load_adapter("{REPO}", use_safetensors=True)  # the head comes with it\n'
        f"model.active_adapters = Stack({their_stack})"
    )
    title = f"Task adapter for {task.name}"
    return _card(config, title, [source], datasets, rows, {f"test: {metric} x 100": scores}, ours, theirs)


def _card(
    config: Config, title: str, languages: list[str], datasets: list[str], rows: dict[str, str],
    tables: Mapping[str, Mapping[str, str]], ours: str, theirs: str,
) -> str:  # fmt: skip
    hub_model = _hub_model(config)
    matter = {"library_name": "adapter-transformers", "tags": ["adapter-transformers", "orthoadapters"],
              "language": languages, "datasets": datasets, "base_model": hub_model}  # fmt: skip
    lines = ["---", yaml.safe_dump({k: v for k, v in matter.items() if v}, sort_keys=False).strip(), "---", ""]
    lines += [f"# {title} on {config.backbone.name}", ""]
    lines += ["From *Orthogonal Language and Task Adapters in Zero-Shot Cross-Lingual Transfer*"]
    lines += ["([arXiv:2012.06460](https://arxiv.org/abs/2012.06460)); an adapter in AdapterHub's format.", ""]
    lines += ["| | |", "|---|---|", *(f"| {key} | {value} |" for key, value in rows.items()), ""]
    for heading, cells in tables.items():
        lines += [f"| {heading} | {' | '.join(cells)} |", "|---" * (len(cells) + 1) + "|"]
        lines += [f"| | {' | '.join(cells.values())} |", ""]
    backbone = hub_model or f"path of {config.backbone.name}"
    imports = "AdaptedEncoder" + (", adapter_hub, head_files" if config.stage is Stage.task else "")
    lines += ["With orthoadapters:", "", "```python", f"from orthoadapters import {imports}", ""]
    lines += [f'model = AdaptedEncoder.from_pretrained("{backbone}")', *ours.splitlines(), "```", ""]
    lines += ["With `adapters` (the weights are safetensors, which it reads if told so):", "", "```python"]
    lines += ["from adapters import AutoAdapterModel"]
    lines += ["from adapters.composition import Stack"] if config.stage is Stage.task else []
    lines += ["", f'model = AutoAdapterModel.from_pretrained("{backbone}")', *theirs.splitlines(), "```"]
    return "\n".join(lines) + "\n"


def _hub_model(config: Config) -> str | None:
    path = config.backbone.path
    return path if is_id(path) and not Path(path).is_dir() else None


def _backbone(config: Config) -> str:
    named = _hub_model(config) or str(config.backbone.name)
    return f"{named}, revision {config.backbone.revision}" if config.backbone.revision else named


def _rates(config: Config) -> str:
    return f"learning rate {config.optim.lr:g}" + (
        f", {config.optim.ort_lr:g} on L_ORT" if config.is_orthogonal else ""
    )
