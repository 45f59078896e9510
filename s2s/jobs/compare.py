"""Two models on the same text: BLEU of each, and whether the difference is more than chance."""

import json
from dataclasses import dataclass
from pathlib import Path
from shlex import quote

from s2s.config.load import load_config
from s2s.config.schema import Config
from s2s.console import say
from s2s.corpus.pairs import tag_of
from s2s.decoding.bundle import load_targets
from s2s.decoding.translator import Translator
from s2s.errors import InputMissingError, UsageError
from s2s.jobs.known_text import known_notes
from s2s.jobs.test_sets import TestSet, split_of_run
from s2s.run_folder import RunFolder
from s2s.scoring.significance import Comparison, compare


@dataclass(frozen=True)
class Domain:
    """How a text is translated before and after.

    Attributes:
        name: What it is.
        n_sentences: Sentences of it that were translated.
        comparison: BLEU of both models.
    """

    name: str
    n_sentences: int
    comparison: Comparison

    def text(self) -> str:
        """A line."""
        return f"{self.name} ({self.n_sentences:,} sentences): {self.comparison.text()}"


def config_of(run: Path) -> Config:
    """The config that a run was trained with.

    Raises:
        InputMissingError: It is no run folder.
    """
    resolved = RunFolder(run).resolved
    if not resolved.is_file():
        raise InputMissingError(
            "not a run folder: no resolved.yaml",
            where=str(run),
            hint="A model alone does not say on what text it was trained, and how: give its run folder",
        )
    return load_config(resolved)


def say_if_unfinished(run: Path) -> None:
    """Say that the training of a model has not ended: it is the best so far, and may become better."""
    folder = RunFolder(run)
    if folder.run_json.is_file() and "ended" not in json.loads(folder.run_json.read_bytes()):
        say(f"note: the training of {run} has not ended; `s2s train {quote(str(run))}` goes on, and then finishes it")


def refuse_several_targets(run: Path) -> None:
    """Raise UsageError if a model is told what to translate into by tags; InputMissingError if there is no model."""
    if targets := load_targets(run):
        raise UsageError(
            f"the model has tags for the languages that it translates into, several or one ({', '.join(targets)}); this"
            " command knows no tags",
            where=str(run),
            hint="Add the new text to data.train of its config, and train it anew.",
        )


def text_of(run: Path) -> TestSet:
    """The test text of a run, or its validation text if it has none."""
    return split_of_run(run, "valid" if config_of(run).data.test is None else "test")


def compare_models(name: str, test_set: TestSet, before: Path, after: Path, device: str) -> list[Domain]:
    """Translate a text with two models, each as it is meant to be used, and compare: by target language."""
    first, second = (Translator.load(run, device) for run in (before, after))
    domains = []
    for part in test_set.by_target(second.bundle.targets):
        old, new = (model.translate(part.sources, to=part.target) for model in (first, second))
        comparison = compare(old, new, part.references, part.target or first.bundle.target)
        for run, bundle in ((before, first.bundle), (after, second.bundle)):
            tagged = [f"{tag_of(part.target)} {line}" for line in part.sources] if part.target else part.sources
            if n_known := known_notes(run, bundle, tagged, part.references).get("known_source"):
                say(f"note: {run} was trained on {n_known:,} sources of {part.name}: its scores are too good by them")
        domains.append(Domain(f"{name}, {part.name}", len(part.sources), comparison))
    return domains
