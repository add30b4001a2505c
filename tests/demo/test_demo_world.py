"""The demo world is the same every time, varies as languages do, and its gold labels follow from its grammar."""

import os
import re
import subprocess
import sys
from collections import Counter
from itertools import islice
from pathlib import Path
from random import Random

import pytest
import torch
from transformers import AutoModelForMaskedLM, AutoTokenizer, XLMRobertaForMaskedLM

from orthoadapters.demo import (
    SOURCE,
    UNSEEN_LANGUAGE,
    BackboneRecipe,
    backbone,
    demo_examples,
    demo_text,
    ensure_backbone,
    pretraining,
)
from orthoadapters.demo.concepts import CONNECTIVES, GRAMMAR_WORDS, OPPOSITE, UPOS
from orthoadapters.demo.cooccurrence import piece_vectors
from orthoadapters.demo.grammar import Grammar, surface
from orthoadapters.demo.inference import LABELS, hypothesis
from orthoadapters.demo.languages import LANGUAGES, SEEN_LANGUAGES, attach, lexicon
from orthoadapters.demo.meaning import Clause, Name, Sentence, Thing, some_clause
from orthoadapters.demo.pieces import BOS, EOS, PAD, train_tokenizer
from orthoadapters.demo.tasks import SIZES, TASKS
from orthoadapters.demo.text import linked_statements, pretraining_text
from orthoadapters.errors import UserError
from orthoadapters.examples import SentencePair, TaggedSentence
from tests.helpers.commands import ROOT
from tests.helpers.demo_digest import digest_of_the_world

TINY = BackboneRecipe(
    hidden=32, layers=2, heads=2, pieces=300, passages=60, mixed_passages=60, linked_pairs=40, steps=4, batch=4
)
CONTENT = {"NOUN", "VERB", "ADJ", "ADV", "PROPN", "NUM"}
UNIVERSAL = {"ADJ", "ADP", "ADV", "AUX", "CCONJ", "DET", "INTJ", "NOUN", "NUM", "PART", "PRON", "PROPN", "PUNCT"}
UNIVERSAL |= {"SCONJ", "SYM", "VERB", "X"}
DIGEST = "from tests.helpers.demo_digest import digest_of_the_world; print(digest_of_the_world())"


def glosses(clause: Clause, code: str) -> list[str]:
    return [word.gloss.split("+")[0] for word in Grammar(code).sentence(Sentence((clause,)))]


def test_another_process_with_another_hash_seed_makes_the_same_world() -> None:
    path = os.pathsep.join([str(ROOT), *sys.path])
    environment = {**os.environ, "PYTHONHASHSEED": "4711", "PYTHONPATH": path}
    ran = subprocess.run([sys.executable, "-c", DIGEST], env=environment, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.strip() == digest_of_the_world()


def test_five_languages_source_first_with_codes_for_local_use() -> None:
    assert next(iter(LANGUAGES)) == SOURCE
    assert UNSEEN_LANGUAGE in LANGUAGES
    assert len(LANGUAGES) == 5
    assert all(re.fullmatch("q[a-t][a-z]", code) for code in LANGUAGES)


def test_languages_differ_in_word_order() -> None:
    clause = Clause("love", Thing("dog"), Thing("cat"))
    orders = {code: tuple(g for g in glosses(clause, code) if g in ("dog", "love", "cat")) for code in LANGUAGES}
    assert orders["qsa"] == ("dog", "love", "cat")
    assert orders["qmo"] == ("dog", "cat", "love")
    assert orders["qel"] == ("love", "dog", "cat")


def test_languages_differ_in_morphology() -> None:
    def noun(code: str) -> str:
        clause = Clause("love", Thing("dog"), Thing("cat", plural=True), tense="past")
        return next(w.form for w in Grammar(code).sentence(Sentence((clause,))) if w.gloss.startswith("cat"))

    stems = {code: lexicon(code)["cat"] for code in LANGUAGES}
    assert noun("qsa").startswith(stems["qsa"])
    assert noun("qel").endswith(stems["qel"])
    assert "lar" in noun("qmo") or "ler" in noun("qmo")  # vowel harmony
    assert attach("pik", "-lAr") == "pikler"
    assert attach("pok", "-lAr") == "poklar"
    assert attach("po", "-i") == "poji"


def test_lexicons_share_cognates_most_with_their_relatives() -> None:
    content = [concept for concept, tag in UPOS.items() if tag in ("NOUN", "VERB", "ADJ")]

    def alike(one: str, other: str) -> float:
        a, b = lexicon(one), lexicon(other)
        return sum(a[c][:2] == b[c][:2] for c in content) / len(content)

    assert alike(UNSEEN_LANGUAGE, "qmo") > 2 * alike(UNSEEN_LANGUAGE, "qel")
    assert 0.05 < alike(SOURCE, "qmo") < alike(SOURCE, "qka") < 1.0
    identical = sum(lexicon(UNSEEN_LANGUAGE)[c] == lexicon("qmo")[c] for c in content) / len(content)
    assert identical < 0.75  # close relatives, as the sound changes stand; yet not one language


@pytest.mark.parametrize("code", LANGUAGES)
def test_no_two_concepts_share_a_stem(code: str) -> None:
    assert len(set(lexicon(code).values())) == len(UPOS)


@pytest.mark.parametrize("code", [SOURCE, UNSEEN_LANGUAGE])
def test_text_is_long_and_hardly_repeats(code: str) -> None:
    passages = list(demo_text(code))
    assert sum(len(passage.split()) for passage in passages) > 190_000
    assert len(set(passages)) > 0.999 * len(passages)


@pytest.mark.parametrize("task", TASKS)
def test_splits_are_full_and_disjoint_in_every_language(task: str) -> None:
    for code in LANGUAGES:
        texts = {
            split: [e.words if isinstance(e, TaggedSentence) else e.sequences for e in examples]
            for split in SIZES
            for examples in [demo_examples(task, split, code)]
        }
        assert {split: len(texts_of_split) for split, texts_of_split in texts.items()} == SIZES
        assert len({text for texts_of_split in texts.values() for text in texts_of_split}) == sum(SIZES.values())


@pytest.mark.parametrize("code", LANGUAGES)
def test_xnli_is_balanced(code: str) -> None:
    counts = Counter(e.label for e in demo_examples("xnli", "test", code) if isinstance(e, SentencePair))
    assert set(counts) == set(LABELS) == {"entailment", "neutral", "contradiction"}
    assert max(counts.values()) - min(counts.values()) <= 1


@pytest.mark.parametrize("code", LANGUAGES)
def test_tags_are_valid_and_words_have_no_whitespace(code: str) -> None:
    entities = {"O", *(f"{place}-{kind}" for place in "BI" for kind in ("PER", "ORG", "LOC"))}
    for task, tag_set in (("udpos", UNIVERSAL), ("wikiann", entities)):
        for example in demo_examples(task, "dev", code):
            assert isinstance(example, TaggedSentence)
            assert len(example.words) == len(example.tags)
            assert set(example.tags) <= tag_set
            assert all(word and not re.search(r"\s", word) for word in example.words)


@pytest.mark.parametrize("code", LANGUAGES)
def test_entities_are_iob2_and_the_same_in_every_language(code: str) -> None:
    both = zip(demo_examples("wikiann", "test", code), demo_examples("wikiann", "test", SOURCE), strict=True)
    for example, source in both:
        assert isinstance(example, TaggedSentence)
        assert isinstance(source, TaggedSentence)
        for before, tag in zip(("O", *example.tags), example.tags, strict=False):
            assert not tag.startswith("I-") or before[2:] == tag[2:]
        assert Counter(t for t in example.tags if t != "O") == Counter(t for t in source.tags if t != "O")


def test_the_same_meaning_has_the_same_content_words_in_every_language() -> None:
    rng = Random(7)
    for _ in range(200):
        sentence = Sentence((some_clause(rng),))
        content = [Counter(w.upos for w in Grammar(code).sentence(sentence) if w.upos in CONTENT) for code in LANGUAGES]
        assert all(counts == content[0] for counts in content)


def test_labels_follow_from_meaning() -> None:
    big = Clause("big", Thing("dog"))
    contrary = {hypothesis(big, "contradiction", Random(n)) for n in range(20)}
    assert contrary == {Clause("small", Thing("dog")), Clause("big", Thing("dog"), is_negated=True)}
    rng = Random(3)
    for _ in range(500):
        premise = some_clause(rng)
        consequence, contrary_ = (hypothesis(premise, label, rng) for label in ("entailment", "contradiction"))
        if consequence is not None and consequence.predicate != premise.predicate:
            assert consequence.predicate == OPPOSITE[premise.predicate]
            assert consequence.is_negated
        assert contrary_ is not None
        flips = (contrary_.is_negated != premise.is_negated) + (contrary_.predicate != premise.predicate)
        assert flips + (contrary_.manner not in (premise.manner, None)) == 1


def test_a_denied_premise_entails_nothing_weaker() -> None:
    denial = Clause("love", Thing("dog", adjective="big"), Thing("cat"), manner="often", is_negated=True)
    assert {hypothesis(denial, "entailment", Random(n)) for n in range(30)} <= {
        Clause("love", Thing("dog", adjective="big"), Thing("cat"), manner="often", is_negated=True, passive=passive)
        for passive in (True, False)
    }


def test_names_follow_the_order_of_the_language() -> None:
    clause = Clause("sleep", Name("PER", ("given1", "surname2")))
    assert glosses(clause, "qsa")[:2] == ["given1", "surname2"]
    assert glosses(clause, "qmo")[:2] == ["surname2", "given1"]


def test_the_backbone_never_reads_the_unseen_language() -> None:
    read = {s for text in pretraining_text(TINY.passages, TINY.mixed_passages) for s in text.split(". ")}
    own = {s for text in islice(demo_text(UNSEEN_LANGUAGE), 2000) for s in text.split(". ")}
    read |= {f"{text[:-1]}" for one, _, other in linked_statements(SEEN_LANGUAGES, 2000) for text in (one, other)}
    text_of_source = {s for text in islice(demo_text(SOURCE), TINY.passages) for s in text.split(". ")}
    assert UNSEEN_LANGUAGE not in SEEN_LANGUAGES
    assert not read & own
    assert text_of_source <= read


def test_pieces_with_the_same_neighbours_get_the_same_vectors() -> None:
    rng = Random(5)
    texts = [[rng.choice((10, 11)), 20, rng.choice((12, 13)), 21, 4, rng.choice((14, 15)), 5] for _ in range(3000)]
    vectors = piece_vectors([[BOS, *ids, EOS] for ids in texts], 30, 8)
    alike = vectors @ vectors.T
    for one, other in ((10, 11), (12, 13), (14, 15)):
        others = [alike[one, n] for n in (*range(4, 6), *range(10, 16), 20, 21) if n not in (one, other)]
        assert alike[one, other] > 0.95 > max(others)
    assert not vectors[[BOS, EOS, 25]].any()  # special ones, and one that never occurred
    assert torch.allclose(vectors[10].norm(), torch.tensor(1.0))


def test_a_connective_is_taken_from_between_its_statements() -> None:
    tokenizer = train_tokenizer(pretraining_text(60, 60), 300)
    pairs = list(linked_statements(SEEN_LANGUAGES, 200))
    words = {lexicon(code)[connective]: label for code in SEEN_LANGUAGES for label, connective in CONNECTIVES.items()}
    assert {words[connective] for _, connective, _ in pairs} == set(LABELS)
    for (one, connective, other), (ids, link) in zip(
        pairs, pretraining.linked_windows(pairs, tokenizer, 128), strict=True
    ):
        assert ids == tokenizer.encode(one, other).ids
        assert link == tokenizer.encode(connective, add_special_tokens=False).ids[0] != pretraining.NONE


def test_batches_keep_each_window_with_its_connective() -> None:
    samples = [([BOS, *[7] * n, EOS], pretraining.NONE if n % 2 else 100 + n) for n in range(1, 11)]
    stream = pretraining.batches(samples, 4)
    read = [next(stream) for _ in range(3)]
    rows = [(ids.tolist(), int(link)) for ids_BT, link_B in read for ids, link in zip(ids_BT, link_B, strict=True)]
    assert sorted(([i for i in ids if i != PAD], link) for ids, link in rows) == sorted(samples)


def test_the_unseen_language_has_grammar_words_of_its_own_except_the_negation() -> None:
    cognates = [c for c in GRAMMAR_WORDS if lexicon(UNSEEN_LANGUAGE)[c] == lexicon("qmo")[c]]
    assert len(cognates) <= 0.1 * len(GRAMMAR_WORDS)  # one syllable or two: a few coincide
    assert lexicon(UNSEEN_LANGUAGE)["not"] == lexicon("qmo")["not"]


def test_backbone_is_made_once_loads_and_leaves_torch_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = torch.get_rng_state()
    folder = ensure_backbone(tmp_path, TINY)
    assert torch.equal(before, torch.get_rng_state())
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModelForMaskedLM.from_pretrained(folder)
    assert model.config.model_type == "xlm-roberta"
    assert model.config.architectures == ["XLMRobertaForMaskedLM"]
    assert tokenizer.convert_tokens_to_ids(["<s>", "<pad>", "</s>", "<unk>"]) == [0, 1, 2, 3]
    assert tokenizer.mask_token_id == len(tokenizer) - 1 == model.config.vocab_size - 1
    for code in LANGUAGES:
        text = next(demo_text(code))
        ids = tokenizer(text)["input_ids"]
        assert 3 not in ids
        assert tokenizer.decode(ids, skip_special_tokens=True).replace(" ", "") == text.replace(" ", "")
    pair = tokenizer("a", "b")["input_ids"]
    assert pair[0] == 0
    assert pair.count(2) == 3
    assert pair[-1] == 2
    monkeypatch.setattr(backbone, "pretrain", None)  # a second pretraining would fail
    assert ensure_backbone(tmp_path, TINY) == folder
    assert [path.name for path in tmp_path.iterdir()] == [folder.name]


def test_two_pretrainings_give_equal_weights() -> None:
    with torch.random.fork_rng(devices=[]):
        (one, _), (other, _) = pretraining.pretrain(TINY), pretraining.pretrain(TINY)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


def test_the_layers_above_the_first_give_what_the_model_gives() -> None:
    torch.manual_seed(0)
    model = XLMRobertaForMaskedLM(pretraining.roberta_config(TINY, 300)).eval()
    ids_BT = torch.randint(4, 299, (3, 9))
    ids_BT[1, 5:] = PAD
    with torch.no_grad():
        layers = model.roberta(ids_BT, attention_mask=(ids_BT != PAD).long(), output_hidden_states=True).hidden_states
        first_BH = pretraining.above_the_first_layer(model, layers[1], ids_BT != PAD)
    torch.testing.assert_close(first_BH, layers[-1][:, 0])


def test_an_interrupted_pretraining_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(backbone, "pretrain", interrupt)
    with pytest.raises(KeyboardInterrupt):
        ensure_backbone(tmp_path, TINY)
    assert not list(tmp_path.iterdir())


def test_every_part_of_the_recipe_has_its_own_folder() -> None:
    assert len({backbone.fingerprint(r) for r in (TINY, BackboneRecipe(), BackboneRecipe(seed=2))}) == 3


@pytest.mark.parametrize("arguments", [("ner", "test", "qsa"), ("xnli", "valid", "qsa"), ("xnli", "test", "en")])
def test_what_is_not_there_is_answered_with_what_is(arguments: tuple[str, str, str]) -> None:
    with pytest.raises(UserError, match=r"choose one of: .*(wikiann|dev|qtu)"):
        demo_examples(*arguments)
    with pytest.raises(UserError, match="qtu"):
        demo_text("en")


def test_surface_joins_punctuation_to_the_word_before() -> None:
    words = Grammar(SOURCE).sentence(Sentence((Clause("sleep", Thing("dog")),)))
    assert surface(words) == f"{lexicon(SOURCE)['the']} {lexicon(SOURCE)['dog']} {lexicon(SOURCE)['sleep']}."
