"""The deliverable: a folder with all that translating needs, and nothing else.

    model.safetensors   the weights
    config.json         languages, shape of the Transformer, longest source seen in training
    generation.json     defaults of the search
    *.model             the vocabulary
    manifest.json       sha256 and size of each of them

It can be moved, copied and published: no path of the machine that trained it is in it. All of it also goes into one
file (`one_file.py`); what takes a model takes either.
"""

import contextlib
import json
import shlex
import time
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from s2s.config.schema import DecodeConfig, ModelConfig
from s2s.corpus.vocabulary import Vocabularies
from s2s.decoding.hub import PREFIX, hub_model
from s2s.decoding.one_file import (
    Contents,
    config_of_file,
    read_one_file,
    sum_of_file,
    write_one_file,
)
from s2s.errors import DataError, DivergedError, InputMissingError, is_out_of_memory
from s2s.run_folder import MANIFEST, build_folder, existing_folder, verify_folder

if TYPE_CHECKING:
    import torch

    from s2s.model import Ensemble, Transformer, TransformerConfig

FORMAT_VERSION = 1
_LEAST_TENSORS = 20  # of a Transformer
_LOOKS = 5  # a model is away for a moment when it is replaced


@dataclass(frozen=True)
class Bundle:
    """A model with what belongs to it.

    Attributes:
        transformer: In evaluation mode; an ensemble of some stands for one.
        vocabularies: Of both sides.
        model_config: Shape of the Transformer; of an ensemble that of the first.
        decode: Defaults of the search.
        source: Source language.
        target: Target language.
        max_source_length: Pieces of the longest source that the model was trained on.
        facts: How it came about: update, validation scores.
        targets: Languages into which it translates, told by a tag before the source; none if there is one direction.
        sources: Languages from which, as far as its directions say.
        members: Shapes of the Transformers of an ensemble; none if there is one Transformer.
    """

    transformer: "Transformer | Ensemble"
    vocabularies: Vocabularies
    model_config: ModelConfig
    decode: DecodeConfig
    source: str
    target: str
    max_source_length: int
    facts: dict[str, Any]
    targets: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    members: tuple[ModelConfig, ...] = ()


def shape_of(config: ModelConfig, vocabularies: Vocabularies) -> "TransformerConfig":
    """The shape of a Transformer for these vocabularies."""
    from s2s.model import TransformerConfig

    return TransformerConfig(vocabularies.src.size, vocabularies.tgt.size, **config.model_dump(exclude={"preset"}))


def build_transformer(config: ModelConfig, vocabularies: Vocabularies) -> "Transformer":
    """A freshly initialised Transformer of this shape for these vocabularies."""
    from s2s.model import Transformer

    return Transformer(shape_of(config, vocabularies))


def save_bundle(bundle: Bundle, folder: Path) -> None:
    """Write a bundle in one step: `folder` is either the old one or the complete new one.

    Raises:
        DivergedError: If a weight is no finite number.
        CannotCreateError, OutputError: If it cannot be written.
    """
    from safetensors.torch import save_file

    contents = _contents_of(bundle)
    with build_folder(folder) as temporary:
        save_file(contents.weights, temporary / "model.safetensors")
        config = json.dumps(contents.config, indent=2, ensure_ascii=False) + "\n"
        (temporary / "config.json").write_text(config, "utf-8")
        (temporary / "generation.json").write_text(json.dumps(contents.generation, indent=2) + "\n", "utf-8")
        bundle.vocabularies.save(temporary)


def save_as_file(bundle: Bundle, path: Path) -> str:
    """Write a bundle as one file; see `one_file`. The file is as durable and whole as whoever gave the path makes it.

    Returns:
        Its sha256, as the file itself holds it.

    Raises:
        DivergedError: If a weight is no finite number.
    """
    return write_one_file(_contents_of(bundle), path)


def _contents_of(bundle: Bundle) -> Contents:
    from s2s.model.weights import first_not_finite, weights_of

    config = {
        "format_version": FORMAT_VERSION,
        "source": bundle.source,
        "target": bundle.target,
        "max_source_length": bundle.max_source_length,
        "model": bundle.model_config.model_dump(),
        "facts": bundle.facts,
    }
    if bundle.targets:
        config["targets"] = list(bundle.targets)
        config["sources"] = list(bundle.sources)
    if bundle.members:
        config["members"] = [member.model_dump() for member in bundle.members]
    tensors = {name: tensor.cpu().contiguous() for name, tensor in weights_of(bundle.transformer).items()}
    if broken := first_not_finite(tensors):
        raise DivergedError(f"the model was not written: {broken} holds numbers that are not finite")
    return Contents(config, bundle.decode.model_dump(), bundle.vocabularies.files, tensors)


def find_bundle(path: Path) -> Path:
    """The bundle folder of a run folder, or the path itself if it is a bundle; `hf:OWNER/NAME` is downloaded.

    A file is taken for a bundle in one file; what reads it says if it is none.

    Raises:
        InputMissingError: If there is none.
        HubError: If it is not on the hub.
    """
    if str(path).startswith(PREFIX):
        path = hub_model(str(path))
    if path.is_file():
        return path
    for look in range(_LOOKS):
        for folder in (existing_folder(path / "model"), existing_folder(path)):
            if (folder / MANIFEST).is_file() or (folder / "model.safetensors").is_file():
                return folder
        time.sleep(0.01 if look < _LOOKS - 1 else 0)
    if not path.exists():
        raise InputMissingError("no such model or run folder", where=str(path))
    hint = "train one: s2s train CONFIG; its run folder holds it"
    if (path / "checkpoints").is_dir():
        hint = f"its training was stopped before the first validation: s2s train {shlex.quote(str(path))} goes on"
    raise InputMissingError("no trained model in this folder", where=str(path), hint=hint)


def load_bundle(path: Path, device: "torch.device | str" = "cpu") -> Bundle:
    """Read and check a bundle.

    Args:
        path: A run folder, a bundle folder, or a bundle in one file.
        device: Where the Transformer goes.

    Raises:
        InputMissingError: If there is no model.
        DataError: If a file of it is damaged, missing or does not belong to the others.
    """
    while True:  # until it was not replaced meanwhile, by a training that is going on
        folder = find_bundle(path)
        before = _identity(folder)
        try:
            bundle = _load(folder, device)
        except (DataError, InputMissingError):
            now = find_bundle(path)
            if now == folder and _identity(now) == before:
                raise
        else:
            if _identity(folder) == before:
                return bundle


def _identity(folder: Path) -> tuple[int, int] | None:
    """What is different for a folder or file that was put in the place of another."""
    with contextlib.suppress(OSError):
        found = folder.stat()
        return found.st_ino, found.st_mtime_ns
    return None


def load_facts(path: Path) -> dict[str, Any]:
    """How a model came about; nothing else of it is read.

    Raises:
        InputMissingError: If there is no model.
        DataError: If its description is damaged.
    """
    facts = _config_of(path).get("facts")
    return facts if isinstance(facts, dict) else {}


def load_targets(path: Path) -> list[str]:
    """The languages into which a model translates; none if there is one direction."""
    targets = _config_of(path).get("targets")
    return [str(target) for target in targets] if isinstance(targets, list) else []


def load_sources(path: Path) -> list[str]:
    """The languages from which a model translates."""
    config = _config_of(path)
    sources = config.get("sources")
    known = [str(source) for source in sources] if isinstance(sources, list) else []
    return known or [str(config.get("source", ""))]


def load_n_members(path: Path) -> int:
    """How many models an ensemble is made of; 0 for one model."""
    members = _config_of(path).get("members")
    return len(members) if isinstance(members, list) else 0


def load_languages(path: Path) -> tuple[str, str]:
    """Source and target language of a model."""
    config = _config_of(path)
    return str(config.get("source", "")), str(config.get("target", ""))


def bundle_sum(path: Path) -> str:
    """Sha256 that tells a model from any other.

    Raises:
        InputMissingError: If there is no model.
        DataError: If it is a file that is none.
    """
    found = find_bundle(path)
    return sum_of_file(found) if found.is_file() else sha256((found / MANIFEST).read_bytes()).hexdigest()


def _config_of(path: Path) -> dict[str, Any]:
    found = find_bundle(path)
    return config_of_file(found) if found.is_file() else _read_json(found / "config.json")


def _load(found: Path, device: "torch.device | str") -> Bundle:
    """Read a bundle folder, or a bundle in one file."""
    if found.is_file():
        contents = read_one_file(found)
        _check_version(contents.config, found)
        vocabularies = Vocabularies.of_files(contents.vocabulary, where=str(found))
        return _on_device(_put_together(contents, vocabularies, found), device)
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    verify_folder(found, what="model")
    config = _read_json(found / "config.json")
    _check_version(config, found)
    vocabularies = Vocabularies.load(found)
    generation = _read_json(found / "generation.json")
    try:
        tensors = load_file(found / "model.safetensors")
    except (OSError, RuntimeError, ValueError, SafetensorError) as error:
        raise _unfit(error, found) from error
    contents = Contents(config, generation, vocabularies.files, tensors)
    return _on_device(_put_together(contents, vocabularies, found), device)


def _on_device(bundle: Bundle, device: "torch.device | str") -> Bundle:
    bundle.transformer.to(device)
    return bundle


def _check_version(config: dict[str, Any], found: Path) -> None:
    if config.get("format_version") != FORMAT_VERSION:
        raise DataError(
            f"the model has format {config.get('format_version')!r}, this s2s reads {FORMAT_VERSION}",
            where=str(found),
            hint="upgrade s2s, or train the model again",
        )


def _put_together(contents: Contents, vocabularies: Vocabularies, found: Path) -> Bundle:
    """A bundle from its parts, each of which may be anything.

    Raises:
        DataError: If they do not fit together.
    """
    from s2s.model import Ensemble
    from s2s.model.weights import load_weights

    config = contents.config
    try:
        model_config = ModelConfig.model_validate(config["model"])
        decode = DecodeConfig.model_validate(contents.generation)
        stored = config.get("members", [])
        if not isinstance(stored, list) or len(stored) * _LEAST_TENSORS > len(contents.weights):
            raise ValueError("config.json lists more models than there are weights for")
        members = tuple(ModelConfig.model_validate(member) for member in stored)
        _check_size(members or (model_config,), vocabularies, contents.weights)
        transformer: Transformer | Ensemble
        if members:
            transformer = Ensemble([build_transformer(member, vocabularies) for member in members])
        else:
            transformer = build_transformer(model_config, vocabularies)
        load_weights(transformer, contents.weights)
        return Bundle(
            transformer.eval(),
            vocabularies,
            model_config,
            decode,
            str(config["source"]),
            str(config["target"]),
            int(config["max_source_length"]),
            dict(config["facts"]),
            tuple(str(target) for target in config.get("targets", [])),
            tuple(str(source) for source in config.get("sources", [])),
            members,
        )
    except (KeyError, TypeError, ValueError, OverflowError, RuntimeError) as error:
        raise _unfit(error, found) from error


def _unfit(error: Exception, found: Path) -> Exception:
    """What an error in reading a model says of it; nothing, if there is no memory for it."""
    if is_out_of_memory(error):
        return error
    reason = str(error).split("\n")[0] if str(error) else repr(error)
    return DataError(f"the files of the model do not fit together: {reason}", where=str(found))


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise DataError("not JSON", where=str(path)) from error
    except OSError as error:
        raise InputMissingError(error.strerror or str(error), where=str(path)) from error
    if not isinstance(content, dict):
        raise DataError("not a JSON object", where=str(path))
    return content


def _check_size(shapes: Sequence[ModelConfig], vocabularies: Vocabularies, tensors: "dict[str, torch.Tensor]") -> None:
    """Refuse a config that asks for much more than the weights are, before memory is taken for it."""
    n_stored = sum(tensor.numel() for tensor in tensors.values())
    n_pieces, n_asked = max(vocabularies.src.size, vocabularies.tgt.size), 0
    for shape in shapes:
        squares = shape.n_encoder_layers * 4 + shape.n_decoder_layers * 8
        inner = (shape.n_encoder_layers + shape.n_decoder_layers) * 2 * shape.d_ff
        n_asked += shape.d_model * (squares * shape.d_model + inner + n_pieces)
    if n_asked > n_stored:
        raise ValueError(f"config.json asks for over {n_asked:,} weights, there are {n_stored:,}")
