"""The backbone's tokenizer, and the facts about it that windows and blocks need."""

import hashlib
from pathlib import Path

from transformers import AutoTokenizer, PreTrainedTokenizerBase, PreTrainedTokenizerFast

from orthoadapters.errors import UserError, first_line, is_of_memory
from orthoadapters.hub.backbone_config import check_loading
from orthoadapters.hub.vocabulary import (
    check_padding,
    check_tokenizer,
    check_vocabulary,
    without_ends,
    without_pad_token,
)


def load_tokenizer(path: str, *, needs_mask: bool = False) -> PreTrainedTokenizerFast:
    """Loads the fast tokenizer of a folder, such as `backbone_path` gives.

    Raises UserError if there is none, if config.json beside it cannot be used, if it has no fast form, no vocabulary or more
    entries than the backbone has embeddings, no pad token or another than the backbone's positions are counted from, nothing
    to put around a text, or (needs_mask) no mask token.
    """
    folder = Path(path).expanduser()
    check_tokenizer(folder)
    check_loading(folder)
    try:
        tokenizer = AutoTokenizer.from_pretrained(str(folder), local_files_only=True, trust_remote_code=False)
        # A first call finds values of wrong types in its configuration.
        tokenizer("a", return_special_tokens_mask=True)
    except Exception as error:
        if is_of_memory(error):
            raise
        # Of a damaged tokenizer.json, the library says so by exceptions of many types, Exception itself among them.
        raise UserError(f"could not load the tokenizer of {path}: {first_line(error)}; save it there again") from error
    if not isinstance(tokenizer, PreTrainedTokenizerFast):
        raise UserError(f"the tokenizer of {path} is not a fast one; save a tokenizer.json beside the model")
    if len(tokenizer) <= len(set(tokenizer.all_special_ids)):
        raise UserError(f"the tokenizer of {path} has no vocabulary; its tokenizer files are missing or empty")
    check_vocabulary(folder, max(tokenizer.get_vocab().values()))
    if tokenizer.pad_token_id is None:
        raise UserError(without_pad_token(path))
    check_padding(folder, tokenizer.pad_token_id)
    if tokenizer.num_special_tokens_to_add() == 0:
        raise UserError(without_ends(path))
    if needs_mask and tokenizer.mask_token_id is None:
        raise UserError(
            f"the tokenizer of {path} has no mask token; stage=mlm needs a masked language model as backbone"
        )
    return tokenizer


def special_ends(tokenizer: PreTrainedTokenizerBase) -> tuple[list[int], list[int]]:
    """Finds the special ids before and after a single sequence in the tokenizer's own template (XLM-R: <s>, </s>)."""
    encoding = tokenizer("a", return_special_tokens_mask=True)
    ids, special = encoding["input_ids"], encoding["special_tokens_mask"]
    content = [position for position, is_special in enumerate(special) if not is_special]
    return ids[: content[0]], ids[content[-1] + 1 :]


def fingerprint(tokenizer: PreTrainedTokenizerFast) -> str:
    """Hashes all that decides how text is cut. Truncation and padding, which earlier calls may have set, are undone."""
    backend = tokenizer.backend_tokenizer
    backend.no_truncation()
    backend.no_padding()
    return hashlib.sha256(backend.to_str().encode()).hexdigest()
