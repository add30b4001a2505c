"""Data sets as their authors release them: a few rows of each form, written here, and read as the task's YAML says."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from orthoadapters.config.checks import check
from orthoadapters.config.compose import compose_config, task_language
from orthoadapters.data.sources.read import read_examples
from orthoadapters.examples import Choice, Example, Sentence, SentencePair, Split, TaggedSentence

Read = Callable[[str, Split, str], list[Example]]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """A function that reads one split of one language as `data=files` does."""

    def read_split(task: str, split: Split, code: str) -> list[Example]:
        config = compose_config([f"task={task}", "data=files", f"data.root={tmp_path}", "variant=t_noo"])
        check(config)
        return read_examples(config.data, config.task, split, task_language(code))

    return read_split


def write(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)


def test_paws_x_has_four_columns_and_names_of_its_own_for_splits(tmp_path: Path, read: Read) -> None:
    header = "id\tsentence1\tsentence2\tlabel\n"
    write(tmp_path / "en" / "train.tsv", header + '1\tThe "North" was won .\tIt " was lost .\t0\n')
    write(tmp_path / "de" / "dev_2k.tsv", header + "1\tEr kam .\tEr ist gekommen .\t1\n")
    write(tmp_path / "de" / "test_2k.tsv", header + "1\tEr kam .\tSie kam .\t0\n")
    assert read("paws_x", "train", "en") == [SentencePair('The "North" was won .', 'It " was lost .', "0")]
    assert read("paws_x", "dev", "de") == [SentencePair("Er kam .", "Er ist gekommen .", "1")]
    assert read("paws_x", "test", "de") == [SentencePair("Er kam .", "Sie kam .", "0")]


def test_xtremes_form_of_paws_x_has_three_columns_and_no_header(tmp_path: Path) -> None:
    write(tmp_path / "pawsx" / "test-de.tsv", "Er kam .\tSie kam .\t0\n")
    config = compose_config(["task=paws_x", "data=xtreme", f"data.root={tmp_path}"])
    examples = read_examples(config.data, config.task, "test", task_language("de"))
    assert examples == [SentencePair("Er kam .", "Sie kam .", "0")]


def test_sib200_has_flores_names_of_languages_and_quotes_of_csv(tmp_path: Path, read: Read) -> None:
    rows = 'index_id\tcategory\ttext\n548\tsports\tMbio ni ndefu.\n12\tscience/technology\t"""Ndiyo,"" alisema."\n'
    write(tmp_path / "swh_Latn" / "test.tsv", rows)
    assert read("sib200", "test", "sw") == [
        Sentence("Mbio ni ndefu.", "sports"),
        Sentence('"Ndiyo," alisema.', "science/technology"),
    ]


def test_xcopa_is_json_lines_whose_question_is_put_into_words(tmp_path: Path, read: Read) -> None:
    row = {"premise": "Mwanamke alistaafu.", "choice1": "Alipokea.", "choice2": "Alilipa.", "idx": 2, "changed": False}
    causes = [row | {"question": "effect", "label": 0}, row | {"question": "cause", "label": 1}]
    write(tmp_path / "sw" / "val.sw.jsonl", "".join(json.dumps(one) + "\n" for one in causes))
    alternatives = ("Alipokea.", "Alilipa.")
    assert read("xcopa", "dev", "sw") == [
        Choice("Mwanamke alistaafu.", "What happened as a result?", alternatives, "0"),
        Choice("Mwanamke alistaafu.", "What was the cause?", alternatives, "1"),
    ]


def test_masakhaner_has_words_and_tags_with_a_space_between_and_conll_2003_as_its_english(
    tmp_path: Path, read: Read
) -> None:
    write(tmp_path / "yor" / "test.txt", 'Luanda B-LOC\n"""" O\n\nọjọ́ B-DATE\n21 I-DATE\n')
    english = "-DOCSTART- -X- -X- O\n\nEU NNP B-NP B-ORG\nrejects VBZ B-VP O\nGerman JJ B-NP B-MISC\n"
    write(tmp_path / "conll_2003_en" / "train.txt", english)
    assert read("masakhaner", "test", "yo") == [
        TaggedSentence(("Luanda", '""""'), ("B-LOC", "O")),
        TaggedSentence(("ọjọ́", "21"), ("B-DATE", "I-DATE")),
    ]
    assert read("masakhaner", "train", "en") == [TaggedSentence(("EU", "rejects", "German"), ("B-ORG", "O", "O"))]
