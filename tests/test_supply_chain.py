"""What s2s is built on: no floor below a known advisory, and an audit that would tell."""

import tomllib
from pathlib import Path

import pytest
from audit import verdict
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]

# the first release without it
ADVISORIES = {
    "torch": ("2.10", "CVE-2025-32434, CVE-2026-24747: code execution by torch.load even with weights_only"),
    "sentencepiece": ("0.2.2", "CVE-2026-1260, and crashes by signal on a damaged model"),
    "ctranslate2": ("4.8.1", "heap overflow on a crafted model"),
    "onnx": ("1.21", "CVE-2026-27489, CVE-2026-34446, CVE-2026-34447: files outside of a model's folder are read"),
    "tqdm": ("4.66.3", "CVE-2024-34062: code execution by arguments of its command line"),
    "markdown-it-py": ("2.2", "CVE-2023-26302, CVE-2023-26303: denial of service"),
    "pyyaml": ("5.4", "CVE-2020-14343: code execution by full_load"),
    "pydantic": ("2.4", "CVE-2024-3772: denial of service by a regular expression"),
    "numpy": ("1.22", "CVE-2021-41495, CVE-2021-41496"),
    "transformers": ("4.53", "CVE-2025-6638 and others: denial of service by regular expressions"),
    "datasets": ("4.0", "loading scripts, which ran code of the dataset"),
}


def floors() -> dict[str, Version]:
    extras = [one for group in PROJECT["optional-dependencies"].values() for one in group]
    found = {}
    for requirement in map(Requirement, [*PROJECT["dependencies"], *extras]):
        lowest = [Version(one.version) for one in requirement.specifier if one.operator == ">="]
        if lowest:
            found[requirement.name.lower()] = lowest[0]
    return found


@pytest.mark.parametrize("package", sorted(ADVISORIES))
def test_no_floor_is_below_an_advisory(package: str) -> None:
    fixed, what = ADVISORIES[package]
    assert floors()[package] >= Version(fixed), what


def test_pins_keep_the_floors() -> None:
    lowest = floors()
    for line in (ROOT / "constraints.txt").read_text("utf-8").split("\n"):
        if "==" in line:
            name, _, version = line.partition("==")
            assert Version(version) >= lowest.get(name.lower(), Version("0")), line


def test_the_audit_tells_what_it_found() -> None:
    clean = {"name": "numpy", "version": "2.4", "vulns": []}
    left_out = {"name": "torch", "skip_reason": "not on the index"}
    bad = {"name": "x", "version": "1", "vulns": [{"id": "CVE-1", "fix_versions": ["2"]}]}
    assert verdict({"dependencies": [clean, left_out]}) == (
        0,
        "advisories: none for 1 packages (1 are not on the index)",
    )
    assert verdict({"dependencies": [left_out]})[1].endswith("no index at hand")
    assert verdict({"dependencies": [clean, bad]}) == (1, "advisories:\nx 1: CVE-1, mended in 2")
