"""P12: a model, vocabulary, checkpoint, config or corpus of somebody else's does nothing but translate, or fail."""

import io
import os
import pickle
import shutil
import struct
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from children import Server
from test_p03_damage import reseal
from trainings import Training


class Bomb:
    """Whoever unpickles it makes a folder."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return os.mkdir, (str(self.canary),)


def payloads(canary: Path) -> Iterator[tuple[str, bytes]]:
    """Content that runs code, or writes where it should not, when it is opened by the wrong function."""
    bomb = Bomb(canary)
    for protocol in (0, 2, 5):
        yield f"pickle {protocol}", pickle.dumps(bomb, protocol)
    buffer = io.BytesIO()
    torch.save({"weight": bomb}, buffer)
    yield "torch.save", buffer.getvalue()
    buffer = io.BytesIO()
    torch.save(bomb, buffer, _use_new_zipfile_serialization=False)
    yield "torch.save, old", buffer.getvalue()
    buffer = io.BytesIO()
    np.save(buffer, np.array([bomb], dtype=object), allow_pickle=True)
    yield "npy of objects", buffer.getvalue()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(os.path.relpath(canary, "/").join(["../" * 20, ""]), b"")
        archive.writestr(str(canary), b"")
    yield "zip that climbs out", buffer.getvalue()
    for name in (str(canary), "../" * 20 + str(canary)[1:]):
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
            tar.addfile(tarfile.TarInfo(name))
        yield f"tar of {name[:3]}", buffer.getvalue()
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, str(canary.parent)
        tar.addfile(link)
        tar.addfile(tarfile.TarInfo(f"link/{canary.name}"))
    yield "tar with a link", buffer.getvalue()
    for tag in (f"!!python/object/apply:os.mkdir ['{canary}']", f'!!python/object/new:os.mkdir ["{canary}"]'):
        yield f"yaml {tag[9:21]}", f"run: {tag}\n".encode()
    yield "python", f"__import__('os').mkdir({str(canary)!r})\n".encode()
    header = (
        b'{"__metadata__":{"x":"' + b"y" * 50 + b'"},"w":{"dtype":"F32","shape":[99999999999],"data_offsets":[0,4]}}'
    )
    yield "safetensors of 400 GB", struct.pack("<Q", len(header)) + header + b"\0" * 4


def test_nothing_is_executed(
    server: Server,
    reference: Training,
    data: Path,
    tmp_path: Path,
    measured: Callable[[str, str], None],
    is_full: bool,
) -> None:
    """Each payload in the place of each file that a command reads."""
    canary = tmp_path / "canary"
    deliverable = ["model.safetensors", "config.json", "generation.json", "shared.model", "manifest.json"]
    checkpoint = ["model.safetensors", "optimizer.safetensors", "state.json", "manifest.json"]
    remade = ["vocab/shared.model", "vocab/made_from.json", "store/train/meta.json", "store/train/src.ids", "run.json"]
    remade += [
        "data.json",
        "store/sums.json",
        "config.yaml",
        *(f"checkpoints/step-000012/{name}" for name in checkpoint),
    ]
    remade += [
        f"store/valid/{name}" for name in ("meta.json", "tgt.ids", "src.offsets", "src.sums", "lines", "numbers")
    ]
    remade += ["store/test/meta.json", ".lock", "diverged.json", "model/config.json", "model/manifest.json"]
    remade += ["metrics.jsonl"]  # a last line that does not end counts as torn off by a crash
    corpora = ["x.tsv", "x.csv", "x.jsonl", "x.parquet", "x.tsv.gz", "x.tsv.zst"]
    train = ["train", "config.yaml"]
    places = [
        *((f"run/model/{name}", ["translate", "--model", "run", "one"]) for name in deliverable),
        *((f"run/{name}", train) for name in remade),
        ("one-file.s2s", ["translate", "--model", "one-file.s2s", "one"]),
        ("run/resolved.yaml", train),
        *((f"run/{name}", ["evaluate", "run"]) for name in ("resolved.yaml", "model/shared.model")),
        ("config.yaml", train),
        *((name, [*train, "--set", "run=new", "--set", f"data.train={name}"]) for name in corpora),
    ]
    may_go_on = {f"run/{name}" for name in remade}  # which is made anew, or taken from the checkpoint before
    bombs = list(payloads(canary))
    # the bombs go off where they are meant to
    pickle.loads(bombs[0][1])  # noqa: S301
    assert canary.is_dir()
    canary.rmdir()
    n_tried, wrong = 0, []
    for number, (place, command) in enumerate(places):
        for name, content in bombs if is_full else [bombs[(number * 5) % len(bombs)]]:
            training = Training(server, tmp_path / "home", data)
            shutil.copytree(reference.run, training.run)
            path = training.home / place
            path.write_bytes(content)
            if path.name != "manifest.json" and (path.parent / "manifest.json").exists():
                reseal(path.parent)
            done = server.s2s(*command, cwd=training.home)
            n_tried += 1
            crashed = "Traceback" in done.stderr or done.code == 1 or done.code < 0
            if canary.exists() or crashed or (done.code == 0 and place not in may_go_on):
                wrong.append(f"{name} as {place}: code {done.code}, {done.stderr[-200:]}")
            shutil.rmtree(training.home)
    measured("P12", f"{len(bombs)} hostile files in {len(places)} places, {n_tried} tried: {len(wrong)} had an effect")
    assert not wrong
