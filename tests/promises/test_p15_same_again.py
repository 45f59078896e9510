"""P15, P16: the same config and seed give the same bits; what was trained once translates the same for ever."""

import json
import platform
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from children import Server
from small_corpus import small_config
from trainings import Training, differences, essence

GOLDEN = Path(__file__).parent.parent / "golden"
N_STEPS = 50


def test_the_same_again_gives_the_same_bits(
    server: Server,
    data: Path,
    reference: Training,
    tmp_path: Path,
    size: Callable[[int, int], int],
    measured: Callable[[str, str], None],
) -> None:
    expected = essence(reference.run)
    n_times = size(2, 10)
    for number in range(n_times):
        assert not differences(Training(server, tmp_path / str(number), data).finish(), expected)
    other = Training(server, tmp_path / "other", data)
    assert other.go(["--set", "train.seed=8"]).code == 0
    assert "checkpoints/step-000012/model.safetensors" in differences(essence(other.run), expected)
    measured("P15", f"{n_times} trainings of one seed: {n_times} times the same bits in every file")


def test_two_workers_give_the_same_bits_again(server: Server, data: Path, tmp_path: Path) -> None:
    more = ["--threads", "2", "--set", "train.batch_tokens=1024"]
    sums = []
    for number in range(3):
        training = Training(server, tmp_path / str(number), data)
        assert training.go(more).code == 0
        sums.append(essence(training.run))
    assert not differences(sums[0], sums[1])
    assert not differences(sums[0], sums[2])


def losses(folder: Path) -> list[float]:
    """The loss of each of the first updates of a small training in float32, one thread."""
    from s2s.jobs.tokenize import tokenize
    from s2s.jobs.train import new_model
    from s2s.training.checkpoint import TrainingState
    from s2s.training.trainer import Trainer, UpdateReport

    config = small_config(folder, max_steps=N_STEPS, precision="fp32", learning_rate=0.002, warmup_steps=10)
    prepared = tokenize(config)
    model = new_model(config, prepared.vocabularies)
    trainer = Trainer(model, prepared.train, config.train, TrainingState(prepared.fingerprint))
    found: list[float] = []

    class Note:
        """Hooks that do nothing but note the losses."""

        def updated(self, report: UpdateReport) -> None:
            found.append(report.loss)

        def validate(self) -> float:
            return 0.0

        def save(self) -> None:
            pass

        def check_stop(self) -> None:
            pass

    trainer.fit(Note())
    return found


def machine() -> str:
    """On what the bits of a float depend: torch, its build, the processor's instructions."""
    return f"torch {torch.__version__}, {platform.machine()}, {torch.backends.cpu.get_cpu_capability()}, {processor()}"


def processor() -> str:
    """Its name, family and model."""
    file = Path("/proc/cpuinfo")
    lines = file.read_text("utf-8").split("\n") if file.exists() else []
    facts = {line.partition(":")[0].strip(): line.partition(":")[2].strip() for line in lines}
    return ", ".join(facts.get(name, "?") for name in ("model name", "cpu family", "model"))


def test_golden_losses(tmp_path: Path, measured: Callable[[str, str], None]) -> None:
    """A change of any part of training shows here, be it one of rounding; `python tests/golden/make.py` renews them."""
    golden = json.loads((GOLDEN / "losses.json").read_bytes())
    found = losses(tmp_path)
    assert len(found) == N_STEPS
    if machine() == golden["machine"]:
        assert found == golden["losses"]
        measured("P15", f"{N_STEPS} golden losses: equal in every bit")
    else:
        assert found == pytest.approx(golden["losses"], rel=1e-4)
        largest = max(abs(one / other - 1) for one, other in zip(found, golden["losses"], strict=True))
        measured("P15", f"{N_STEPS} golden losses, of another machine: equal to {largest:.1e}")
    assert found[-1] < 0.8 * found[0]


def test_a_stored_model_translates_the_same(measured: Callable[[str, str], None]) -> None:
    from s2s.decoding.translator import Translator

    pairs = json.loads((GOLDEN / "translations.json").read_bytes())
    assert Translator.load(GOLDEN / "model", "cpu").translate([source for source, _ in pairs]) == [
        one for _, one in pairs
    ]
    measured("P16", f"a stored model: {len(pairs)} of {len(pairs)} translations as ever")
