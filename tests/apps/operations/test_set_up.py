"""What a bare machine goes through before anything is installed."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def set_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """scripts/set_up.py as root, with the programs of ``tmp_path`` first."""
    spec = importlib.util.spec_from_file_location("set_up", ROOT / "scripts" / "set_up.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module.os, "geteuid", lambda: 0)
    monkeypatch.setattr(module.time, "sleep", lambda _s: None)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return module


def _apt_get(folder: Path, *, busy: int, complaint: str) -> Path:
    """An apt-get that fails with ``complaint`` so often, then works; its calls end in the file."""
    calls, program = folder / "calls", folder / "apt-get"
    program.write_text(
        f'#!/bin/sh\necho "$@" >> {calls}\n'
        f"[ $(wc -l < {calls}) -gt {busy} ] || {{ echo '{complaint}' >&2; exit 100; }}\n"
    )
    program.chmod(0o755)
    return calls


def test_another_apt_is_waited_for(set_up: ModuleType, tmp_path: Path) -> None:
    held = "E: Could not get lock /var/lib/apt/lists/lock. It is held by process 1 (apt-get)"
    calls = _apt_get(tmp_path, busy=2, complaint=held)
    set_up.apt("signatures", "xmlsec1")
    said = calls.read_text().splitlines()
    assert [line.split()[2] for line in said] == ["update", "update", "update", "install"]
    assert said[-1] == "-o DPkg::Lock::Timeout=300 install -y xmlsec1"


def test_any_other_failure_of_apt_is_said_at_once(set_up: ModuleType, tmp_path: Path) -> None:
    calls = _apt_get(tmp_path, busy=9, complaint="E: Unable to locate package xmlsec1")
    with pytest.raises(set_up.Fault, match="Unable to locate package"):
        set_up.apt("signatures", "xmlsec1")
    assert len(calls.read_text().splitlines()) == 1


def test_a_set_up_without_the_program_for_saml_goes_on_and_says_so(
    set_up: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(set_up.os, "geteuid", lambda: 1000)
    monkeypatch.setenv("PATH", str(tmp_path))
    set_up._signatures()
    said = capsys.readouterr().err
    assert "Only sign-on by SAML" in said
    assert "sudo apt-get install -y xmlsec1" in said
