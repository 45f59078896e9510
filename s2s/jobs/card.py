"""The card of a model: what it was made from, how good it is, and how to use it, for whoever finds the folder."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from shlex import quote
from typing import Any

from s2s.config.load import load_config
from s2s.console import say
from s2s.corpus.pairs import split_direction
from s2s.interop.card import hub_languages
from s2s.jobs.evaluate import Evaluation
from s2s.run_folder import RunFolder, write_atomic

_ABOVE = "In the folder above this one:"
_BESIDE = "`resolved.yaml` has every other value, `run.json` versions and commands."
MARK = "<!-- written by s2s; delete this line to keep the file as it is -->"


def write_card(run: RunFolder, verdict: str, tests: Sequence[Evaluation]) -> None:
    """Write `README.md` into a run folder, from what the training has left there; one of somebody else's stays.

    Args:
        run: A training that has ended.
        verdict: What its learning curve says.
        tests: How the test split was translated.
    """
    if run.card.exists() and not _is_ours(run):
        say(f"note: {run.card} is not of s2s: it stays, and no card is written")
        return
    write_atomic(run.card, _card(run, verdict, tests))


def discard_card(run: RunFolder) -> None:
    """Delete the card of an earlier training."""
    if _is_ours(run):
        run.card.unlink()


def _is_ours(run: RunFolder) -> bool:
    try:
        return MARK.encode() in run.card.read_bytes()
    except OSError:
        return False


def _card(run: RunFolder, verdict: str, tests: Sequence[Evaluation]) -> str:
    described = _read(run.model / "config.json")
    data, facts, shape = _read(run.data_json), described["facts"], described["model"]
    source, target = data["source"], data["target"]
    search = _read(run.model / "generation.json")
    to = f" --to {described['targets'][0]}" if described.get("targets") else ""
    parent = load_config(run.resolved).train.start_from
    lines = [
        *front_matter(source, target, run.path.resolve().name, tests),
        "",
        MARK,
        "",
        f"# Translation from {source} to {target}",
        "",
        f"Trained with s2s. {_ABOVE}",
        "",
        f'    s2s translate --model {quote(run.path.resolve().name)}{to} "your text"',
        "",
        "## Data",
        "",
        *(f"- {name}: {_split(split)}" for name, split in data["splits"].items()),
        "",
        "## Model",
        "",
        f"Transformer, {shape['n_encoder_layers']} encoder and {shape['n_decoder_layers']} decoder layers, width"
        f" {shape['d_model']}, {shape['norm']}-norm. {facts['step']:,} updates; the {facts['chosen']} weights, by the"
        f" validation split (greedy BLEU {facts['valid_bleu']:.2f}).",
        *([f"The learning curve: {verdict}."] if verdict else []),
        f"Search: beam {search['beam']}, length penalty {search['length_penalty']:g}." if search["beam"] > 1 else "",
        *([f"It began with the weights of {Path(parent).name}, and knows what that knew."] if parent else []),
        _BESIDE,
        "",
        *_scores(tests),
        "## Limits",
        "",
        "It knows the kind of text that it was trained on. Longer sentences than any in training"
        f" ({described['max_source_length']:,} pieces) are translated in parts.",
        "",
    ]
    return "\n".join(lines)


def for_hub(card: str, name: str) -> str:
    """A card as it is to be read on the hub, where the model is `name` and the rest of the run folder is not.

    One that somebody has written, without our mark, stays as it is.
    """
    if MARK not in card:
        return card
    lines = [line.replace(_ABOVE, "With it:") for line in card.split("\n") if line != _BESIDE]
    given = re.compile(r"    s2s translate --model .*?( --to \S+)? \"your text\"")
    return "\n".join(given.sub(rf'    s2s translate --model hf:{name}\1 "your text"', line) for line in lines)


def front_matter(source: str, target: str, name: str = "", tests: Sequence[Evaluation] = ()) -> list[str]:
    """The lines by which the hub knows what a card is about.

    Args:
        source: Source language.
        target: Target language.
        name: Of the model.
        tests: How the test split was translated.
    """
    known = hub_languages(source, target)
    lines = ["---", *(["language:"] if known else []), *(f"- {json.dumps(code)}" for code in known)]
    lines += ["library_name: s2s", "pipeline_tag: translation"]
    if tests:
        lines += ["model-index:", f"- name: {json.dumps(name)}", "  results:"]
    for found in tests:
        lines += [
            "  - task: {type: translation}",
            f"    dataset: {{type: text, name: {json.dumps(found.test_set)}}}",
            "    metrics:",
            *(f"    - {{type: {json.dumps(one.name.lower())}, value: {one.value:.2f}}}" for one in found.scores),
        ]
    return [*lines, "---"]


def _split(split: dict[str, Any]) -> str:
    names = ", ".join(_name_of(part) for part in split["identity"])
    dropped = "; ".join(f"{count:,} dropped: {reason}" for reason, count in split["dropped"].items() if count)
    return f"{split['kept']:,} pairs of {names}" + (f" ({dropped})" if dropped else "")


def _name_of(part: dict[str, Any]) -> str:
    """What some pairs come from. A card is published: of a path only the last part, which tells as much to others."""
    direction, _ = split_direction(str(part["spec"]))
    before = f"{'>'.join(direction)} " if direction else ""
    if "split" not in part:
        return before + " and ".join(Path(file["path"]).name for file in part["files"])
    whole = part["dataset"] if "dataset" in part else Path(part["path"]).resolve().name
    return f"{before}{whole} ({part['config']}, {part['split']})"


def _scores(evaluations: Sequence[Evaluation]) -> list[str]:
    if not evaluations:
        return ["No test set was given: there is no score to report.", ""]
    lines = ["## Scores", ""]
    for found in evaluations:
        lines += [
            f"{found.test_set}, {found.n_sentences:,} sentences, beam {found.beam}:",
            "",
            "| metric | value | signature |",
            "| --- | --- | --- |",
            *(f"| {one.name} | {one.value:.2f} | `{one.signature}` |" for one in found.scores),
            f"| perplexity | {found.ppl:.3f} | a piece |",
            "",
        ]
    return lines


def _read(path: Path) -> Any:
    return json.loads(path.read_bytes())
