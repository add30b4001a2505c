"""Sentences for what Hydra and OmegaConf refuse: the key or value that is wrong, and the nearest right one."""

import difflib
import re
from collections.abc import Sequence
from pathlib import Path

from hydra.errors import HydraException, MissingConfigException
from omegaconf.errors import OmegaConfBaseException

from orthoadapters.config.keys import OPEN, value_words
from orthoadapters.config.program import shell_command
from orthoadapters.config.yaml_nodes import line_of

# What Hydra and OmegaConf raise for what they do not take; the last one is of a whole number beyond what a float holds.
REFUSALS = (HydraException, OmegaConfBaseException, OverflowError)
# Keys of earlier versions, and what takes their place.
FORMER_KEYS = {"udpos": "task.hub_subsets names the subsets of a data set, a language each"}


def sentence(error: Exception, keys: Sequence[str], folders: Sequence[Path] = (), file: str = "") -> str:
    """Writes one sentence about a configuration that could not be composed.

    keys: all that a command line may set. folders: conf/ and, if there is one, the user's own. file: the one that the
    mistake is in, as GROUP/NAME; empty if the error itself names it.
    It reads the messages of Hydra 1.3 and OmegaConf 2.3, which are no interface: look at it again whenever one of the two
    is upgraded. tests/config/test_compose.py has an example of every sentence. An unknown message is shown as it is.
    """
    text = " ".join(str(part) for part in (error, error.__cause__) if part is not None)
    match = re.search(r"In '([^']+)'", text)
    file = file or (match[1] if match else "")
    full_key = re.search(r"full_key: (\S+)", text)
    place = _place(file, folders, full_key[1] if full_key else "") if file else None
    if isinstance(error, MissingConfigException) and error.missing_cfg_file and error.options is not None:
        group, _, choice = error.missing_cfg_file.rpartition("/")
        hint = f"; without a file: language={choice} language.name=NAME" if group == "language" else ""
        what = f"{group} has no '{choice}'{nearest(choice, error.options)}; there are: {', '.join(error.options)}{hint}"
        return what if file in ("", "config", "hydra/config") else f"{place}: {what}"
    if isinstance(error, MissingConfigException) and error.missing_cfg_file:
        return f"{place}: its defaults name {error.missing_cfg_file}, and there is no such file; write another name"
    if missing := re.search(r"Missing mandatory value: (\S+)", text):
        return missing_sentence(missing[1])
    override = re.search(r"Could not override '([^']+)'", text)
    if override and ("not in struct" in text or "To append" in text or "No match" in text):
        key = override[1]
        if former := FORMER_KEYS.get(key.rpartition(".")[2]):
            return f"there is no key '{key}' any more; {former}"
        axis = key.removeprefix("sweep.axes.")
        if axis != key and "." in axis:
            # A dot in a key of the command line goes one level down, where no axis is.
            return f"the axis of a key with a dot is set by that key alone, without sweep.axes: {axis}=VALUE,VALUE"
        if f"{key}.".startswith(OPEN):
            return f"{key} has no such entry yet; a + before the key adds it: +{key}=..."
        return f"there is no key '{key}'{nearest(key, keys)}; `{shell_command('train')} --help` lists the groups"
    where = f" in {place}" if place else ""
    if full_key and re.search(r"Key '[^']+' (is )?not in", text):
        if former := FORMER_KEYS.get(full_key[1].rpartition(".")[2]):
            return f"there is no key '{full_key[1]}'{where} any more; {former}"
        if full_key[1] in ("suite", "sweep.sweep", "sweep.hydra"):
            return (
                f"{_place(file, folders, '')} sets keys of all groups, so its first line must be: # @package _global_"
            )
        return f"there is no key '{full_key[1]}'{where}{nearest(full_key[1], keys)}"
    key = full_key[1] if full_key else "the configuration"
    problem = _problem(text, key) or "this is no mapping; write KEY: VALUE, one on each line"
    return f"{key}{where}: {problem}"


def missing_sentence(key: str) -> str:
    """Says that a key has no value, and where to give it one."""
    # The code of a language is its file's name, and no override.
    fix = "" if key == "language.code" else f"give it one with {key}=..., or "
    return f"{key} has no value here; {fix}write it into the {key.partition('.')[0]}'s file"


def listing(group: str, names: Sequence[str], own_folder: str | None) -> str:
    """Writes which names the files of a group have: `conf/language/ has ar, de`."""
    where = f"conf/{group}/ has" if own_folder is None else f"conf/{group}/ and {Path(own_folder, group)}/ have"
    return f"{where} {', '.join(names)}"


def _place(name: str, folders: Sequence[Path], key: str) -> str:
    """Writes the path of a file that Hydra names as GROUP/NAME, with the line of the key if it sets it."""
    conf = "multirun_sweeps" if name.startswith("sweep/") else "conf"
    paths = {str(folder / f"{name}.yaml"): folder / f"{name}.yaml" for folder in folders[1:]}
    paths |= {f"{conf}/{name}.yaml": folder.parent / conf / f"{name}.yaml" for folder in folders[:1]}
    for text, path in paths.items():
        if path.exists():
            line = line_of(path, key) if key else None
            return f"{text}, line {line}" if line else text
    return f"{conf}/{name}.yaml"


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
    if name := re.search(r"Interpolation key '(\w+)' not found", text):
        return (
            f"${{{name[1]}}} stands for another key, and there is none; write the whole value, or ${{oc.env:{name[1]}}}"
        )
    if name := re.search(r"Environment variable '(.*?)' not found", text):
        return f"the environment has no variable {name[1]}; set it, or write the value itself"
    if "int too large" in text:
        return "the number is beyond what a float holds; write a smaller one"
    if "NoneType is not a subclass" in text:
        return "null is none of its items; take it out"
    lines = text.splitlines()
    line = next((line for line in lines if "Value" in line or "Invalid" in line), lines[0])
    problem = re.sub(r"^.*?raised while composing config:\s*|^Error merging override \S+\s*", "", line).strip()
    conversion = re.search(r"could not be converted to (Integer|Float)", problem)
    kind = {"Integer": "a whole number", "Float": "a number"}[conversion[1]] if conversion else ""
    kind = "true or false" if "is not a valid bool" in problem else kind
    return f"{problem}; it takes {kind}" if kind else problem


def nearest(word: str, words: Sequence[str]) -> str:
    """Writes ", did you mean ...?"; nothing if no known word is near. A bare `lr` means optim.lr, mlm.lr and the like."""
    near = [key for key in words if key.rpartition(".")[2] == word]
    near = near or [key for key in words if key.lower() == word.lower()]
    near = near or difflib.get_close_matches(word, words, n=1, cutoff=0.5)
    return ", did you mean " + " or ".join(f"'{key}'" for key in near) + "?" if near else ""
