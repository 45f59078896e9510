"""P10: one process writes to a run folder, a dead one's lock needs no hand, and reading is safe meanwhile."""

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from children import Child, Server
from trainings import Training, differences, essence

from s2s.decoding import bundle as bundle_module
from s2s.decoding.bundle import Bundle, load_bundle, save_bundle

GOLDEN = Path(__file__).parent.parent / "golden" / "model"


def test_of_two_at_once_one_wins(
    server: Server,
    data: Path,
    reference: Training,
    tmp_path: Path,
    size: Callable[[int, int], int],
    measured: Callable[[str, str], None],
) -> None:
    expected = essence(reference.run)
    n_races = size(3, 50)
    for number in range(n_races):
        training = Training(server, tmp_path / str(number), data)
        children = [training.start(), training.start()]
        ended = sorted((child.wait() for child in children), key=lambda done: done.code)
        assert [done.code for done in ended] == [0, 75], [done.stderr for done in ended]
        assert any(f"in use by process {child.pid} on" in ended[1].stderr for child in children)
        assert not differences(essence(training.run), expected)
        shutil.rmtree(training.home)
    measured("P10", f"{n_races} pairs at once: one winner each, the other told who (code 75)")


def test_a_killed_writer_leaves_no_lock(server: Server, data: Path, tmp_path: Path) -> None:
    training = Training(server, tmp_path / "home", data)
    child = training.start()
    lock = training.run / ".lock"
    while not lock.exists() or not lock.read_bytes():
        time.sleep(0.001)
    assert training.go().code == 75
    child.send(9)
    child.wait()
    assert training.go().code == 0


def test_evaluating_beside_a_killed_trainer_harms_nothing(
    server: Server, data: Path, reference: Training, tmp_path: Path
) -> None:
    """Killed as it replaced the model, it leaves the old one under another name."""
    training = Training(server, tmp_path / "home", data)
    shutil.copytree(reference.run, training.run)
    (training.run / "model").rename(training.run / ".old-model")
    files = ["--src", data / "few.en", "--ref", data / "few.de"]
    for run in ("run/model", "run"):
        done = server.s2s("evaluate", run, *files, cwd=training.home)
        assert done.code == 0, done.stderr
        assert not (training.run / "model").exists()
    assert (training.run / "eval" / "few.en" / "scores.json").is_file()
    shutil.rmtree(training.run / "eval" / "few.en")
    (training.run / "eval" / ".lock").unlink(missing_ok=True)
    assert not differences(training.finish(), essence(reference.run))


def test_a_model_is_named_from_within(server: Server, reference: Training) -> None:
    for cwd, name in ((reference.run / "model", "."), (reference.run, "."), (reference.run, "model")):
        done = server.s2s("translate", "--model", name, "one", cwd=cwd)
        assert done.code == 0, done.stderr


def test_a_model_is_found_where_it_was_moved_while_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Being replaced, the old one has another name for a moment, and is the same folder."""
    folder = tmp_path / "model"
    shutil.copytree(GOLDEN, folder)
    whole, moved = bundle_module._load, []

    def load(found: Path, device: str) -> Bundle:
        if not moved:
            moved.append(folder.rename(tmp_path / ".old-model"))
        return whole(found, device)

    monkeypatch.setattr(bundle_module, "_load", load)
    assert load_bundle(tmp_path).facts == load_bundle(GOLDEN).facts
    assert moved


def rewrite(folder: Path, stop: Path) -> None:
    """Save a model over itself until `stop` is there: every other time with other weights."""
    bundle = load_bundle(GOLDEN)
    number = 0
    while not stop.exists():
        for parameter in bundle.transformer.parameters():
            parameter.data.mul_(-1)
        number += 1
        save_bundle(Bundle(**{**vars_of(bundle), "facts": {"number": number % 2}}), folder)
    print(number)


def vars_of(bundle: Bundle) -> dict[str, object]:
    return {name: getattr(bundle, name) for name in Bundle.__dataclass_fields__}


def read(folder: Path, n_times: int) -> None:
    """Load the model again and again; facts and weights have to be of the same saving."""
    first = next(load_bundle(GOLDEN).transformer.parameters())[0, 0].item()
    seen = [0, 0]
    for time_ in range(n_times):
        bundle = load_bundle(folder if time_ % 2 else folder.parent)  # the run is named as often as the model in it
        number = int(bundle.facts["number"])
        weight = next(bundle.transformer.parameters())[0, 0].item()
        assert weight == (-first if number else first)
        seen[number] += 1
    print(json.dumps(seen))


def test_models_are_read_while_they_are_replaced(
    server: Server, tmp_path: Path, size: Callable[[int, int], int], measured: Callable[[str, str], None]
) -> None:
    folder, stop, n_times = tmp_path / "model", tmp_path / "stop", size(40, 2000)
    writer = Child(server, rewrite, (folder, stop))
    while not folder.exists():
        time.sleep(0.01)
    reader = server.call(read, folder, n_times)
    stop.touch()
    n_written = int(writer.wait().stdout)
    assert reader.code == 0, reader.stderr
    seen = json.loads(reader.stdout)
    assert min(seen) > 0
    measured("P10", f"{n_times} loads while the model was replaced {n_written} times: 0 failures")
