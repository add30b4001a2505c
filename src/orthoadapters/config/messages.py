"""Sentences for what Hydra and OmegaConf refuse: the key or value that is wrong, and the nearest right one."""

import difflib
import re
from collections.abc import Sequence

from hydra.errors import MissingConfigException

from orthoadapters.config.keys import OPEN, value_words
from orthoadapters.config.program import shell_command

# Keys of earlier versions, and what takes their place.
FORMER_KEYS = {"udpos": "task.hub_subsets names the subsets of a data set, a language each"}


def sentence(error: Exception, keys: Sequence[str]) -> str:
    """Writes one sentence about a configuration that could not be composed. keys: all that a command line may set.

    It reads the messages of Hydra 1.3 and OmegaConf 2.3, which are no interface: look at it again whenever one of the two
    is upgraded. tests/config/test_compose.py has an example of every sentence. An unknown message is shown as it is.
    """
    text = " ".join(str(part) for part in (error, error.__cause__) if part is not None)
    if isinstance(error, MissingConfigException) and error.missing_cfg_file and error.options is not None:
        group, _, choice = error.missing_cfg_file.rpartition("/")
        hint = f"; without a file: language={choice} language.name=NAME" if group == "language" else ""
        return f"{group} has no '{choice}'{nearest(choice, error.options)}; there are: {', '.join(error.options)}{hint}"
    override = re.search(r"Could not override '([^']+)'", text)
    if override and ("not in struct" in text or "To append" in text or "No match" in text):
        key = override[1]
        if former := FORMER_KEYS.get(key.rpartition(".")[2]):
            return f"there is no key '{key}' any more; {former}"
        if f"{key}.".startswith(OPEN):
            return f"{key} has no such entry yet; a + before the key adds it: +{key}=..."
        return f"there is no key '{key}'{nearest(key, keys)}; `{shell_command('train')} --help` lists the groups"
    full_key = re.search(r"full_key: (\S+)", text)
    file = re.search(r"In '([^']+)'", text)
    where = f" in conf/{file[1]}.yaml" if file else ""
    if full_key and re.search(r"Key '[^']+' (is )?not in", text):
        if former := FORMER_KEYS.get(full_key[1].rpartition(".")[2]):
            return f"there is no key '{full_key[1]}'{where} any more; {former}"
        return f"there is no key '{full_key[1]}'{where}{nearest(full_key[1], keys)}"
    key = full_key[1] if full_key else "the configuration"
    return f"{key}{where}: {_problem(text, key)}"


def _problem(text: str, key: str) -> str:
    """Finds the part of a message that says what is wrong with the value of a key."""
    if "is not Optional" in text:
        return f"it cannot be null; it takes {value_words(key)}"
    if "is not a ListConfig" in text:
        return "it takes a list, such as [VALUE, VALUE]"
    invalid = re.search(r"Invalid value '([^']*)', expected one of \[([^\]]*)\]", text)
    if invalid:
        return f"'{invalid[1]}' is not one of {invalid[2]}{nearest(invalid[1], invalid[2].split(', '))}"
    if name := re.search(r"Key '?(.+?)'? \((\w+)\) is incompatible with \(str\)", text):
        return f"its names are text, and {name[1]} is read as another value; put quotes around it: '{name[1]}'"
    if "NoneType is not a subclass" in text:
        return "null is none of its items; take it out"
    lines = text.splitlines()
    line = next((line for line in lines if "Value" in line or "Invalid" in line), lines[0])
    problem = re.sub(r"^.*?raised while composing config:\s*|^Error merging override \S+\s*", "", line).strip()
    kind = value_words(key) if "could not be converted to" in problem else ""
    return f"{problem}; it takes {kind}" if kind else problem


def nearest(word: str, words: Sequence[str]) -> str:
    """Writes ", did you mean ...?"; nothing if no known word is near. A bare `lr` means optim.lr, mlm.lr and the like."""
    near = [key for key in words if key.rpartition(".")[2] == word]
    near = near or difflib.get_close_matches(word, words, n=1, cutoff=0.5)
    return ", did you mean " + " or ".join(f"'{key}'" for key in near) + "?" if near else ""
