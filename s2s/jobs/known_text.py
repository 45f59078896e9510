"""How much of a text a model was trained on, which makes its scores too good."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from s2s.console import say
from s2s.corpus.known import known_to
from s2s.corpus.store import EncodedSplit
from s2s.decoding.bundle import Bundle
from s2s.errors import DataError, InputMissingError
from s2s.run_folder import RunFolder, existing_folder


def known_notes(run: Path, bundle: Bundle, sources: Sequence[str], references: Sequence[str]) -> dict[str, int]:
    """How many sentences a model was trained on: with this source, and with this source and reference.

    Args:
        run: The model's run folder; of an ensemble all its members are asked.
        bundle: The model.
        sources: As the model is given them, with their tags.
        references: Their translations.

    Returns:
        `known_source` and `known_pair`; nothing if the encoded training text is not there.
    """
    texts = bundle.vocabularies.src.encode_all(sources), bundle.vocabularies.tgt.encode_all(references)
    members, known = _members_of(run), []
    for member in members:
        try:
            split = EncodedSplit.open(existing_folder(RunFolder(member).store / "train"))
        except (DataError, InputMissingError) as error:
            if isinstance(error, DataError) or members != [run]:  # not a model alone
                say(
                    f"warning: {error.where}: {error.what}\n  whether sentences are in the training text cannot be said"
                )
            return {}
        known.append(known_to(split, *texts))
    by_source, by_pair = np.any(known, axis=0)
    return {"known_source": int(by_source.sum()), "known_pair": int(by_pair.sum())}


def _members_of(run: Path) -> list[Path]:
    """The runs that an ensemble is made of, as it notes them; any other run itself."""
    try:
        names = list(json.loads((RunFolder(run).data / "made_from.json").read_bytes())["members"])
    except (OSError, ValueError, KeyError, TypeError):
        return [run]
    return [member for name in names for member in _members_of(Path(name))]
