"""Small labelled data and text with a rule behind every label, for tests of whole runs."""

import random
from pathlib import Path

from tests.helpers.tiny_tokenizer import save_tiny_tokenizer as save_tiny_tokenizer

NOUNS, VERBS, NAMES = ["dog", "cat", "tree", "river"], ["sees", "takes", "likes"], ["anna", "berta", "carl"]


def write(root: Path) -> None:
    """udpos in en ar tr, panx in en ar sw, xnli in en ar sw (train for en alone), text in en ar sw tr."""
    rng = random.Random(0)
    for task, codes in (("udpos", "en ar tr"), ("panx", "en ar sw"), ("xnli", "en ar sw")):
        for code in codes.split():
            for split, count in (("train", 40), ("dev", 12), ("test", 14)):
                if split != "train" or code == "en":
                    path = root / task / f"{split}-{code}.tsv"
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_text("".join(_example(task, rng) for _ in range(count)))
    (root / "text").mkdir()
    for code in "en ar sw tr".split():
        lines = (" ".join(_words(rng)[0] for _ in range(12)) for _ in range(120))
        (root / "text" / f"{code}.txt").write_text("\n".join(lines) + "\n")


def _words(rng: random.Random) -> tuple[str, str, str]:
    return rng.choice(NOUNS), rng.choice(VERBS), rng.choice(NAMES)


def _example(task: str, rng: random.Random) -> str:
    noun, verb, name = _words(rng)
    if task == "xnli":
        label = rng.choice(["entailment", "neutral", "contradiction"])
        hypothesis = {"entailment": f"{name} {verb} {noun}", "neutral": f"{name} {verb}", "contradiction": f"no {noun}"}
        return f"{name} {verb} {noun}\t{hypothesis[label]}\t{label}\n"
    tags = ("PROPN", "VERB", "NOUN") if task == "udpos" else ("B-PER", "O", "O")
    return "".join(f"{word}\t{tag}\n" for word, tag in zip((name, verb, noun), tags, strict=True)) + "\n"
