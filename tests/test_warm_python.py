"""The helpers that start the tests' commands quickly."""

import pytest

from tests.helpers.warm_child import fork_server_code

CODE = "from multiprocessing.forkserver import main; main(3, 4, [])"


@pytest.mark.parametrize("rest", [[], ["train.py", "seed=0"]], ids=["before 3.14", "3.14"])
def test_a_fork_server_is_known_by_its_code_wherever_it_stands(rest: list[str]) -> None:
    assert fork_server_code(["python", "-E", "-c", CODE, *rest]) == (CODE, rest)


@pytest.mark.parametrize("arguments", [["python", "-m", "multiprocessing.forkserver"], ["python", "-c", "print(1)"]])
def test_other_processes_are_none(arguments: list[str]) -> None:
    assert fork_server_code(arguments) is None
