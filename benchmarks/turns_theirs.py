"""The side of `adapters` in benchmarks/against_adapters.py: python turns_theirs.py mlm|TASK [PAD]

It trains as that library's own scripts do: a loss over all logits, Adam, clipping, batches in random order. PAD: the length
to which batches are padded; without it, the longest of the batch. Runs in the environment of `make test-adapterhub`.
"""

import sys

import adapters
import torch
from adapters.composition import Stack
from torch import Tensor
from transformers import (
    XLMRobertaConfig,
    XLMRobertaForMaskedLM,
    XLMRobertaForSequenceClassification,
    XLMRobertaForTokenClassification,
)
from turns import (
    BATCH,
    BLOCKS,
    BOTTLENECKS,
    HEADS,
    HIDDEN,
    INTERMEDIATE,
    LABELS,
    LAYERS,
    MASKED,
    POSITIONS,
    VOCABULARY,
    answer,
    lengths,
    seconds_of,
    wait_for_turn,
)

SPECIAL = 5  # ours: ids below this, and the last one, count as special subwords, as on the other side
LR = 1e-4  # ours: any rate; the time does not depend on it


def random_model(kind: str) -> torch.nn.Module:
    """Draws XLM-R base with a language adapter that is trained, or with a task adapter on top of a frozen one."""
    config = XLMRobertaConfig(
        vocab_size=VOCABULARY,
        hidden_size=HIDDEN,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        intermediate_size=INTERMEDIATE,
        max_position_embeddings=POSITIONS,
        type_vocab_size=1,
        num_labels=LABELS.get(kind, 2),
    )
    classes = {"mlm": XLMRobertaForMaskedLM, "xnli": XLMRobertaForSequenceClassification}
    model = classes.get(kind, XLMRobertaForTokenClassification)(config)
    adapters.init(model)
    model.add_adapter("language", config=adapters.SeqBnInvConfig(reduction_factor=HIDDEN / BOTTLENECKS["language"]))
    if kind == "mlm":
        model.train_adapter("language")
        return model.train()
    model.add_adapter("task", config=adapters.SeqBnConfig(reduction_factor=HIDDEN / BOTTLENECKS["task"]))
    model.train_adapter(Stack("language", "task"))
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(".adapters.task." in name or name.startswith("classifier"))
    model.set_active_adapters(Stack("language", "task"))
    return model.train()


def random_batch(kind: str, step: int, pad: int | None, generator: torch.Generator) -> dict[str, Tensor]:
    """Draws a batch of masked blocks, or of rows with the lengths of a training set."""
    if kind == "mlm":
        ids = torch.randint(SPECIAL, VOCABULARY - 1, BLOCKS, generator=generator)
        is_masked = torch.rand(ids.shape, generator=generator) < MASKED
        labels = ids.masked_fill(~is_masked, -100)
        ids = ids.masked_fill(is_masked, VOCABULARY - 1)
        return {"input_ids": ids, "attention_mask": torch.ones_like(ids), "labels": labels}
    all_lengths, size = torch.from_numpy(lengths(kind)), BATCH[kind]
    rows = all_lengths[(step * size + torch.arange(size)) % len(all_lengths)]
    width = pad or int(rows.max())
    mask = (torch.arange(width) < rows[:, None]).long()
    ids = torch.randint(SPECIAL, VOCABULARY - 1, mask.shape, generator=generator)
    shape = (size,) if kind == "xnli" else mask.shape
    labels = torch.randint(LABELS[kind], shape, generator=generator)
    return {
        "input_ids": ids,
        "attention_mask": mask,
        "labels": labels if kind == "xnli" else labels.masked_fill(mask == 0, -100),
    }


def main(kind: str, pad: int | None) -> None:
    torch.manual_seed(0)
    model, generator = random_model(kind), torch.Generator().manual_seed(1)
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.Adam(parameters, lr=LR)
    step = 0
    answer(0)
    while wait_for_turn():
        batch = random_batch(kind, step, pad, generator)

        def iteration(batch: dict[str, Tensor] = batch) -> None:
            model(**batch).loss.backward()
            torch.nn.utils.clip_grad_norm_(parameters, 1.0)
            optimizer.step()
            optimizer.zero_grad()

        answer(seconds_of(iteration))
        step += 1


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else None)
