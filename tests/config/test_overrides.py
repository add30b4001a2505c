"""Overrides: any value is written so that Hydra reads the same value, and a sweep's command line names its values."""

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given, settings
from hypothesis import strategies as st

from orthoadapters.config.overrides import override_text, read_axes
from orthoadapters.errors import UserError


@settings(max_examples=50)
@given(st.text(st.characters(exclude_categories=["C", "Z"], include_characters=" '\\\"$"), min_size=1))
def test_any_text_is_written_so_that_hydra_reads_it(text: str) -> None:
    if "${" in text:
        return  # an interpolation, whatever the quotes
    line = override_text("data.root", text)
    assert OverridesParser.create().parse_override(line).value() == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (5e-05, "key=5e-05"),
        (1.0, "key=1.0"),
        (3, "key=3"),
        (True, "key=true"),
        (None, "key=null"),
        ("3", "key='3'"),
        ("a,b", "key='a,b'"),
        (["ar", "tr"], "key=[ar,tr]"),
        ({"sw": "me/sw@c0ffee", "tr": None}, "key={sw:me/sw@c0ffee,tr:null}"),
    ],
)
def test_a_value_keeps_its_type_and_gets_quotes_only_where_it_needs_them(value: object, text: str) -> None:
    assert override_text("key", value) == text


def test_a_value_without_a_text_is_refused() -> None:
    with pytest.raises(UserError, match=r"data.root has the value .* which no command line can give"):
        override_text("data.root", object())


def test_a_sweeps_command_line_names_the_values_of_each_key() -> None:
    axes = read_axes(["sweep=udpos", "variant=t_noo,t_ort", "seed=range(0,3)", "optim.lr=choice(1e-3,5e-5)"])
    assert axes == {
        "sweep": ["sweep=udpos"],
        "variant": ["variant=t_noo", "variant=t_ort"],
        "seed": ["seed=0", "seed=1", "seed=2"],
        "optim.lr": ["optim.lr=0.001", "optim.lr=5e-05"],
    }
    with pytest.raises(UserError, match=r"'optim.lr=interval\(0,1\)' is no list of values; name them: KEY=VALUE,VALUE"):
        read_axes(["optim.lr=interval(0,1)"])
