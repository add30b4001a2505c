"""The tokenizer in a backbone's folder, as its files show it: whether it is there, and fits the embedding matrix."""

import json
from importlib.util import find_spec
from pathlib import Path

from orthoadapters.errors import UserError
from orthoadapters.files import check_content, read_json
from orthoadapters.hub.backbone_config import wrong_value
from orthoadapters.hub.backbones import TOKENIZER_FILES
from orthoadapters.hub.families import FAMILIES

FIX = "save the tokenizer there again"
# The classes of transformers, by version, whose tokenizers have nothing but what is in their files.
PLAIN_CLASSES = ("PreTrainedTokenizerFast", "TokenizersBackend")


def check_tokenizer(folder: Path) -> None:
    """Raises UserError if the folder has no tokenizer, or if something lies in the place of one of its files."""
    if not folder.is_dir():
        raise UserError(f"there is no folder {folder}; a tokenizer is read from the backbone's folder")
    paths = [folder / name for name in TOKENIZER_FILES if (folder / name).is_file()]
    if not paths:
        raise UserError(
            f"no tokenizer in {folder} (looked for {', '.join(TOKENIZER_FILES)}); "
            "save the backbone's tokenizer into that folder, for instance with tokenizer.save_pretrained"
        )
    for path in paths:
        check_content(path)
    if [path.name for path in paths] == ["spm.model"] and find_spec("sentencepiece") is None:
        raise UserError(
            f"the tokenizer in {folder} is a SentencePiece model alone (spm.model), which is read with the package "
            "sentencepiece: pip install 'orthoadapters[sentencepiece]'"
        )


def check_special_tokens(folder: Path) -> None:
    """Raises UserError if the files show that the tokenizer has no pad token, or puts no <s> and </s> around a text.

    A tokenizer of a family's own class has these from its class. `load_tokenizer` looks at the tokenizer itself.
    """
    files = [folder / name for name in ("tokenizer.json", "special_tokens_map.json", "tokenizer_config.json")]
    tokenizer, special, config = (read_json(path, FIX) if path.is_file() else {} for path in files)
    if config.get("tokenizer_class") not in PLAIN_CLASSES or not tokenizer:
        return
    if (special | config).get("pad_token") is None:
        raise UserError(without_pad_token(folder))
    if tokenizer.get("post_processor") is None:
        raise UserError(without_ends(folder))


def without_pad_token(folder: Path | str) -> str:
    """Writes the sentence for a tokenizer without a pad token."""
    return (
        f"the tokenizer in {folder} has no pad token, and batches are padded; name it in tokenizer_config.json, such as "
        '"pad_token": "<pad>"'
    )


def without_ends(folder: Path | str) -> str:
    """Writes the sentence for a tokenizer that puts nothing around a text."""
    return (
        f"the tokenizer in {folder} puts no special tokens such as <s> and </s> around a text, as every backbone's own does; "
        "bring back the tokenizer.json that belongs to it (post_processor)"
    )


def check_vocabulary(folder: Path, highest: int) -> None:
    """Raises UserError if the tokenizer's highest id has no row in the embedding matrix of the folder's backbone."""
    path = folder / "config.json"
    rows = read_json(path).get("vocab_size") if path.is_file() else None
    if isinstance(rows, int) and highest >= rows:
        raise UserError(
            f"the tokenizer in {folder} has {highest + 1} entries and the embedding matrix {rows} rows (vocab_size in "
            f"config.json); save the model there after model.resize_token_embeddings({highest + 1}), or the tokenizer that "
            "belongs to it"
        )


def check_padding(folder: Path, padding: int | None = None) -> None:
    """Raises UserError if the backbone counts its positions from another padding id than the tokenizer's.

    Every word would have another position than it was pretrained with, and nothing would say so. padding: the tokenizer's; by
    default what its JSON files say.
    """
    path = folder / "config.json"
    fields = read_json(path) if path.is_file() else {}
    family = FAMILIES.get(fields.get("model_type", ""))
    if family is None or not family.positions_after_padding:
        return
    padding = _padding_id(folder) if padding is None else padding
    if padding is not None and fields.get("pad_token_id", padding) != padding:
        what = f"{padding}, the tokenizer's padding id, as positions are counted from it"
        fix = "bring back the config.json and the tokenizer that belong to these weights"
        raise UserError(wrong_value(path, fields, "pad_token_id", what, fix))


def _padding_id(folder: Path) -> int | None:
    """Reads the padding id from the tokenizer's JSON files, without loading it; None if they do not tell.

    It expects a tokenizer.json in which `highest_id` found its ids.
    """
    files = [folder / name for name in ("tokenizer.json", "special_tokens_map.json", "tokenizer_config.json")]
    tokenizer, special, config = (read_json(path, FIX) if path.is_file() else {} for path in files)
    # The classes of the families that count positions from it name it so where no file does.
    token = (special | config).get("pad_token") or "<pad>"
    content = token.get("content") if isinstance(token, dict) else token
    ids = [one["id"] for one in tokenizer.get("added_tokens") or [] if one.get("content") == content]
    return ids[0] if len(ids) == 1 and type(ids[0]) is int else None


def highest_id(folder: Path) -> int | None:
    """Reads the highest id from the tokenizer's JSON files, without loading it; None if there is no tokenizer.json.

    Raises UserError if one of them is not what it should be.
    """
    path = folder / "tokenizer.json"
    if not path.is_file():
        return None
    tokenizer = read_json(path, FIX)
    try:
        vocabulary = tokenizer["model"]["vocab"]
        # A list numbers its pieces (Unigram), a dictionary gives each its id (WordPiece, BPE).
        ids = [len(vocabulary) - 1] if isinstance(vocabulary, list) else list(vocabulary.values())
        ids += [token["id"] for token in tokenizer.get("added_tokens") or []]
        return max(int(one) for one in ids + _added_ids(folder))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(f"{path} has no vocabulary ({json.dumps(str(error))}); {FIX}") from None


def _added_ids(folder: Path) -> list[object]:
    """Reads the ids of the tokens that were added to a tokenizer, from the two files that may name them."""
    files = (folder / "added_tokens.json", folder / "tokenizer_config.json")
    additions, config = (read_json(path, FIX) if path.is_file() else {} for path in files)
    return [*additions.values(), *(config.get("added_tokens_decoder") or {})]
