"""Stage 1 from start to finish (paper, figure 1a): text -> language adapter -> held-out losses -> result.json.

With a domain, the adapter that is trained is the domain's, on text of the domain and on the frozen language adapter.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback

from orthoadapters.adapters import AdapterConfig
from orthoadapters.config.schema import Config, Vocabulary
from orthoadapters.data.blocks import subwords_in
from orthoadapters.data.modules import MLMData
from orthoadapters.data.tokenizer import load_tokenizer
from orthoadapters.evaluation.scoring import forward_precision
from orthoadapters.evaluation.transfer import DOMAIN_ADAPTER, load_language_adapter, new_stacks
from orthoadapters.files import write_text
from orthoadapters.hub.families import FAMILIES
from orthoadapters.model.backbone import backbone_path
from orthoadapters.model.decoder_rows import DecoderRows
from orthoadapters.model.encoder import AdaptedEncoder
from orthoadapters.model.sizes import bottleneck, check_lengths
from orthoadapters.orthogonality_losses import OrthogonalityLoss, named_loss
from orthoadapters.runs import adapter_library as library
from orthoadapters.runs.directory import RunDirectory
from orthoadapters.runs.inputs import backbone_files_sha256, blocks_sha256, weights_sha256
from orthoadapters.runs.language_adapter import BACKBONE_FILES, BELOW, LanguageAdapter, trained_adapter
from orthoadapters.runs.provenance import commit
from orthoadapters.runs.results import Result
from orthoadapters.stages import model_card
from orthoadapters.stages.backbone_fit import check_left_out
from orthoadapters.stages.frame import check_loggers, finish, new_recorder, new_result, record_run
from orthoadapters.stages.outcome import warn_of_risen_orthogonality
from orthoadapters.training.fit import device, fit
from orthoadapters.training.mlm import MLMTraining, score_held_out
from orthoadapters.training.unfreezing import unfreezing


@dataclass(frozen=True)
class Setup:
    """Everything that a run reads or draws before its first iteration.

    adapter: the name of the fresh adapter in the model, where it is the last of the active stack. lower_losses: L_MLM on
    held-out blocks without it, by the name in result.json. before: L_ORT per layer of the fresh adapter.
    """

    data: MLMData
    model: AdaptedEncoder
    adapter: str
    layers_loss: OrthogonalityLoss
    unfreezing: list[Callback]
    inputs: dict[str, str]
    lower_losses: dict[str, float]
    before: list[float]


def train_language_adapter(config: Config, run: RunDirectory, overrides: Sequence[str]) -> Result:
    """Trains the language adapter of `config.language`, or the domain adapter on it, publishes it, and writes result.json."""
    target = trained_adapter(config)
    library.check_publishable(target, run.fingerprint)
    check_loggers(config)
    setup = _set_up(config, overrides)
    data, model, invert = setup.data, setup.model, config.language_adapters.invert_before_decoder
    with record_run(config, run, setup.inputs, len(model.sites)) as run_trackers:
        recorder = new_recorder(config, run_trackers)
        rows = None if config.mlm.vocabulary is Vocabulary.backbone else _rows_of_text(setup)
        module = MLMTraining(
            model,
            setup.adapter,
            config.is_orthogonal,
            config.optim,
            recorder,
            invert,
            setup.layers_loss,
            config.ort,
            rows,
        )
        fit(config.trainer, run, module, data, f"mlm {target.title}", setup.unfreezing)
        with forward_precision(config.trainer.precision, device(config.trainer)):
            scores, after = score_held_out(model, data.dev, invert)
        _write_adapter(config, run, setup, target, scores)
        test = {target.language: scores | setup.lower_losses | {"n": len(data.dev.rows)}}
        entries = {target.name: target.result_entry()}
        result = new_result(config, run, overrides, recorder, data.iterations, test, entries)
        result.counts = {"blocks": len(data.blocks), "trained_on": len(data.training.rows)}
        if rows is not None:
            result.counts |= _count_subwords(data, rows)
        result.layer_cos2 = {"before": setup.before, "after": after}
        warn_of_risen_orthogonality(config, result.layer_cos2)
        finish(run, result, run_trackers)
    return result


def text_data(config: Config) -> MLMData:
    """Makes the data module of a run: its `blocks` are cut from the text, or are in the cache."""
    tokenizer = load_tokenizer(backbone_path(config), needs_mask=True)
    cache, iterations = Path(config.paths.cache), config.trainer.max_iterations
    return MLMData(config.corpus, config.mlm, config.language, tokenizer, cache, config.seed, iterations)


def _set_up(config: Config, overrides: Sequence[str]) -> Setup:
    """Reads text, backbone and, below a domain adapter, the language adapter; and draws the fresh adapter."""
    language, layers_loss = config.language.code, named_loss(config.orthogonality.loss)
    lower_adapters = library.require(config, overrides)
    path, where = backbone_path(config), device(config.trainer)
    data, invert = text_data(config), config.language_adapters.invert_before_decoder
    text_sha256 = blocks_sha256(data.blocks)
    model = AdaptedEncoder.from_pretrained(
        path, mlm_head=True, pair=config.orthogonality.pair, allow_pickle=config.backbone.allow_pickle
    ).to(where)
    check_left_out(config.variant, len(model.sites))
    check_lengths(model.shape.positions, {"mlm.block_length": config.mlm.block_length})
    inputs = {"backbone": weights_sha256(model.backbone), f"text-{language}": text_sha256}
    inputs |= backbone_files_sha256(config.backbone)
    stacks = new_stacks(config, model, {}, inputs["backbone"], lower_adapters)
    with forward_precision(config.trainer.precision, where):
        losses = {"mlm_loss_without_adapter": score_held_out(model, data.dev, invert=False)[0]["mlm_loss"]}
        for code, adapter in stacks.adapters.items():
            load_language_adapter(model, adapter, stacks)
            model.activate(code)
            losses["mlm_loss_of_language_adapter"] = score_held_out(model, data.dev, invert)[0]["mlm_loss"]
    inputs |= {f"adapter-{name}": entry["sha256"] for name, entry in stacks.entries.items()}
    # The seed is set here, so that the fresh weights depend on it alone.
    pl.seed_everything(config.seed, verbose=False)
    target, name = trained_adapter(config), DOMAIN_ADAPTER if config.trains_domain else language
    d = bottleneck(model, target.reduction_key, target.reduction(config.variant, config.domain))
    # The invertible part belongs to the language, and is the first adapter's.
    adapter_config = AdapterConfig(d, invertible=not config.trains_domain, leave_out=tuple(config.variant.leave_out))
    model.add_adapter(name, adapter_config)
    model.activate(*stacks.adapters, name)
    # This is measured on the fresh weights, so that a resumed run records the same number.
    with forward_precision(config.trainer.precision, where):
        _, before = score_held_out(model, data.dev, invert)
    parts = unfreezing(config.unfreeze, model, name, data.iterations)
    return Setup(data, model, name, layers_loss, parts, inputs, losses, before)


def _rows_of_text(setup: Setup) -> DecoderRows:
    """Copies the decoder's rows for the subwords of the training blocks (mlm.vocabulary=corpus)."""
    data, head = setup.data, setup.model.mlm_head
    assert head is not None
    subwords = subwords_in(data.blocks, data.training.rows, len(head.decoder.weight))
    return DecoderRows(head.decoder, torch.from_numpy(subwords))


def _count_subwords(data: MLMData, rows: DecoderRows) -> dict[str, int]:
    """Counts the subwords of training's softmax, and the places of the held-out blocks whose subword is not among them."""
    subwords = rows.subwords.cpu().numpy()
    outside = ~np.isin(data.blocks[data.dev.rows], subwords)
    return {"vocabulary": len(subwords), "held_out_outside_vocabulary": int(outside.sum())}


def _write_adapter(
    config: Config, run: RunDirectory, setup: Setup, target: LanguageAdapter, scores: dict[str, float]
) -> None:
    """Saves the adapter with its card in the run's directory, and publishes a copy for task runs."""
    folder, language = run.path / "adapter", target.language
    setup.model.save_adapter(folder, setup.adapter)
    is_in_library = FAMILIES[setup.model.shape.model_type].is_in_library
    size = setup.model.configs[setup.adapter].bottleneck
    card = model_card.language_card(config, commit(), size, scores, is_in_library)
    write_text(folder / model_card.FILE, card)
    record = {
        "fingerprint": run.fingerprint,
        "language": language,
        "kind": target.kind.value,
        "backbone": config.backbone.name,
        "iterations": config.trainer.max_iterations,
        "batch_size": config.mlm.batch_size,
        **({"leave_out": list(config.variant.leave_out)} if config.variant.leave_out else {}),
        "backbone_sha256": setup.inputs["backbone"],
        **{field: setup.inputs[name] for field, name in BACKBONE_FILES.items() if name in setup.inputs},
        **({"domain": target.domain, BELOW: setup.inputs[f"adapter-{language}"]} if target.domain else {}),
    }
    library.publish(folder, target, record | scores)
