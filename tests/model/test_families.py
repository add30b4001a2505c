"""The table of families: one row is all that another family of the same layout needs."""

from pathlib import Path

import pytest
import torch
import transformers

from orthoadapters import AdaptedEncoder, AdapterConfig, UserError
from orthoadapters.hub.families import FAMILIES, Family, Layout
from orthoadapters.model.adapterhub import heads as head_files
from orthoadapters.model.heads import TokenHead
from orthoadapters.model.sizes import check_lengths

SIZES = {
    "vocab_size": 50,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": 12,
}
IDS = torch.tensor([[0, 5, 6, 7, 2], [0, 8, 2, 1, 1]])
MASK = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])


def save(family: str, folder: Path) -> Path:
    torch.manual_seed(0)
    special = {f"{name}_token_id": i for i, name in enumerate(("cls", "pad", "sep", "bos", "eos"))}
    config = getattr(transformers, f"{family}Config")(**SIZES, **(special if family == "ModernBert" else {}))
    getattr(transformers, f"{family}Model")(config).save_pretrained(folder)
    return folder


def test_one_row_makes_another_family_of_the_same_layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = save("Camembert", tmp_path / "backbone")
    with pytest.raises(UserError, match=r"of type 'camembert'.* types xlm-roberta, roberta, bert, electra, "):
        AdaptedEncoder.from_pretrained(str(folder))
    monkeypatch.setitem(FAMILIES, "camembert", Family("Camembert", positions_after_padding=True))
    model = AdaptedEncoder.from_pretrained(str(folder))
    reference = transformers.AutoModel.from_pretrained(folder).eval()
    with torch.no_grad():
        expectation = reference(input_ids=IDS, attention_mask=MASK).last_hidden_state
        torch.testing.assert_close(model(IDS, MASK).hidden[MASK.bool()], expectation[MASK.bool()], atol=1e-5, rtol=0)
    model.add_adapter("task", AdapterConfig(4, invertible=True))
    model.save_adapter(tmp_path / "task", "task")
    head_files.write(tmp_path / "task", model, "task", TokenHead(16, 3, 0.1), ["a", "b", "c"])
    assert '"CamembertAdapterModel"' in (tmp_path / "task" / "head_config.json").read_text()
    assert model.load_adapter(tmp_path / "task", "again", with_head=True) == "again"
    assert head_files.read(tmp_path / "task", model)[1] == ["a", "b", "c"]


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_a_sequence_may_be_as_long_as_the_positions_and_no_longer(family: Family, tmp_path: Path) -> None:
    model = AdaptedEncoder.from_pretrained(str(save(family.adapterhub, tmp_path)))
    longest = model.shape.positions
    check_lengths(model.shape.positions, {"task.max_length": longest})
    with torch.no_grad():
        model(torch.full((1, longest), 5))
        # Rotary positions have no end; those of the pretraining are the limit all the same.
        if family.layout is not Layout.modernbert:
            with pytest.raises((IndexError, RuntimeError)):
                model(torch.full((1, longest + 1), 5))
    with pytest.raises(UserError, match=f"task.max_length={longest + 1} is more than the {longest} positions"):
        check_lengths(model.shape.positions, {"task.max_length": longest + 1})


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_an_attention_that_reads_other_masks_is_refused(family: Family, tmp_path: Path) -> None:
    folder = save(family.adapterhub, tmp_path)
    backbone = transformers.AutoModel.from_pretrained(folder, attn_implementation="eager").eval()
    with torch.no_grad():
        expectation = backbone(input_ids=IDS, attention_mask=MASK).last_hidden_state[MASK.bool()]
        if family.layout is not Layout.deberta:
            with pytest.raises(UserError, match=r"attn_implementation='eager', .*attn_implementation=\"sdpa\"\)$"):
                AdaptedEncoder(backbone)
            backbone = transformers.AutoModel.from_pretrained(folder, attn_implementation="sdpa").eval()
        hidden = AdaptedEncoder(backbone).eval()(IDS, MASK).hidden[MASK.bool()]
        torch.testing.assert_close(hidden, expectation, atol=1e-5, rtol=0)
