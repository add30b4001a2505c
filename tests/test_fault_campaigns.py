"""What the fault campaigns choose: which of them a day has, and which files and cases come up."""

import random
from itertools import islice

from tests.faults import campaign, damaged_files, moved
from tests.faults.moves import CASES
from tests.faults.world import first_signals


def test_each_campaign_comes_up_once_in_its_days() -> None:
    for first in (0, 739_582):
        names = [name for day in range(first, first + campaign.PARTS) for name in campaign.of_day(day)]
        assert sorted(names) == sorted(campaign.CAMPAIGNS)


def test_each_file_is_damaged_before_any_is_again_and_names_take_turns() -> None:
    places = ["a/x", "b/x", "c/x", "a/y", "z"]
    for seed in range(9):
        chosen = list(islice(damaged_files.walk(places, random.Random(seed)), 2 * len(places)))
        assert sorted(chosen[:5]) == sorted(chosen[5:]) == sorted(places)
        assert {place[-1] for place in chosen[:3]} == {"x", "y", "z"}
    assert list(damaged_files.walk([], random.Random(0))) == []


def test_each_case_of_a_move_comes_up_with_each_of_its_commands() -> None:
    pairs = [(case.name, command) for case in CASES for command in case.commands]
    assert len({*pairs}) == len(pairs)
    rounds = -(-len(pairs) // moved.A_ROUND)
    chosen = [(case.name, command) for case, command in moved.walk(rounds, random.Random(0))]
    assert {*chosen} == {*pairs}


def test_rounds_begin_with_each_signal_equally_often() -> None:
    for seed in range(4):
        signals = list(islice(first_signals(random.Random(seed)), 20))
        assert {signals.count(one) for one in signals} == {10}
