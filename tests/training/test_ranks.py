"""Several ranks train as one process would, end together, and say who is lost."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from small_corpus import small_config
from typer.testing import CliRunner

from s2s.cli import app
from s2s.config.load import dump_config, load_config
from s2s.errors import ConfigError, UsageError
from s2s.jobs.train import train
from s2s.run_folder import RunFolder
from s2s.runtime import set_threads
from s2s.training import ranks as ranks_module
from s2s.training.lifeline import Member
from s2s.training.ranks import Place, Ranks, _SharedStopSignal, together

TESTS = Path(__file__).parent.parent
N = 2


def free_ports(n: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(n)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


class Ranked:
    """Two ranks for each command, from `rank_server.py`."""

    def __init__(self, server: subprocess.Popen[str]) -> None:
        self._server = server

    def start(self, folder: Path, *arguments: str | Path, first: str = "") -> list[int]:
        """Start both; their process numbers. `first` is a function of `rank_script.py` that they call before."""
        request = {"arguments": list(map(str, arguments)), "folder": str(folder), "port": free_ports(1)[0]}
        request["first"] = first
        assert self._server.stdin is not None
        self._server.stdin.write(json.dumps(request) + "\n")
        self._server.stdin.flush()
        return self._answer()

    def _answer(self) -> list[int]:
        assert self._server.stdout is not None
        return [int(number) for number in json.loads(self._server.stdout.readline())]

    def end(self, folder: Path) -> list[tuple[int, str]]:
        """Wait for both; exit code and all that was printed, of each."""
        codes = self._answer()
        return [(code, (folder / f"rank-{number}.txt").read_text("utf-8")) for number, code in enumerate(codes)]


@pytest.fixture(scope="module")
def ranked() -> Iterator[Ranked]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join([str(TESTS.parent), str(TESTS)])}
    with subprocess.Popen(
        [sys.executable, TESTS / "training" / "rank_server.py"],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        yield Ranked(server)
        server.kill()


def config_file(folder: Path, **train: Any) -> Path:
    noise = {"subword_dropout": 0.2, "word_dropout": 0.2}
    # rates that do not depend on how long the run is to be, as its warm-up is less than a tenth of it
    config = small_config(folder, schedule="inverse_sqrt", warmup_steps=1, **noise, **train)
    path = folder / "config.yaml"
    path.write_text(dump_config(config), "utf-8")
    return path


@dataclass
class Found:
    """What `rank_script.py` left: its folder, what each rank found, and how each ended."""

    folder: Path
    by_rank: list[dict[str, Any]]
    ended: list[tuple[int, str]]


@pytest.fixture(scope="module")
def found(ranked: Ranked, tmp_path_factory: pytest.TempPathFactory) -> Found:
    folder = tmp_path_factory.mktemp("ranks")
    config_file(folder)
    ranked.start(folder, "script", folder, *map(str, free_ports(4)))
    ended = ranked.end(folder)
    assert [code for code, _ in ended] == [0, 0], ended
    by_rank = [json.loads((folder / f"found-{number}.json").read_bytes()) for number in range(N)]
    return Found(folder, by_rank, ended)


def test_two_ranks_give_the_gradient_of_one_process(found: Found) -> None:
    for rank in found.by_rank:
        assert len(rank["differences"]) == 2  # one batch a rank, and two
        assert max(rank["differences"]) < 1e-6
        assert rank["sums"] == pytest.approx(rank["expected_sums"], rel=1e-6)
    assert found.by_rank[0]["sums"] == found.by_rank[1]["sums"]


def test_dropout_differs_between_ranks_and_comes_again(found: Found) -> None:
    for rank in found.by_rank:
        first, other, again = rank["dropout"]
        assert first == again != other
    assert not set(found.by_rank[0]["dropout"]) & set(found.by_rank[1]["dropout"])


def test_every_rank_makes_the_same_updates_of_all_batches(found: Found) -> None:
    assert [(rank["updates"], rank["n_batches"]) for rank in found.by_rank] == [(24, N), (24, N)]
    assert [rank["ended"] for rank in found.by_rank] == [[], [0] * 4]  # rank 0 goes on, the others leave each time
    state = json.loads((RunFolder(found.folder / "whole").checkpoint_folder(12) / "state.json").read_bytes())
    assert (state["n_ranks"], state["step"]) == (N, 12)


def test_resumed_equals_never_stopped(found: Found) -> None:
    whole, parts = RunFolder(found.folder / "whole"), RunFolder(found.folder / "parts")
    for name in ("model", "optimizer"):
        tensors = [load_file(run.checkpoint_folder(12) / f"{name}.safetensors") for run in (whole, parts)]
        torch.testing.assert_close(*tensors, rtol=0, atol=0)
    timing = ("seconds", "tokens_per_second")
    measured = [
        [{key: value for key, value in record.items() if key not in timing} for record in run.read_metrics()]
        for run in (whole, parts)
    ]
    assert measured[0] == measured[1]


def test_only_rank_0_writes_and_speaks(found: Found) -> None:
    assert found.by_rank[1]["written"] == []
    assert found.ended[1][1] == ""
    assert "ranks: 2 (2 on " in found.ended[0][1]
    assert "an update takes 2 × 1 = 2 batches of 64 tokens: 128" in found.ended[0][1]
    starts = json.loads(RunFolder(found.folder / "parts").run_json.read_bytes())["starts"]
    assert [len(start["ranks"]) for start in starts] == [2, 2]


def test_another_number_of_ranks_is_refused(found: Found) -> None:
    config = load_config(found.folder / "config.yaml")
    with pytest.raises(ConfigError, match=r"started with 2 ranks, now there is 1\n.*with 2 ranks in all"):
        train(config.model_copy(update={"run": str(found.folder / "whole")}))


def test_a_signal_saves_once_and_a_killed_rank_ends_the_job_by_name(ranked: Ranked, tmp_path: Path) -> None:
    path = config_file(tmp_path, max_steps=100_000, checkpoint_every=10, validate_every=100_000, batch_tokens=256)
    run = RunFolder(tmp_path / "run")
    pids = ranked.start(tmp_path, "train", path, "--device", "cpu")
    wait_for(lambda: bool(run.checkpoints_by_step()))
    for pid in pids:
        os.kill(pid, signal.SIGTERM)
    (code, said), (other_code, other_said) = ranked.end(tmp_path)
    assert (code, other_code, other_said) == (143, 143, "")
    assert said.count("error: stopped by SIGTERM") == 1
    assert said.count("finishing this update") == 1
    stopped_at = run.checkpoints_by_step()[-1][0]
    pids = ranked.start(tmp_path, "train", path, "--device", "cpu")
    wait_for(lambda: run.checkpoints_by_step()[-1][0] > stopped_at)
    os.kill(pids[1], signal.SIGKILL)
    killed_at = time.monotonic()
    (code, said), (other_code, _) = ranked.end(tmp_path)
    assert time.monotonic() - killed_at < 30
    assert (code, other_code) == (71, -9)
    assert f"resuming after update {stopped_at}" in said
    lost = rf"error: rank 1 \(process {pids[1]} on {re.escape(socket.gethostname())}\) is gone"
    assert len(re.findall(lost, said)) == said.count("error") == 1


def test_a_checkpoint_is_not_replaced_before_all_have_read_it(ranked: Ranked, tmp_path: Path) -> None:
    """One that a signal brought about while it was validated is written again after its validation."""
    path = config_file(tmp_path)
    ranked.start(tmp_path, "train", path, "--device", "cpu", first="interrupt_validation")
    assert [code for code, _ in ranked.end(tmp_path)] == [143, 143]
    ranked.start(tmp_path, "train", path, "--device", "cpu", first="read_slowly")
    (code, said), (other_code, _) = ranked.end(tmp_path)
    assert (code, other_code) == (0, 0), said
    assert "resuming after update 5 " in said


def wait_for(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_an_error_of_rank_0_ends_all_and_is_said_once(ranked: Ranked, tmp_path: Path) -> None:
    path = config_file(tmp_path)
    (tmp_path / "train.de").write_text("too short\n")
    ranked.start(tmp_path, "train", path)
    (code, said), (other_code, other_said) = ranked.end(tmp_path)
    assert (code, other_code, other_said) == (65, 65, "")
    assert said.count("error:") == 1
    assert "Traceback" not in said


def test_an_error_of_another_rank_ends_all_and_names_it(ranked: Ranked, tmp_path: Path) -> None:
    path = config_file(tmp_path)
    ranked.start(tmp_path, "train", path, "--set", "train.seed=RANK")
    (code, said), (other_code, other_said) = ranked.end(tmp_path)
    assert (code, other_code, other_said) == (2, 2, "")
    assert re.search(r"error: rank 1 \(process \d+ on .*\) failed: rank 1 has another config", said)
    assert said.count("error:") == 1


@pytest.mark.slow
def test_torchrun_starts_and_ends_it(tmp_path: Path) -> None:
    path = config_file(tmp_path)
    program = "from torch.distributed.run import main; main()"
    command = [sys.executable, "-c", program, "--nproc-per-node", "2", "-m", "s2s", "train", str(path)]
    environment = {**os.environ, "PYTHONPATH": str(TESTS.parent)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "12 updates are done" in done.stderr
    done = subprocess.run(
        [*command[:-2], "evaluate", str(tmp_path / "run")], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert done.stderr.count("s2s evaluate runs in one process, not in 2") == 1


# --- without other processes ----------------------------------------------------------------------------------------


def test_without_torchrun_there_is_one_rank_and_no_distributed_library() -> None:
    program = (
        "import sys, s2s.training.ranks as r\n"
        "with r.together() as ranks:\n    assert (ranks.n, ranks.leads, ranks.members) == (1, True, [])\n"
        "sys.exit('torch' in sys.modules)\n"
    )
    environment = {"PYTHONPATH": str(TESTS.parent), "RANK": "1", "WORLD_SIZE": "2"}  # as a cluster's containers have
    assert subprocess.run([sys.executable, "-c", program], env=environment, check=False).returncode == 0


def test_the_environment_of_torchrun_is_read_and_nonsense_refused() -> None:
    good = {"RANK": "3", "WORLD_SIZE": "4", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2"}
    assert Place.from_environment(good) == Place(3, 4, 1, 2)
    for bad in ({"RANK": "4"}, {"RANK": "x"}, {"LOCAL_WORLD_SIZE": "5"}):
        with pytest.raises(UsageError):
            Place.from_environment({**good, **bad})
    with pytest.raises(UsageError, match="WORLD_SIZE"):
        Place.from_environment({"LOCAL_RANK": "0", "RANK": "0"})


def test_one_rank_of_torchrun_is_no_other_than_none(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"RANK": "0", "WORLD_SIZE": "1", "LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "1"}.items():
        monkeypatch.setenv(name, value)
    with together() as ranks:
        assert ranks.n == 1


def test_ranks_share_devices_and_cores_or_say_why_not(monkeypatch: pytest.MonkeyPatch) -> None:
    ranks = Ranks(Place(1, 2, 1, 2))
    assert ranks.device("cpu") == torch.device("cpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(UsageError, match=r"2 ranks were started on this host, which has 1 CUDA devices"):
        ranks.device("auto")
    with pytest.raises(UsageError, match="would put 2 ranks on one device"):
        ranks.device("cuda:0")
    monkeypatch.setattr("s2s.runtime.n_cores", lambda: 6)
    threads = []
    try:
        for given in ("1", "2"):  # torchrun sets 1 if nobody sets anything
            monkeypatch.setenv("OMP_NUM_THREADS", given)
            threads.append(ranks.set_threads(None))
    finally:
        set_threads(1)
    assert threads == [3, 2]


@pytest.mark.parametrize("command", [["evaluate", "run"], ["translate", "x"], ["train", "x.yaml", "--dry-run"]])
def test_what_one_process_does_is_refused_to_several(command: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"RANK": "0", "WORLD_SIZE": "2", "LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "2"}.items():
        monkeypatch.setenv(name, value)
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 2
    assert "runs in one process, not in 2" in done.stderr
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setattr("s2s.training.ranks.time.sleep", lambda _: None)
    done = CliRunner().invoke(app, command)
    assert (done.exit_code, done.stderr) == (2, "")


class _Center:
    """What a stop signal needs of rank 0's side."""

    def __init__(self) -> None:
        self.lost = threading.Event()
        self.on_signal: Callable[[int, Member], None] | None = None


def test_one_signal_to_all_is_one_however_late_it_is_noted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A system call of rank 0 may take longer than a second signal may be away."""
    monkeypatch.setattr(ranks_module, "_AGAIN_SECONDS", 0.05)
    center = _Center()
    with _SharedStopSignal(center, None) as stop:  # type: ignore[arg-type]
        assert center.on_signal is not None
        center.on_signal(signal.SIGTERM, Member(1, "host", 7))
        time.sleep(0.1)
        os.kill(os.getpid(), signal.SIGTERM)  # which would end these tests
        assert stop.number == signal.SIGTERM
        os.kill(os.getpid(), signal.SIGTERM)  # torchrun sends it again
        said = capsys.readouterr().err
        assert said.startswith("rank 1 (process 7 on host) was sent SIGTERM\nfinishing this update")
        assert said.count("finishing") == 1
        time.sleep(0.1)
        stop._previous[signal.SIGTERM] = lambda *_: (_ for _ in ()).throw(KeyboardInterrupt)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGTERM)  # and this is somebody who does not want to wait


def test_a_handler_and_a_thread_at_once_say_it_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    center = _Center()
    with _SharedStopSignal(center, None) as stop:  # type: ignore[arg-type]
        said: list[str] = []

        def slowly(text: str) -> None:
            said.append(text)
            if len(said) == 1:
                os.kill(os.getpid(), signal.SIGTERM)

        monkeypatch.setattr(ranks_module, "say", slowly)
        assert center.on_signal is not None
        center.on_signal(signal.SIGINT, Member(1, "host", 7))
        assert len(said) == 1
        assert stop.number == signal.SIGINT
