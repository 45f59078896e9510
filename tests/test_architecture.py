"""The house rules that a program can check: layers, imports, loading, and that `--help` is light."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "s2s"

# what may import what: a module imports from lower layers, and within its own room only
LAYERS = [
    {"errors", "paths", "symbols", "version"},
    {"console"},
    {"config", "run_folder", "runtime", "exits", "formats"},
    {"corpus", "model", "scoring"},
    {"training", "decoding", "interop", "doctor"},
    {"report", "serving"},
    {"jobs"},
    {"cli"},
]
LAYER_OF = {room: number for number, rooms in enumerate(LAYERS) for room in rooms}


def modules() -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        yield path, ast.parse(path.read_text("utf-8"))


def room_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return parts[0]


def imports(tree: ast.Module) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names] if node.module == "s2s" else [node.module]
            yield from ((name, node.lineno) for name in names)


def test_every_room_has_its_layer() -> None:
    rooms = {room_of(path) for path, _ in modules()} - {"__init__", "__main__"}
    assert rooms == set(LAYER_OF)


def test_imports_point_down_and_never_sideways() -> None:
    wrong = []
    for path, tree in modules():
        room = room_of(path)
        if room in ("__init__", "__main__"):
            continue
        for name, line in imports(tree):
            if not name.startswith("s2s."):
                continue
            other = name.split(".")[1]
            if other != room and LAYER_OF[other] >= LAYER_OF[room]:
                wrong.append(f"{path.relative_to(ROOT)}:{line} imports {name}")
    assert not wrong


def test_the_model_imports_torch_and_itself_alone() -> None:
    allowed = ("torch", "s2s.model", "math", "dataclasses", "typing", "collections")
    for path, tree in modules():
        if room_of(path) == "model":
            foreign = [name for name, _ in imports(tree) if not name.startswith(allowed)]
            assert not foreign, f"{path.name} imports {foreign}"


def test_nothing_loads_what_could_run_code() -> None:
    forbidden = {"pickle", "marshal", "shelve", "tarfile", "zipfile", "dill", "joblib"}
    calls = {"eval", "exec", "compile", "__import__"}
    attributes = {
        *(("torch", name) for name in ("load", "save", "hub")),
        *(("yaml", name) for name in ("load", "load_all", "unsafe_load", "full_load", "Loader", "UnsafeLoader")),
        *(("os", name) for name in ("system", "popen", "execv", "execvp")),
        *((numpy, name) for numpy in ("np", "numpy") for name in ("load", "fromregex")),
        *(("shutil", name) for name in ("unpack_archive",)),
        *(("tempfile", name) for name in ("mktemp",)),
        *(("ssl", name) for name in ("_create_unverified_context",)),
    }
    arguments = {("shell", True), ("allow_pickle", True), ("weights_only", False), ("trust_remote_code", True)}
    wrong = []
    for path, tree in modules():
        for node in ast.walk(tree):
            place = f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"
            if isinstance(node, ast.Call):
                function = node.func
                if isinstance(function, ast.Name) and function.id in calls:
                    wrong.append(f"{place} calls {function.id}")
                said = {(one.arg, one.value.value) for one in node.keywords if isinstance(one.value, ast.Constant)}
                wrong += [f"{place} says {name}={value}" for name, value in said & arguments]
                if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
                    if (function.value.id, function.attr) in attributes:
                        wrong.append(f"{place} calls {function.value.id}.{function.attr}")
                    if function.attr == "splitlines":  # it also splits at U+2028 and others
                        wrong.append(f"{place} calls splitlines")
        wrong += [f"{path.name}:{line} imports {n}" for n, line in imports(tree) if n.split(".")[0] in forbidden]
    assert not wrong


@pytest.mark.parametrize(
    "command",
    [["--help"], ["--version"], ["train", "--help"], ["train", "no-such-file.yaml"], ["translate", "--beam", "0"]],
)
def test_light_answers_leave_heavy_libraries_alone(command: list[str], tmp_path: Path) -> None:
    program = (
        "import sys, s2s.cli\n"
        "try:\n    s2s.cli.main()\n"
        "except SystemExit:\n    pass\n"
        "heavy = {'torch', 'datasets', 'pyarrow', 'pandas', 'numpy', 'sentencepiece', 'sacrebleu'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *command],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr


def test_a_bad_config_leaves_torch_alone(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("run: x\ntrian: {}\n")
    program = (
        "import sys, s2s.cli\n"
        "try:\n    s2s.cli.main()\n"
        "except SystemExit as leaving:\n    code = leaving.code\n"
        "sys.exit(1 if 'torch' in sys.modules else code)\n"
    )
    command = [sys.executable, "-c", program, "train", str(tmp_path / "bad.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, env={"PYTHONPATH": str(ROOT)}, check=False)
    assert done.returncode == 78, done.stderr
    assert "did you mean train" in done.stderr


def test_files_stay_small() -> None:
    long = {str(path.relative_to(ROOT)): n for path, _ in modules() if (n := path.read_text("utf-8").count("\n")) > 400}
    assert not long, "a file is one idea"
