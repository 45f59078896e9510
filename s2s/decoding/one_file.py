"""The deliverable in one file: weights, vocabulary and descriptions as safetensors, with a sum of all of it.

    tensors   weights.NAME         float32, by the names of the model
              vocabulary.NAME      bytes of the SentencePiece models, by the names that their files have in a folder
    metadata  format               s2s-model
              format_version       1
              sha256               of the whole file, with 64 zeros in the place of these digits
              config, generation   what config.json and generation.json of a folder hold

Any reader of safetensors opens it, and nothing in it can run code. The same model gives the same bytes.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from s2s.errors import DataError, InputMissingError, is_out_of_memory

if TYPE_CHECKING:
    import torch

SUFFIX = ".s2s"
FORMAT = "s2s-model"
FORMAT_VERSION = "1"
MAX_HEADER = 16 * 2**20
MAX_VOCABULARY = 256 * 2**20
"""Most bytes that a header, and all of a vocabulary, may have: far more than any has."""

_WEIGHTS, _VOCABULARY = "weights.", "vocabulary."
_NO_SUM = b"0" * 64
_CHUNK = 2**20
_HINT = "Get the file again, or make it again: s2s export RUN --to bundle"


@dataclass(frozen=True)
class Contents:
    """What a model in one file is made of.

    Attributes:
        config: Languages, shape, origin.
        generation: Defaults of the search.
        vocabulary: SentencePiece models by the names of their files.
        weights: By the names of the model.
    """

    config: dict[str, Any]
    generation: dict[str, Any]
    vocabulary: dict[str, bytes]
    weights: "dict[str, torch.Tensor]"


def is_one_file(path: Path) -> bool:
    """Whether a path is a file that is, or by its name should be, a model: not a text, say."""
    if not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            start = file.read(9)
    except OSError:
        start = b""
    looks_so = len(start) == 9 and int.from_bytes(start[:8], "little") <= MAX_HEADER and start[8:] == b"{"
    return looks_so or path.suffix == SUFFIX


def write_one_file(contents: Contents, path: Path) -> str:
    """Write a model to a new file; its sum. An OSError goes through."""
    metadata = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "sha256": _NO_SUM.decode(),  # before what could hold so many zeros too
        "config": _compact(contents.config),
        "generation": _compact(contents.generation),
    }
    header: dict[str, Any] = {"__metadata__": metadata}
    end = 0
    for name, tensor in contents.weights.items():
        begin, end = end, end + 4 * tensor.numel()
        header[_WEIGHTS + name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [begin, end]}
    for name, content in contents.vocabulary.items():
        begin, end = end, end + len(content)
        header[_VOCABULARY + name] = {"dtype": "U8", "shape": [len(content)], "data_offsets": [begin, end]}
    head = _compact(header).encode()
    head += b" " * (-len(head) % 8)
    with path.open("w+b") as file:
        file.write(len(head).to_bytes(8, "little") + head)
        for tensor in contents.weights.values():
            file.write(tensor.detach().float().cpu().contiguous().numpy().astype("<f4", copy=False).data)
        for content in contents.vocabulary.values():
            file.write(content)
        found = _sum_of(file, head, _NO_SUM)
        file.seek(8 + head.index(_NO_SUM))
        file.write(found.encode())
    return found


def read_one_file(path: Path) -> Contents:
    """Read a model, after its sum was checked.

    Raises:
        InputMissingError: The file cannot be read.
        DataError: It is damaged, or no model.
    """
    from safetensors import SafetensorError, safe_open

    metadata = _checked_metadata(path)
    config, generation = (_json_of(metadata, key, path) for key in ("config", "generation"))
    weights, vocabulary = {}, {}
    try:
        with safe_open(path, "pt") as stored:
            n_vocabulary = 0
            for key in stored.keys():  # noqa: SIM118 - it is no mapping
                part = stored.get_slice(key)
                if key.startswith(_WEIGHTS) and part.get_dtype() == "F32":
                    weights[key.removeprefix(_WEIGHTS)] = stored.get_tensor(key)
                elif key.startswith(_VOCABULARY) and part.get_dtype() == "U8":
                    n_vocabulary += math.prod(part.get_shape())
                    if n_vocabulary > MAX_VOCABULARY:
                        raise DataError(f"its vocabulary has over {MAX_VOCABULARY:,} bytes", where=str(path))
                    vocabulary[key.removeprefix(_VOCABULARY)] = stored.get_tensor(key).numpy().tobytes()
                else:
                    raise DataError(f"what is {key[:60]!r} in a model?", where=str(path), hint=_HINT)
    except (SafetensorError, OSError, ValueError, RuntimeError, TypeError) as error:
        if is_out_of_memory(error):
            raise
        raise DataError(f"the model file is damaged: {error}", where=str(path), hint=_HINT) from error
    return Contents(config, generation, vocabulary, weights)


def config_of_file(path: Path) -> dict[str, Any]:
    """The description of a model; only the head of the file is read, and its sum is not checked.

    Raises:
        InputMissingError, DataError: As `read_one_file`.
    """
    try:
        with path.open("rb") as file:
            return _json_of(_metadata_of(_head_of(file, path), path), "config", path)
    except OSError as error:
        raise InputMissingError(error.strerror or str(error), where=str(path)) from error


def sum_of_file(path: Path) -> str:
    """Sha256 that tells the model from any other, as the file says it itself.

    Raises:
        InputMissingError, DataError: As `read_one_file`.
    """
    try:
        with path.open("rb") as file:
            return _metadata_of(_head_of(file, path), path)["sha256"]
    except OSError as error:
        raise InputMissingError(error.strerror or str(error), where=str(path)) from error


def _checked_metadata(path: Path) -> Mapping[str, str]:
    """The metadata of a file whose content fits its sum."""
    try:
        with path.open("rb") as file:
            head = _head_of(file, path)
            metadata = _metadata_of(head, path)
            said = metadata["sha256"]
            if head.count(said.encode()) != 1 or _sum_of(file, head, said.encode()) != said:
                raise DataError("the model file is damaged (sha256 differs)", where=str(path), hint=_HINT)
    except OSError as error:
        raise InputMissingError(error.strerror or str(error), where=str(path)) from error
    return metadata


def _sum_of(file: BinaryIO, head: bytes, digits: bytes) -> str:
    """Sha256 of a file whose head holds these digits, taken with zeros in their place."""
    found = hashlib.sha256(len(head).to_bytes(8, "little") + head.replace(digits, _NO_SUM, 1))
    file.seek(8 + len(head))
    while chunk := file.read(_CHUNK):
        found.update(chunk)
    return found.hexdigest()


def _head_of(file: BinaryIO, path: Path) -> bytes:
    """The header of a safetensors file, no longer than one may be."""
    length = int.from_bytes(file.read(8), "little")
    head = file.read(length) if length <= MAX_HEADER else b""
    if len(head) != length or not head.startswith(b"{"):
        raise DataError("is no model file of s2s, or a damaged one", where=str(path), hint=_HINT)
    return head


def _metadata_of(head: bytes, path: Path) -> dict[str, str]:
    """The metadata of a header; all of it is text, the sum is one."""
    try:
        metadata = json.loads(head)["__metadata__"]
        version, said = metadata["format_version"], metadata["sha256"]
        is_ours = metadata["format"] == FORMAT and all(isinstance(value, str) for value in metadata.values())
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise DataError("is no model file of s2s, or a damaged one", where=str(path), hint=_HINT) from None
    if not is_ours or len(said) != 64 or set(said) - set("0123456789abcdef"):
        raise DataError("is no model file of s2s, or a damaged one", where=str(path), hint=_HINT)
    if version != FORMAT_VERSION:
        raise DataError(
            f"the model file has format {version[:20]!r}, this s2s reads {FORMAT_VERSION}",
            where=str(path),
            hint="upgrade s2s, or make the file again",
        )
    return dict(metadata)


def _json_of(metadata: Mapping[str, str], key: str, path: Path) -> dict[str, Any]:
    try:
        content = json.loads(metadata[key])
    except (KeyError, ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise DataError(f"the model file is damaged: its {key} is no JSON object", where=str(path), hint=_HINT)
    return content


def _compact(content: Mapping[str, Any]) -> str:
    return json.dumps(content, separators=(",", ":"))
