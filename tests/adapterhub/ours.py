"""Our side of the exchange with the `adapters` library.

python ours.py check DIR: loads what theirs.py wrote and compares
python ours.py write DIR NEW: random adapters and heads on the same backbones, and what we compute, for theirs.py to check
"""

import logging
import shutil
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from orthoadapters import AdaptedEncoder, AdapterConfig
from orthoadapters.model.adapterhub import heads as head_files
from orthoadapters.model.heads import ClassificationHead, MultipleChoiceHead, TaskHead, TokenHead

KINDS: dict[str, type[TaskHead]] = {"pair": ClassificationHead, "tags": TokenHead, "choice": MultipleChoiceHead}
LABELS = {
    "pair": ["entailment", "neutral", "contradiction"],  # a single sentence has the same head
    "tags": ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"],
    "choice": ["first", "second"],  # the two sequences are the alternatives of one question
}


def check(folder: Path) -> float:
    """Returns the largest difference between the library's outputs and ours, over every case in the folder."""
    worst = 0.0
    cases = sorted(path for path in folder.iterdir() if path.is_dir())
    for case in cases:
        expectation = load_file(case / "expected.safetensors")
        ids, mask = expectation["input_ids"], expectation["attention_mask"]
        model = AdaptedEncoder.from_pretrained(str(case / "backbone"))
        assert model.load_adapter(case / "lang") == "lang"
        model.activate("lang")
        outputs = {}
        with torch.no_grad():
            outputs["lang"] = model(ids, mask).hidden
            for name, kind in KINDS.items():
                head, labels = head_files.read(case / name, model)
                assert (type(head), labels) == (kind, LABELS[name])
                assert model.load_adapter(case / name) == name
                model.activate("lang", name)
                outputs[name] = head(model(ids, mask).hidden)
        for name, values in outputs.items():
            real = mask.bool() if name in ("lang", "tags") else ...
            worst = max(worst, (values[real] - expectation[name][real]).abs().max().item())
        print(f"{case.name}: theirs in ours, largest difference so far {worst:.1e}")
    assert cases, folder
    return worst


def write(folder: Path, new: Path) -> None:
    for number, case in enumerate(sorted(path for path in folder.iterdir() if path.is_dir())):
        shutil.copytree(case / "backbone", new / case.name / "backbone")
        torch.manual_seed(1000 + number)
        model = AdaptedEncoder.from_pretrained(str(case / "backbone"))
        hidden = model.hidden_size
        ids, mask = (load_file(case / "expected.safetensors")[name] for name in ("input_ids", "attention_mask"))
        expectation = {"input_ids": ids, "attention_mask": mask}
        width = (None, 5, hidden // 3)[number % 3]
        leave_out = (len(model.sites) - 1,) if case.name.endswith("left-out") else ()
        d_lang = (hidden // 2, 7, hidden // 3)[number % 3]
        model.add_adapter("lang", AdapterConfig(d_lang, number % 4 != 3, width, leave_out))
        _shake(model.adapter_modules("lang"))
        model.save_adapter(new / case.name / "lang", "lang")
        for name, kind in KINDS.items():
            model.add_adapter(name, AdapterConfig(3 + number, leave_out=leave_out))
            head: TaskHead = kind(hidden, len(LABELS[name]), 0.1)
            head.eval()
            _shake(model.adapter_modules(name), head)
            model.save_adapter(new / case.name / name, name)
            head_files.write(new / case.name / name, model, name, head, LABELS[name])
            model.activate("lang", name)
            with torch.no_grad():
                expectation[name] = head(model(ids, mask).hidden)
        save_file(expectation, new / case.name / "expected.safetensors")


def _shake(*modules: torch.nn.Module) -> None:
    """Moves all values far away from those of fresh modules, biases included."""
    with torch.no_grad():
        for module in modules:
            for parameter in module.parameters():
                parameter.add_(0.1 * torch.randn_like(parameter))


if __name__ == "__main__":
    logging.getLogger("orthoadapters").setLevel(logging.ERROR)  # each load says that heads are read apart
    if sys.argv[1] == "check":
        assert check(Path(sys.argv[2])) < 1e-5
    else:
        write(Path(sys.argv[2]), Path(sys.argv[3]))
