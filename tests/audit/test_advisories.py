"""The audit of packages: an advisory fails it, and a network that is not there does not."""

import json
import sys
from pathlib import Path

import pytest

from tests.audit import advisories

PACKAGES: list[dict[str, object]] = [
    {"name": "a", "version": "1", "vulns": []},
    {"name": "b", "skip_reason": "not found"},
]
WEAKNESS = {"id": "PYSEC-1", "fix_versions": ["2"]}


@pytest.mark.parametrize(
    ("code", "exit_code", "line"),
    [
        (f"print({json.dumps({'dependencies': PACKAGES})!r})", 0, "1 packages audited by pypi, 0 advisories"),
        (
            f"print({json.dumps({'dependencies': [PACKAGES[0] | {'vulns': [WEAKNESS]}]})!r})",
            1,
            "a 1: PYSEC-1, mended in 2\n1 packages audited by pypi, 1 advisories",
        ),
        (
            f"print({json.dumps({'dependencies': PACKAGES[1:]})!r})",
            0,
            "Nothing was audited: pypi: it knows none of the packages; osv: it knows none of the packages",
        ),
        ("raise ConnectionError('x')", 0, "Nothing was audited: pypi: ConnectionError: x; osv: ConnectionError: x"),
        ("raise TypeError('x')", 1, "Nothing was audited: pypi: TypeError: x; osv: TypeError: x"),
    ],
)
def test_an_advisory_fails_and_a_missing_network_does_not(
    code: str,
    exit_code: int,
    line: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "pip_audit.py").write_text(code)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["advisories.py", "folder"])
    assert (advisories.main(), capsys.readouterr().out) == (exit_code, f"{line}\n")
