"""The content of a training batch in words, for the sentence that says where numbers went wrong."""

import numpy as np

from orthoadapters.data.modules import MLMData, TaskData
from orthoadapters.examples import TaggedSentence

BEGINNING = 60  # ours: letters, enough to find a sentence by


def batch_content(data: TaskData | MLMData, iteration: int) -> str:
    """Names the examples (or, in the MLM stage, the blocks) of a training batch, and how the first one begins.

    iteration: the batch's number in the whole run, from 1. Examples are counted from 1, in the order in which they are read.
    """
    if isinstance(data, MLMData):
        rows = data.training.members(0, iteration - 1)
        text = str(data.tokenizer.decode(data.blocks[rows[0]], skip_special_tokens=True))
        what = f"blocks of the {data.language.code} text"
    else:
        epoch, position = divmod(iteration - 1, data.batches_per_epoch)
        windows = next(data.train.batches(epoch, position))["index"].numpy()
        rows, code = np.unique(data.train.windows.origin[windows]), data.sources[0].code
        for source in data.sources:
            if rows[0] < len(data.train_sets[source.code]):
                code = source.code
                break
            rows = rows - len(data.train_sets[source.code])
        example = data.train_sets[code][rows[0]]
        text = " ".join(example.words if isinstance(example, TaggedSentence) else example.sequences[0])
        what = f"examples of the {code} training set"
    numbers = ", ".join(str(row + 1) for row in rows.tolist())
    return f"the {what} with the numbers {numbers}, the first of which begins {text[:BEGINNING]!r}"
