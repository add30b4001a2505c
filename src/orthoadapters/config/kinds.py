"""The kinds of tasks: what each one's examples are, and which metrics have a meaning for them.

A kind has one more line in each of two tables: its head, which needs PyTorch, in `model/heads.py`, and how a line of raw
text becomes an example in `labelling/free_text.py`. Everything else follows from what is here.
"""

from dataclasses import dataclass

from orthoadapters.config.schema import TaskKind
from orthoadapters.examples import Choice, Example, Sentence, SentencePair, TaggedSentence


@dataclass(frozen=True)
class Kind:
    """One kind of task.

    example: the type of its examples. plural: what sentences call them. metrics: those that task.metrics may name.
    per_word: whether every word has a label, or the whole example has one.
    """

    example: type[Example]
    plural: str
    metrics: tuple[str, ...]
    per_word: bool = False


KINDS = {
    TaskKind.tagging: Kind(TaggedSentence, "sentences", ("f1", "f1_strict", "accuracy", "macro_f1"), per_word=True),
    TaskKind.sentence_pair: Kind(SentencePair, "pairs", ("accuracy", "macro_f1")),
    TaskKind.sentence: Kind(Sentence, "sentences", ("accuracy", "macro_f1")),
    # The labels of alternatives are their places, and a mean over places has no meaning.
    TaskKind.multiple_choice: Kind(Choice, "questions", ("accuracy",)),
}
