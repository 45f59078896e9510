"""The deliverable: a folder with all that translating needs, and nothing else.

    model.safetensors   the weights
    config.json         languages, shape of the Transformer, longest source seen in training
    generation.json     defaults of the search
    *.model             the vocabulary
    manifest.json       sha256 and size of each of them

It can be moved, copied and published: no path of the machine that trained it is in it.
"""

import contextlib
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from s2s.config.schema import DecodeConfig, ModelConfig
from s2s.corpus.vocabulary import Vocabularies
from s2s.decoding.hub import PREFIX, hub_model
from s2s.errors import DataError, DivergedError, InputMissingError
from s2s.run_folder import MANIFEST, build_folder, existing_folder, verify_folder

if TYPE_CHECKING:
    import torch

    from s2s.model import Transformer

FORMAT_VERSION = 1
_LOOKS = 5  # a model is away for a moment when it is replaced


@dataclass(frozen=True)
class Bundle:
    """A model with what belongs to it.

    Attributes:
        transformer: In evaluation mode.
        vocabularies: Of both sides.
        model_config: Shape of the Transformer.
        decode: Defaults of the search.
        source: Source language.
        target: Target language.
        max_source_length: Pieces of the longest source that the model was trained on.
        facts: How it came about: update, validation scores.
        targets: Languages into which it translates, told by a tag before the source; none if there is one direction.
    """

    transformer: "Transformer"
    vocabularies: Vocabularies
    model_config: ModelConfig
    decode: DecodeConfig
    source: str
    target: str
    max_source_length: int
    facts: dict[str, Any]
    targets: tuple[str, ...] = ()


def build_transformer(config: ModelConfig, vocabularies: Vocabularies) -> "Transformer":
    """A freshly initialised Transformer of this shape for these vocabularies."""
    from s2s.model import Transformer, TransformerConfig

    shape = config.model_dump(exclude={"preset"})
    return Transformer(TransformerConfig(vocabularies.src.size, vocabularies.tgt.size, **shape))


def save_bundle(bundle: Bundle, folder: Path) -> None:
    """Write a bundle in one step: `folder` is either the old one or the complete new one.

    Raises:
        DivergedError: If a weight is no finite number.
        CannotCreateError, OutputError: If it cannot be written.
    """
    from safetensors.torch import save_file

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
    tensors = {name: tensor.cpu().contiguous() for name, tensor in weights_of(bundle.transformer).items()}
    if broken := first_not_finite(tensors):
        raise DivergedError(f"the model was not written: {broken} holds numbers that are not finite")
    with build_folder(folder) as temporary:
        save_file(tensors, temporary / "model.safetensors")
        (temporary / "config.json").write_text(json.dumps(config, indent=2, ensure_ascii=False) + "\n", "utf-8")
        (temporary / "generation.json").write_text(json.dumps(bundle.decode.model_dump(), indent=2) + "\n", "utf-8")
        bundle.vocabularies.save(temporary)


def find_bundle(path: Path) -> Path:
    """The bundle folder of a run folder, or the folder itself if it is a bundle; `hf:OWNER/NAME` is downloaded.

    Raises:
        InputMissingError: If there is none.
        HubError: If it is not on the hub.
    """
    if str(path).startswith(PREFIX):
        path = hub_model(str(path))
    for look in range(_LOOKS):
        for folder in (existing_folder(path / "model"), existing_folder(path)):
            if (folder / MANIFEST).is_file() or (folder / "model.safetensors").is_file():
                return folder
        time.sleep(0.01 if look < _LOOKS - 1 else 0)
    if not path.exists():
        raise InputMissingError("no such model or run folder", where=str(path))
    raise InputMissingError(
        "no trained model in this folder", where=str(path), hint="train one: s2s train CONFIG; its run folder holds it"
    )


def load_bundle(path: Path, device: "torch.device | str" = "cpu") -> Bundle:
    """Read and check a bundle.

    Args:
        path: A run folder or a bundle folder.
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
    """What is different for a folder that was put in the place of another."""
    with contextlib.suppress(OSError):
        found = folder.stat()
        return found.st_ino, found.st_mtime_ns
    return None


def load_facts(path: Path) -> dict[str, Any]:
    """How the model of a run or bundle folder came about; nothing else of it is read.

    Raises:
        InputMissingError: If there is no model.
        DataError: If its description is damaged.
    """
    facts = _read_json(find_bundle(path) / "config.json").get("facts")
    return facts if isinstance(facts, dict) else {}


def load_targets(path: Path) -> list[str]:
    """The languages into which the model of a run or bundle folder translates; none if there is one direction."""
    targets = _read_json(find_bundle(path) / "config.json").get("targets")
    return [str(target) for target in targets] if isinstance(targets, list) else []


def load_languages(path: Path) -> tuple[str, str]:
    """Source and target language of the model of a run or bundle folder."""
    config = _read_json(find_bundle(path) / "config.json")
    return str(config.get("source", "")), str(config.get("target", ""))


def _load(folder: Path, device: "torch.device | str") -> Bundle:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    from s2s.model.weights import load_weights

    verify_folder(folder, what="model")
    config = _read_json(folder / "config.json")
    if config.get("format_version") != FORMAT_VERSION:
        raise DataError(
            f"the model has format {config.get('format_version')!r}, this s2s reads {FORMAT_VERSION}",
            where=str(folder),
            hint="upgrade s2s, or train the model again",
        )
    vocabularies = Vocabularies.load(folder)
    try:
        model_config = ModelConfig.model_validate(config["model"])
        decode = DecodeConfig.model_validate(_read_json(folder / "generation.json"))
        tensors = load_file(folder / "model.safetensors")
        _check_size(model_config, vocabularies, tensors)
        transformer = build_transformer(model_config, vocabularies)
        load_weights(transformer, tensors)
        return Bundle(
            transformer.to(device).eval(),
            vocabularies,
            model_config,
            decode,
            str(config["source"]),
            str(config["target"]),
            int(config["max_source_length"]),
            dict(config["facts"]),
            tuple(str(target) for target in config.get("targets", [])),
        )
    except (KeyError, TypeError, ValueError, OSError, RuntimeError, SafetensorError) as error:
        reason = str(error).split("\n")[0] if str(error) else repr(error)
        raise DataError(f"the files of the model do not fit together: {reason}", where=str(folder)) from error


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


def _check_size(config: ModelConfig, vocabularies: Vocabularies, tensors: "dict[str, torch.Tensor]") -> None:
    """Refuse a config that asks for much more than the weights are, before memory is taken for it."""
    n_stored = sum(tensor.numel() for tensor in tensors.values())
    layers = config.n_encoder_layers * 4 + config.n_decoder_layers * 8
    n_asked = layers * config.d_model**2 + config.d_model * max(vocabularies.src.size, vocabularies.tgt.size)
    if n_asked > n_stored:
        raise ValueError(f"config.json asks for over {n_asked:,} weights, there are {n_stored:,}")
