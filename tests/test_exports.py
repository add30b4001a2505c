"""What `orthoadapters` itself offers: the names of its manual, and those that published model cards import."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

import orthoadapters
from tests.helpers.commands import ROOT, environment

CASE = ROOT / "tests" / "adapterhub" / "frozen" / "frozen-xlmr"


def test_the_lines_of_a_published_model_card_load_adapter_and_head(monkeypatch: pytest.MonkeyPatch) -> None:
    from orthoadapters import AdaptedEncoder, adapter_hub, head_files

    def download(repo: str, **options: object) -> str:
        assert repo == "OWNER/NAME"
        return str(CASE / "tags")

    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    model = AdaptedEncoder.from_pretrained(str(CASE / "backbone"))
    model.load_adapter("OWNER/NAME", "tags")
    model.activate("tags")
    head, labels = head_files.read(adapter_hub.find("OWNER/NAME"), model)
    with torch.no_grad():
        logits = head(model(torch.tensor([[0, 7, 8, 2]])).hidden)
    assert logits.shape == (1, 4, len(labels))


def test_every_name_that_is_offered_is_there() -> None:
    assert all(hasattr(orthoadapters, name) for name in orthoadapters.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'AdaptedDecoder'"):
        orthoadapters.AdaptedDecoder  # noqa: B018


def test_the_package_alone_loads_no_pytorch() -> None:
    code = "import sys, orthoadapters; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], env=environment()).returncode == 0


def test_the_places_to_look_first_are_there() -> None:
    package = Path(str(orthoadapters.__file__)).parent
    for place in ("adapters.py", "orthogonality.py", "training/alternating.py", "evaluation/transfer.py"):
        assert place in str(orthoadapters.__doc__)
        assert (package / place).exists()
