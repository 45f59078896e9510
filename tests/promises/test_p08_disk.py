"""P8: a disk that is full, or fails, at any moment: one line of explanation, and nothing that was there is lost."""

import errno
import random
import shutil
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from children import FAIL_FROM, FAIL_ONCE, NOTE, ROOT, Server
from trainings import Training, differences, essence

ERRORS = (errno.EDQUOT, errno.EROFS, errno.EIO, errno.EACCES)


def test_the_disk_is_full_from_any_call_on(
    faulty: Server,
    data: Path,
    tmp_path: Path,
    size: Callable[[int, int], int],
    measured: Callable[[str, str], None],
    is_full: bool,
) -> None:
    """Also once only, and with other errors: quota, read-only, input/output, permission."""
    whole = Training(faulty, tmp_path / "whole", data, steps=4, every=2, validate=3)
    log = tmp_path / "calls"
    assert whole.go(fault=whole.fault(NOTE, log=log)).code == 0
    expected = essence(whole.run)
    n_calls = log.read_bytes().count(b"\n")
    random_ = random.Random(4)

    def live(number: int, point: int, kind: int, error: int) -> tuple[int, list[str]]:
        training = Training(faulty, tmp_path / str(number), data, steps=4, every=2, validate=3)
        done = training.go(fault=training.fault(kind, point, error=error))
        what = f"call {point}, {errno.errorcode[error]}"
        wrong = []
        if "Traceback" in done.stderr or done.code not in (0, 73, 74):
            wrong = [f"{what}: code {done.code}: {done.stderr[-300:]}"]
        elif done.code and done.stderr.count("\nerror: ") + done.stderr.startswith("error: ") != 1:
            wrong = [f"{what}: not one message: {done.stderr[-300:]}"]
        wrong += [f"{what}: {name}" for name in differences(training.finish(), expected)]
        shutil.rmtree(training.home)
        return done.code, wrong

    points = list(range(n_calls)) if is_full else random_.sample(range(n_calls), 5)
    tasks = [(point, FAIL_FROM, errno.ENOSPC) for point in points]
    tasks += [
        (random_.randrange(n_calls), random_.choice([FAIL_ONCE, FAIL_FROM]), random_.choice(ERRORS))
        for _ in range(size(3, 150))
    ]
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda task: live(task[0], *task[1]), enumerate(tasks)))
    wrong = [text for _, texts in found for text in texts]
    n_failed = sum(code != 0 for code, _ in found)
    measured(
        "P8",
        f"disk full from each of {len(points)} calls on, {len(tasks) - len(points)} other errors:"
        f" {n_failed} trainings stopped, {len(wrong)} without a message or with a difference",
    )
    assert not wrong
    assert n_failed > len(tasks) / 3


def test_a_real_full_disk(server: Server, data: Path, tmp_path: Path, measured: Callable[[str, str], None]) -> None:
    """A file system of 1 MiB, where this machine lets users mount one."""
    training = Training(server, tmp_path / "home", data)
    disk = tmp_path / "disk"
    disk.mkdir()
    command = (
        f"mount -t tmpfs -o size=300k none {disk} && cd {training.home} && PYTHONPATH={ROOT} OMP_NUM_THREADS=1"
        f" python -m s2s train config.yaml --set run={disk}/run; code=$?; ls {disk}/run/checkpoints >&2; exit $code"
    )
    import sys

    command = command.replace("python -m", f"{sys.executable} -m")
    if shutil.which("unshare") is None or subprocess.run(["unshare", "-rm", "true"], check=False).returncode:
        pytest.skip("unshare -rm does not work here")
    done = subprocess.run(["unshare", "-rm", "bash", "-c", command], capture_output=True, text=True, check=False)
    assert done.returncode == 74, done.stderr
    assert "No space left on device" in done.stderr
    assert "Free some space" in done.stderr
    assert "Traceback" not in done.stderr
    measured("P8", "a real file system without space: code 74, its path and what to do")
