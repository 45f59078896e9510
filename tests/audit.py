"""Looks up the installed packages in the advisories of the Python Package Index, where that can be reached.

    python tests/audit.py

Exit code 1 if one is known to be vulnerable. Without an index at hand it says so, and is content.
"""

import json
import subprocess
import sys
import tempfile
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

ACCEPTED: dict[str, str] = {}
"""Advisories that do not concern s2s, by their number, with the reason."""


def installed() -> str:
    """The packages of this environment as requirements, by their public versions."""
    found = {found.metadata["Name"]: found.version.partition("+")[0] for found in distributions()}
    return "".join(f"{name}=={version}\n" for name, version in sorted(found.items()) if name != "s2s")


def verdict(report: dict[str, Any]) -> tuple[int, str]:
    """Exit code and message for what pip-audit reports."""
    looked_up = [entry for entry in report["dependencies"] if "vulns" in entry]
    open_ = [
        f"{entry['name']} {entry['version']}: {found['id']}, mended in {' '.join(found['fix_versions']) or 'none'}"
        for entry in looked_up
        for found in entry["vulns"]
        if found["id"] not in ACCEPTED
    ]
    if open_:
        return 1, "\n".join(["advisories:", *open_])
    if not looked_up:
        return 0, "advisories: not looked up, no index at hand"
    n_left = len(report["dependencies"]) - len(looked_up)
    left = f" ({n_left} are not on the index)" if n_left else ""
    return 0, f"advisories: none for {len(looked_up)} packages{left}"


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        requirements = Path(folder) / "requirements.txt"
        requirements.write_text(installed(), "utf-8")
        command = [sys.executable, "-m", "pip_audit", "-r", requirements, "--no-deps", "--disable-pip", "-f", "json"]
        done = subprocess.run([*command, "--progress-spinner", "off"], capture_output=True, text=True, check=False)
    try:
        code, text = verdict(json.loads(done.stdout))
    except ValueError:  # it could not even ask
        reason = done.stderr.strip().rpartition("\n")[2]
        code, text = 0, f"advisories: not looked up, no index at hand ({reason})"
    print(text)
    return code


if __name__ == "__main__":
    sys.exit(main())
