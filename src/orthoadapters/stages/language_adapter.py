"""Stage 1 from start to finish (paper, figure 1a): text -> language adapter -> held-out losses -> result.json."""

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
from orthoadapters.files import write_text
from orthoadapters.hub.families import FAMILIES
from orthoadapters.model.backbone import backbone_path
from orthoadapters.model.decoder_rows import DecoderRows
from orthoadapters.model.encoder import AdaptedEncoder
from orthoadapters.model.sizes import bottleneck, check_lengths
from orthoadapters.orthogonality_losses import OrthogonalityLoss, named_loss
from orthoadapters.runs import adapter_library as library
from orthoadapters.runs.directory import RunDirectory
from orthoadapters.runs.inputs import blocks_sha256, tokenizer_sha256, weights_sha256
from orthoadapters.runs.provenance import commit
from orthoadapters.runs.results import Result
from orthoadapters.stages import model_card
from orthoadapters.stages.frame import check_loggers, finish, new_recorder, new_result, record_run
from orthoadapters.training.fit import device, fit
from orthoadapters.training.mlm import MLMTraining, score_held_out
from orthoadapters.training.unfreezing import unfreezing


@dataclass(frozen=True)
class Setup:
    """Everything that a run reads or draws before its first iteration.

    mlm_loss_without_adapter: L_MLM of the bare backbone on held-out blocks. before: L_ORT per layer of the fresh adapter.
    """

    data: MLMData
    model: AdaptedEncoder
    layers_loss: OrthogonalityLoss
    unfreezing: list[Callback]
    inputs: dict[str, str]
    mlm_loss_without_adapter: float
    before: list[float]


def train_language_adapter(config: Config, run: RunDirectory, overrides: Sequence[str]) -> Result:
    """Trains the language adapter of `config.language`, publishes it, and writes result.json."""
    language, kind = config.language.code, config.variant.language_adapter
    target = library.language_adapter(config, language)
    library.check_publishable(target, run.fingerprint)
    check_loggers(config)
    setup = _set_up(config)
    data, model, invert = setup.data, setup.model, config.language_adapters.invert_before_decoder
    with record_run(config, run, setup.inputs, len(model.sites)) as run_trackers:
        recorder = new_recorder(config, run_trackers)
        rows = None if config.mlm.vocabulary is Vocabulary.backbone else _rows_of_text(setup)
        module = MLMTraining(
            model, language, config.is_orthogonal, config.optim, recorder, invert, setup.layers_loss, config.ort, rows
        )
        fit(config.trainer, run, module, data, f"mlm {language} {kind.value}", setup.unfreezing)
        with forward_precision(config.trainer.precision, device(config.trainer)):
            scores, after = score_held_out(model, data.dev, invert)
        _write_adapter(config, run, setup, scores)
        test = scores | {"mlm_loss_without_adapter": setup.mlm_loss_without_adapter, "n": len(data.dev.rows)}
        entries = {language: target.result_entry()}
        result = new_result(config, run, overrides, recorder, data.iterations, {language: test}, entries)
        result.counts = {"blocks": len(data.blocks), "trained_on": len(data.training.rows)}
        if rows is not None:
            result.counts |= _count_subwords(data, rows)
        result.layer_cos2 = {"before": setup.before, "after": after}
        finish(run, result, run_trackers)
    return result


def text_data(config: Config) -> MLMData:
    """Makes the data module of a run: its `blocks` are cut from the text, or are in the cache."""
    tokenizer = load_tokenizer(backbone_path(config), needs_mask=True)
    cache, iterations = Path(config.paths.cache), config.trainer.max_iterations
    return MLMData(config.corpus, config.mlm, config.language, tokenizer, cache, config.seed, iterations)


def _set_up(config: Config) -> Setup:
    """Reads text and backbone, and draws the fresh adapter."""
    language, layers_loss = config.language.code, named_loss(config.orthogonality.loss)
    path, where = backbone_path(config), device(config.trainer)
    data = text_data(config)
    text_sha256 = blocks_sha256(data.blocks)
    model = AdaptedEncoder.from_pretrained(
        path, mlm_head=True, pair=config.orthogonality.pair, allow_pickle=config.backbone.allow_pickle
    ).to(where)
    check_lengths(model.shape.positions, {"mlm.block_length": config.mlm.block_length})
    inputs = {"backbone": weights_sha256(model.backbone), f"text-{language}": text_sha256}
    inputs |= tokenizer_sha256(config.backbone)
    with forward_precision(config.trainer.precision, where):
        bare, _ = score_held_out(model, data.dev, invert=False)
    # The seed is set here, so that the fresh weights depend on it alone.
    pl.seed_everything(config.seed, verbose=False)
    d_language = bottleneck(model, "variant.language_reduction", config.variant.language_reduction)
    leave_out = tuple(config.variant.leave_out)
    model.add_adapter(language, AdapterConfig(d_language, invertible=True, leave_out=leave_out))
    model.activate(language)
    # This is measured on the fresh weights, so that a resumed run records the same number.
    with forward_precision(config.trainer.precision, where):
        _, before = score_held_out(model, data.dev, config.language_adapters.invert_before_decoder)
    parts = unfreezing(config.unfreeze, model, language, data.iterations)
    return Setup(data, model, layers_loss, parts, inputs, bare["mlm_loss"], before)


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


def _write_adapter(config: Config, run: RunDirectory, setup: Setup, scores: dict[str, float]) -> None:
    """Saves the adapter with its card in the run's directory, and publishes a copy for task runs."""
    language, kind, folder = config.language.code, config.variant.language_adapter, run.path / "adapter"
    setup.model.save_adapter(folder, language)
    is_in_library = FAMILIES[setup.model.shape.model_type].is_in_library
    d_language = setup.model.configs[language].bottleneck
    card = model_card.language_card(config, commit(), d_language, scores, is_in_library)
    write_text(folder / model_card.FILE, card)
    record = {
        "fingerprint": run.fingerprint,
        "language": language,
        "kind": kind.value,
        "backbone": config.backbone.name,
        "iterations": config.trainer.max_iterations,
        "batch_size": config.mlm.batch_size,
        **({"leave_out": list(config.variant.leave_out)} if config.variant.leave_out else {}),
        "backbone_sha256": setup.inputs["backbone"],
        **({"tokenizer_sha256": setup.inputs["tokenizer"]} if "tokenizer" in setup.inputs else {}),
    }
    library.publish(folder, library.language_adapter(config, language), record | scores)
