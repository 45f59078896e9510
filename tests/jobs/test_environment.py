"""`s2s doctor` tells what is there, and what to do where something is amiss."""

import importlib.metadata
import json
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest
from typer.testing import CliRunner

from s2s.cli import app
from s2s.jobs import environment
from s2s.jobs.environment import Finding, as_text, examine_machine
from s2s.runtime import n_cores
from s2s.version import __version__


def advice() -> dict[str, str]:
    return {one.name: one.advice for one in examine_machine() if one.advice}


def test_it_names_versions_devices_and_room() -> None:
    found = json.loads(CliRunner().invoke(app, ["doctor", "--json"]).stdout)
    values = {one["name"]: one["value"] for one in found}
    assert values["s2s"] == __version__
    assert f"{n_cores()} cores" in values["processor"]
    for name in ("python", "torch", "sacrebleu", "bfloat16", "--int8", "search", "--device auto", "disk here"):
        assert values[name]


def test_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("S2S_NATIVE", "OMP_NUM_THREADS", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(environment, "native", lambda: None)
    monkeypatch.setattr(environment, "n_cores", lambda: 64)
    monkeypatch.setattr(environment, "available_memory", lambda: 1000)
    monkeypatch.setattr(environment.shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    found = advice()
    assert {"search", "OMP_NUM_THREADS", "memory", "cuda"} <= set(found)
    assert "gcc" in found["search"]
    monkeypatch.setenv("S2S_NATIVE", "off")
    assert "S2S_NATIVE" in advice()["search"]


def test_a_module_of_another_distribution_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "onnxruntime").mkdir()
    (tmp_path / "onnxruntime" / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))

    def unknown(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(environment.importlib.metadata, "version", unknown)
    found = {one.name: one.value for one in environment._extras()}
    assert found["onnxruntime"] == "there, of unknown version"
    monkeypatch.setattr(environment.importlib.util, "find_spec", lambda name: ModuleSpec(name, None, is_package=True))
    assert all("not installed" in one.value for one in environment._extras())  # a folder as runs have one


def test_advice_stands_below_its_fact() -> None:
    text = as_text([Finding("a", "1"), Finding("long", "2", "do this")])
    assert text.split("\n") == ["a     1", "long  2", "      → do this", "", "1 to look at: →"]
    assert as_text([Finding("a", "1")]).endswith("all is well")
