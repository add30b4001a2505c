"""The transfer: every language is scored on its own adapter, under the one task adapter and head, and nothing stays."""

import operator
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import torch

from orthoadapters import AdaptedEncoder, AdapterConfig, UserError
from orthoadapters.config.compose import compose_config, language_config
from orthoadapters.config.schema import AdapterKind, AdapterSource, Under
from orthoadapters.data.batching import BatchLoader
from orthoadapters.data.modules import TaskData
from orthoadapters.data.tokenizer import load_tokenizer
from orthoadapters.evaluation.scoring import evaluate
from orthoadapters.evaluation.transfer import DOMAIN_ADAPTER, TASK_ADAPTER, Stacks, swap_in, transfer
from orthoadapters.model.average import average_adapters
from orthoadapters.model.heads import TokenHead
from orthoadapters.runs.inputs import weights_sha256
from orthoadapters.runs.language_adapter import LanguageAdapter

LANGUAGES = ("en", "ar", "sw")
MEANS = {"en": {"en": 1.0}, "ar": {"en": 0.5, "sw": 0.5}, "sw": {"ar": 0.25, "sw": 0.75}}
MIXTURES: dict[Under, dict[str, dict[str, float]]] = {
    Under.target: {code: {code: 1.0} for code in LANGUAGES},
    Under.source: {code: {"en": 1.0} for code in LANGUAGES},
    Under.none: {code: {} for code in LANGUAGES},
    Under.mean: MEANS,
}
METRICS = ["f1"]


@pytest.fixture
def model(backbone: Path) -> AdaptedEncoder:
    """The source language's adapter under a task adapter, with weights large enough to change labels."""
    model = AdaptedEncoder.from_pretrained(str(backbone))
    torch.manual_seed(3)
    for name in ("en", TASK_ADAPTER):
        model.add_adapter(name, AdapterConfig(8, invertible=name == "en"))
        enlarge(model, name)
    return model


@pytest.fixture
def stacks(model: AdaptedEncoder, tmp_path: Path) -> Stacks:
    """Language adapters on disk, each with weights of its own; the English one is the model's."""
    for language in LANGUAGES[1:]:
        model.add_adapter(language, AdapterConfig(8, invertible=True))
        enlarge(model, language)
    adapters = {}
    for language in LANGUAGES:
        model.save_adapter(tmp_path / language, language)
        adapters[language] = LanguageAdapter(language, AdapterKind.noo, AdapterSource.local, str(tmp_path / language))
        if language != "en":
            model.delete_adapter(language)
    entries = {language: adapter.result_entry() for language, adapter in adapters.items()}
    return Stacks(MIXTURES, adapters, TASK_ADAPTER, 8, weights_sha256(model.backbone), entries)


@pytest.fixture(scope="module")
def data(backbone: Path, world: Path) -> TaskData:
    config = compose_config(["task=wikiann", "data=xtreme", f"data.root={world}", "task.max_length=64"])
    languages = [language_config(code) for code in LANGUAGES]
    return TaskData(config.data, config.task, languages[0], load_tokenizer(str(backbone)), seed=0, languages=languages)


def enlarge(model: AdaptedEncoder, name: str) -> None:
    for parameter in model.adapter_modules(name).parameters():
        parameter.data.normal_(std=0.5)


def head_of(model: AdaptedEncoder) -> TokenHead:
    torch.manual_seed(5)
    return TokenHead(model.hidden_size, 7, dropout=0.0)


def test_each_language_gets_the_predictions_of_its_own_stack(
    model: AdaptedEncoder, stacks: Stacks, data: TaskData
) -> None:
    head = head_of(model)
    outcomes = {language: test for language, test, _ in transfer(model, head, stacks, data, Under.target)}
    assert list(outcomes) == list(LANGUAGES)
    for language in LANGUAGES:
        if language != "en":
            model.load_adapter(stacks.adapters[language].path, language)
        model.activate(language, TASK_ADAPTER)
        assert evaluate(model, head, data.tests[language], METRICS).predictions == outcomes[language].predictions
    model.activate("en", TASK_ADAPTER)
    source_predictions = evaluate(model, head, data.tests["sw"], METRICS).predictions
    assert source_predictions != outcomes["sw"].predictions


def test_large_batches_change_no_label(model: AdaptedEncoder, data: TaskData) -> None:
    model.activate("en", TASK_ADAPTER)
    evaluation, head, outcomes = data.tests["en"], head_of(model), []
    for subwords in (0, data.scoring_subwords):
        small = evaluation.loader
        loader = BatchLoader(evaluation.windows, 2, small.pad_id, small.seed, shuffle=False, subwords=subwords)
        outcomes.append((len(loader), evaluate(model, head, replace(evaluation, loader=loader), METRICS).predictions))
    assert outcomes[0][0] > outcomes[1][0]
    assert outcomes[0][1] == outcomes[1][1]


def test_only_the_source_adapter_and_the_task_adapter_stay_in_the_model(
    model: AdaptedEncoder, stacks: Stacks, data: TaskData
) -> None:
    for under in MIXTURES:
        for language, _, _ in transfer(model, head_of(model), stacks, data, under):
            assert set(model.configs) == {"en", TASK_ADAPTER}, (under, language)


def test_the_development_sets_of_target_languages_are_scored_and_not_the_sources(
    model: AdaptedEncoder, stacks: Stacks, data: TaskData
) -> None:
    on_dev = {language: dev for language, _, dev in transfer(model, head_of(model), stacks, data, Under.target)}
    assert [language for language, dev in on_dev.items() if dev is not None] == ["ar", "sw"]
    assert len(on_dev["sw"].predictions) == len(data.target_devs["sw"].examples)  # type: ignore[union-attr]


def test_an_adapter_that_was_changed_since_training_began_stops_the_transfer(
    model: AdaptedEncoder, stacks: Stacks
) -> None:
    model.load_adapter(stacks.adapters["sw"].path, "sw")
    enlarge(model, "sw")
    model.save_adapter(stacks.adapters["sw"].path, "sw")
    model.delete_adapter("sw")
    with pytest.raises(UserError, match=r"sw was changed during this run; give the same command again"):
        swap_in(model, stacks, "sw", Under.target)


@pytest.mark.parametrize(
    ("has_language_adapters", "domain", "task_adapter", "names"),
    [
        (True, "", "task", ["sw", "task"]),
        (True, "reviews", "task", ["sw", "domain", "task"]),
        (False, "", "task", ["task"]),
        (False, "", None, []),
    ],
)
def test_a_stack_is_the_language_adapter_then_the_domain_adapter_and_then_the_task_adapter(
    has_language_adapters: bool, domain: str, task_adapter: str | None, names: list[str]
) -> None:
    adapters = {"sw": LanguageAdapter("sw", AdapterKind.noo, AdapterSource.local, "")} if has_language_adapters else {}
    lower = LanguageAdapter("en", AdapterKind.noo, AdapterSource.trained, "", domain) if domain else None
    stacks = Stacks({}, adapters, task_adapter, 8, "", {}, domain=lower)
    assert stacks.names("sw") == names
    assert stacks.names("") == [name for name in names if name != "sw"]


def test_the_domain_adapter_stays_while_the_language_adapter_is_swapped(
    model: AdaptedEncoder, stacks: Stacks, data: TaskData, tmp_path: Path
) -> None:
    """It has a size of its own, and is read from its file once."""
    model.add_adapter(DOMAIN_ADAPTER, AdapterConfig(4))
    enlarge(model, DOMAIN_ADAPTER)
    model.save_adapter(tmp_path / "reviews", DOMAIN_ADAPTER)
    domain = LanguageAdapter("en", AdapterKind.ort, AdapterSource.trained, str(tmp_path / "reviews"), "reviews")
    entries = {**stacks.entries, domain.name: domain.result_entry()}
    stacks = replace(stacks, domain=domain, domain_bottleneck=4, entries=entries)
    batch, by_hand = next(iter(data.tests["sw"].loader)), {}
    for language in LANGUAGES:
        lower = "en" if language == "en" else model.load_adapter(stacks.adapters[language].path, f"{language} by hand")
        model.activate(lower, DOMAIN_ADAPTER, TASK_ADAPTER)
        by_hand[language] = model.encode(batch).hidden
    for language in LANGUAGES[1:]:
        model.delete_adapter(f"{language} by hand")
    model.delete_adapter(DOMAIN_ADAPTER)
    weights = None
    for language, _, _ in transfer(model, head_of(model), stacks, data, Under.target):
        assert set(model.configs) == {"en", DOMAIN_ADAPTER, TASK_ADAPTER}
        weights = weights or model.adapter_modules(DOMAIN_ADAPTER)
        assert all(map(operator.is_, weights.parameters(), model.adapter_modules(DOMAIN_ADAPTER).parameters()))
        swap_in(model, stacks, language, Under.target)
        assert torch.equal(model.encode(batch).hidden, by_hand[language])
        if language != "en":
            model.delete_adapter(language)
    enlarge(model, DOMAIN_ADAPTER)
    model.save_adapter(tmp_path / "reviews", DOMAIN_ADAPTER)
    model.delete_adapter(DOMAIN_ADAPTER)
    with pytest.raises(UserError, match=r"reviews was changed during this run"):
        swap_in(model, stacks, "en", Under.target)


def test_what_is_meant_to_be_under_the_task_adapter_is_there_and_nothing_else(
    model: AdaptedEncoder, stacks: Stacks, data: TaskData
) -> None:
    for language in ("ar", "sw"):
        model.load_adapter(stacks.adapters[language].path, f"{language} by hand")
    model.add_adapter("mean by hand", model.configs["ar by hand"])
    for key, mean in model.adapter_parameters("mean by hand").items():
        ar, sw = (model.adapter_parameters(f"{code} by hand")[key].double().numpy() for code in ("ar", "sw"))
        mean.data = torch.from_numpy((0.25 * ar + 0.75 * sw).astype(np.float32))
    by_hand = {Under.target: ["sw by hand"], Under.source: ["en"], Under.none: [], Under.mean: ["mean by hand"]}
    batch, hidden = next(iter(data.tests["sw"].loader)), []
    for under, lower in by_hand.items():
        model.activate(*lower, TASK_ADAPTER)
        hidden.append(model.encode(batch).hidden)
        swap_in(model, stacks, "sw", under)
        assert torch.equal(model.encode(batch).hidden, hidden[-1]), under
    assert not any(torch.allclose(one, other) for one, other in combinations(hidden, 2))


def test_the_mean_of_one_adapter_or_of_equal_ones_is_that_adapter(model: AdaptedEncoder) -> None:
    model.add_adapter("copy", model.configs["en"])
    for key, parameter in model.adapter_parameters("copy").items():
        parameter.data.copy_(model.adapter_parameters("en")[key])
    for name, weights in {"one": {"en": 1.0}, "equal": {"en": 0.3, "copy": 0.7}}.items():
        average_adapters(model, name, weights)
        for key, parameter in model.adapter_parameters(name).items():
            assert torch.equal(parameter, model.adapter_parameters("en")[key]), (name, key)


def test_adapters_of_other_sizes_have_no_mean(model: AdaptedEncoder) -> None:
    model.add_adapter("narrow", AdapterConfig(4, invertible=True))
    with pytest.raises(UserError, match="'en' and 'narrow' have different sizes"):
        average_adapters(model, "mean", {"en": 0.5, "narrow": 0.5})
