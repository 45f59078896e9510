"""P3: damage never passes. What is changed, missing, swapped or foreign is refused by name; nothing crashes by it."""

import hashlib
import io
import json
import os
import random
import shutil
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from children import Server
from safetensors.torch import load_file, save_file
from trainings import Training, differences, essence

from s2s.errors import S2SError

KINDS = ("checkpoint", "model", "vocabulary", "encoded split")
AT_ONCE = 50  # mutations in one child


def folder_of(kind: str, run: Path) -> Path:
    """Where it is in a run folder."""
    return {
        "checkpoint": run / "checkpoints" / "step-000012",
        "model": run / "model",
        "vocabulary": run / "vocab",
        "encoded split": run / "store" / "train",
    }[kind]


def loader(kind: str, run: Path) -> Callable[[Path], None]:
    """What reads a folder of this kind, as the commands do."""
    from s2s.config.load import load_config
    from s2s.corpus.store import EncodedSplit
    from s2s.corpus.vocabulary import Vocabularies
    from s2s.decoding.bundle import build_transformer, load_bundle
    from s2s.jobs.tokenize import show_pieces
    from s2s.training.checkpoint import load_checkpoint
    from s2s.training.optimizer import optimizer_of

    config = load_config(run / "resolved.yaml")
    if kind == "checkpoint":
        import torch

        model = build_transformer(config.model, Vocabularies.load(run / "vocab"))
        optimizer = optimizer_of(model, config.train, None)
        return lambda folder: void(load_checkpoint(folder, model, optimizer, torch.device("cpu")))
    if kind == "model":
        return lambda folder: void(load_bundle(folder))
    if kind == "vocabulary":

        def read(folder: Path) -> None:
            moved = config.model_copy(update={"run": str(folder.parent)})
            show_pieces(moved, "source", [b"one two\n"], io.BytesIO())

        return read
    return lambda folder: void(EncodedSplit.open(folder, verify=True))


def void(_result: object) -> None:
    """For a function that returns nothing."""


def damage(folder: Path, other: Path, random_: random.Random) -> str:
    """Change one thing in a folder; the name that the error has to say.

    Args:
        folder: What to change.
        other: A folder of the same kind with other content.
        random_: What decides.
    """
    names = sorted(path.name for path in folder.iterdir())
    name = random_.choice(names)
    path = folder / name
    content = bytearray(path.read_bytes())
    where = random_.randrange(len(content))
    match random_.choice(
        ["flip", "flip", "byte", "cut", "append", "zeros", "missing", "empty", "swap", "foreign", "new"]
    ):
        case "flip":
            content[where] ^= 1 << random_.randrange(8)
        case "byte":
            content[where] = (content[where] + random_.randrange(1, 256)) % 256
        case "cut":
            del content[where:]
        case "append":
            content += random_.randbytes(random_.randrange(1, 50))
        case "zeros":
            content[where : where + 512] = bytes(len(content[where : where + 512]))
        case "missing":
            path.unlink()
            return name
        case "empty":
            content.clear()
        case "swap":
            second = folder / random_.choice([one for one in names if one != name])
            old = path.read_bytes()
            if old == second.read_bytes():
                return damage(folder, other, random_)
            path.write_bytes(second.read_bytes())
            second.write_bytes(old)
            return ""  # either of the two
        case "foreign":
            content = bytearray((other / name).read_bytes())
        case "new":
            path = folder / f"new-{random_.randrange(100)}.bin"
    if path.exists() and bytes(content) == path.read_bytes():  # zeros that were there
        return damage(folder, other, random_)
    path.write_bytes(content)
    return "" if name == "manifest.json" else path.name  # by a changed sum, it is the file that does not fit


def reseal(folder: Path) -> None:
    """Make the manifest fit what is in a folder, as somebody would who means harm."""
    files = {}
    for path in sorted(folder.iterdir()):
        if path.name != "manifest.json" and path.is_file():
            content = path.read_bytes()
            files[path.name] = {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    (folder / "manifest.json").write_text(json.dumps({"format": 1, "files": files}, indent=1) + "\n", "utf-8")


def try_mutations(kind: str, run: Path, other_run: Path, seed: int, sealed: bool) -> None:
    """Load `AT_ONCE` mutations of a folder, each a fresh copy; print what became of them."""
    random_ = random.Random(seed)
    read = loader(kind, run)
    source, other = folder_of(kind, run), folder_of(kind, other_run)
    work = Path.cwd() / source.name  # a checkpoint has to be under its name
    outcome: Counter[str] = Counter()
    for number in range(AT_ONCE):
        shutil.rmtree(work, ignore_errors=True)
        shutil.copytree(source, work)
        name = damage(work, other, random_)
        if sealed:
            reseal(work)
        try:
            read(work)
            outcome["loaded"] += 1
        except S2SError as error:
            outcome[
                "refused"
                if name in str(error) or sealed
                else f"refused without {name} (seed {seed}, {number}): {error}"
            ] += 1
        except Exception as error:
            outcome[f"{type(error).__name__} (seed {seed}, {number}): {error}"] += 1
    print(json.dumps(outcome))


def in_folder(folder: Path, kind: str, run: Path, other_run: Path, seed: int, sealed: bool) -> None:
    """`try_mutations` in a working folder of its own."""
    folder.mkdir(parents=True)
    os.chdir(folder)
    try_mutations(kind, run, other_run, seed, sealed)


@pytest.fixture(scope="module")
def other_run(server: Server, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of another seed with another vocabulary, whose files are foreign to the reference's."""
    training = Training(server, tmp_path_factory.mktemp("other") / "home", data)
    for language in ("en", "de"):
        (training.home / f"train.{language}").write_bytes(
            (data / f"train.{language}").read_bytes()[::2].replace(b"\n", b" ") + b"\nx\n"
        )
    more = [
        "--set",
        "train.seed=8",
        "--set",
        f"data.train={training.home}/train.{{en,de}}",
        "--set",
        "data.max_length=60",
    ]
    more += ["--set", "train.batch_tokens=4096"]
    done = training.go(more)
    assert done.code == 0, done.stderr
    return training.run


@pytest.mark.parametrize("sealed", [False, True], ids=["damaged", "hostile"])
def test_mutated_folders(
    server: Server,
    reference: Training,
    other_run: Path,
    tmp_path: Path,
    size: Callable[[int, int], int],
    measured: Callable[[str, str], None],
    sealed: bool,
) -> None:
    """Damaged, all are refused by name. With a manifest that fits, they may load, but harm nothing."""
    n_children = size(1, 50 if not sealed else 10)
    tasks = [(kind, seed) for kind in KINDS for seed in range(n_children)]

    def run_one(task: tuple[str, int]) -> Counter[str]:
        kind, seed = task
        folder = tmp_path / f"{kind}-{seed}"
        done = server.call(in_folder, folder, kind, reference.run, other_run, seed + 1000 * sealed, sealed)
        shutil.rmtree(folder, ignore_errors=True)
        if done.code:
            return Counter({f"code {done.code} ({kind}, seed {seed}): {done.stderr[-400:]}": 1})
        return Counter(json.loads(done.stdout))

    total: Counter[str] = Counter()
    with ThreadPoolExecutor(2) as pool:
        for outcome in pool.map(run_one, tasks):
            total += outcome
    refused, loaded = total.pop("refused", 0), total.pop("loaded", 0)
    what = "with a manifest that fits: " if sealed else ""
    measured(
        "P3",
        f"{refused + loaded:,} mutated folders, {what}{refused:,} refused, {loaded} loaded, {total.total()} otherwise",
    )
    assert not total
    assert sealed or loaded == 0
    assert refused > 0


def test_resume_falls_back_and_says_so(server: Server, data: Path, reference: Training, tmp_path: Path) -> None:
    """Whatever happened to the last checkpoint, the one before leads to the same result."""
    expected = essence(reference.run)
    for number, name in enumerate(["model.safetensors", "optimizer.safetensors", "state.json", "manifest.json", None]):
        training = Training(server, tmp_path / str(number), data)
        shutil.copytree(reference.run, training.run)
        last = training.run / "checkpoints" / "step-000012"
        if name is None:  # a checkpoint of another training, whole in itself
            state = json.loads((last / "state.json").read_bytes())
            state["config"]["train.seed"] = 8
            (last / "state.json").write_text(json.dumps(state))
            reseal(last)
        else:
            (last / name).unlink()
        done = training.go()
        assert done.code == 0, done.stderr
        assert (
            f"warning: {training.run.name}/checkpoints/step-000012: {name or 'it is a checkpoint of another'}"
            in done.stderr.replace("has no manifest", "manifest.json")
        )
        assert "resuming after update" in done.stderr
        assert not differences(essence(training.run), expected)


def test_a_checkpoint_under_another_name_is_refused(
    server: Server, data: Path, reference: Training, tmp_path: Path
) -> None:
    training = Training(server, tmp_path / "home", data)
    shutil.copytree(reference.run, training.run)
    checkpoints = training.run / "checkpoints"
    shutil.rmtree(checkpoints / "step-000012")
    shutil.copytree(checkpoints / "step-000004", checkpoints / "step-000012")
    done = training.go()
    assert done.code == 0, done.stderr
    assert "it is of update 4" in done.stderr
    assert not differences(essence(training.run), essence(reference.run))


def test_damaged_vocabulary_and_store_are_made_again_and_said(
    server: Server, data: Path, reference: Training, tmp_path: Path
) -> None:
    training = Training(server, tmp_path / "home", data)
    shutil.copytree(reference.run, training.run)
    for path in (training.run / "vocab" / "shared.model", training.run / "store" / "train" / "tgt.ids"):
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 4
        path.write_bytes(content)
    done = training.go()
    assert done.code == 0, done.stderr
    assert "shared.model is damaged" in done.stderr
    assert "tgt.ids is damaged" in done.stderr
    assert not differences(essence(training.run), essence(reference.run))


def test_a_model_without_checkpoints_is_not_trained_over(
    server: Server, data: Path, reference: Training, tmp_path: Path
) -> None:
    training = Training(server, tmp_path / "home", data)
    shutil.copytree(reference.run, training.run)
    shutil.rmtree(training.run / "checkpoints")
    before = essence(training.run)
    done = training.go()
    assert done.code == 78
    assert "no checkpoint to go on from" in done.stderr
    assert {name: before[name] for name in before if name.startswith("model/")} == {
        name: digest for name, digest in essence(training.run).items() if name.startswith("model/")
    }
    assert not differences({**before}, {**essence(training.run)})
    assert not differences(training.go(["--overwrite"]) and essence(training.run), essence(reference.run))


def test_weights_that_are_averaged_are_checked_too(
    server: Server, data: Path, reference: Training, tmp_path: Path
) -> None:
    training = Training(server, tmp_path / "home", data)
    shutil.copytree(reference.run, training.run)
    weights = training.run / "checkpoints" / "step-000008" / "model.safetensors"
    save_file({name: tensor + 1 for name, tensor in load_file(weights).items()}, weights)
    done = training.go()
    assert done.code == 0, done.stderr
    assert "step-000008: model.safetensors is damaged" in done.stderr
    assert "average weights are left out" in done.stderr


def test_a_vocabulary_is_not_learnt_again_from_other_text(server: Server, data: Path, tmp_path: Path) -> None:
    """Damaged, and the text has changed meanwhile: refused before anything is written over."""
    own = tmp_path / "data"
    shutil.copytree(data, own)
    training = Training(server, tmp_path / "home", own)
    expected = training.finish()
    (training.run / "vocab" / "shared.model").write_bytes(b"damaged")
    before = essence(training.run)
    text = (own / "train.en").read_bytes()
    (own / "train.en").write_bytes(text.replace(b"cat", b"bird"))
    done = training.go()
    assert done.code == 78, done.stderr
    assert "shared.model is damaged" in done.stderr
    assert "changed since this run was started" in done.stderr
    assert not differences(essence(training.run), before)
    (own / "train.en").write_bytes(text)
    assert training.go().code == 0
    assert not differences(essence(training.run), expected)
