"""The model card is written after all training: nothing that a configuration names may stop it."""

from dataclasses import replace
from enum import Enum
from typing import Any, cast

from orthoadapters.config.compose import compose_config
from orthoadapters.config.schema import AdapterSource, Config, CorpusSource
from orthoadapters.data.sources.read import READERS
from orthoadapters.stages.model_card import language_card, task_card


class LaterSource(Enum):
    """Sources that somebody adds later, without a sentence for them in the card."""

    parquet = "parquet"


LATER = cast(Any, LaterSource.parquet)


def card_of_a_task(config: Config) -> str:
    return task_card(config, "c0ffee1", "task", 48, 0.25, 7, 2, {"en": {"accuracy": 0.5}})


def card_of_a_language(config: Config) -> str:
    return language_card(config, "c0ffee1", 384, {"mlm_loss": 1.5, "l_ort": 0.25})


def test_a_card_names_a_source_that_it_has_no_sentence_for() -> None:
    task = compose_config(["task=xnli", "variant=lnoo_tort"])
    assert "| data | data=parquet |" in card_of_a_task(replace(task, data=replace(task.data, source="parquet")))
    adapters = replace(task.language_adapters, source=LATER)
    assert "| NOO, language_adapters.source=parquet |" in card_of_a_task(replace(task, language_adapters=adapters))
    mlm = compose_config(["stage=mlm", "language=sw"])
    assert "| data | corpus=parquet |" in card_of_a_language(replace(mlm, corpus=replace(mlm.corpus, source=LATER)))


def test_a_card_has_a_sentence_for_every_source_of_today() -> None:
    task, mlm = compose_config(["task=xnli", "variant=lnoo_tort"]), compose_config(["stage=mlm", "language=sw"])
    cards = [card_of_a_task(replace(task, data=replace(task.data, source=source))) for source in READERS]
    for source in AdapterSource:
        settings = replace(task.language_adapters, source=source, hub={"en": "OWNER/NAME"})
        cards.append(card_of_a_task(replace(task, language_adapters=settings)))
    cards += [card_of_a_language(replace(mlm, corpus=replace(mlm.corpus, source=source))) for source in CorpusSource]
    for card in cards:
        assert not any(key in card for key in ("data=", "corpus=", "adapters.source=")), card
