"""`s2s distill`: a small fast model that learns from a large one's translations (Kim and Rush 2016).

The student is trained on the teacher's translation of the training text, and on the text itself. A teacher says the
same thing in the same way each time, which a small model learns better than what many people have written.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from s2s.config.load import dump_config
from s2s.config.presets import PRESETS
from s2s.config.recipes import updates_for
from s2s.config.schema import Config
from s2s.console import say
from s2s.corpus.pairs import split_direction
from s2s.decoding.bundle import bundle_sum
from s2s.decoding.translator import Translator
from s2s.errors import UsageError
from s2s.jobs.compare import Domain, compare_models, config_of, say_if_unfinished, text_of
from s2s.jobs.derived import (
    changed,
    config_in,
    content_of,
    deriving,
    keys_of,
    pairs_of_recipe,
    recipe_of,
    say_if_adapted,
    specs_of,
)
from s2s.jobs.synthetic import translate_lines_to
from s2s.jobs.tokenize import open_split, open_splits
from s2s.jobs.train import train
from s2s.run_folder import RunFolder, write_atomic
from s2s.runtime import set_threads
from s2s.scoring.metrics import bleu

SMALLER = {"big": "base", "base": "small", "small": "tiny", "mini": "tiny", "tiny": "tiny"}
"""The student's preset, by the teacher's."""

N_ROUNDS = 3
"""Times that both translate the text, one after the other, to be compared in speed."""


@dataclass(frozen=True)
class Distilled:
    """What distilling came to.

    Attributes:
        domains: BLEU of the teacher and the student, each with its own search, by target language.
        greedy_bleu: The student's, greedy, as many.
        n_sentences: Of them all.
        teacher_seconds: For the text, greedy; the least of some.
        student_seconds: The same of the student.
    """

    domains: list[Domain]
    greedy_bleu: list[float]
    n_sentences: int
    teacher_seconds: float
    student_seconds: float

    def text(self) -> str:
        """Some lines."""
        ratio = self.teacher_seconds / self.student_seconds
        lines = []
        for domain, greedy in zip(self.domains, self.greedy_bleu, strict=True):
            lines += [domain.text(), f"student, greedy: BLEU {greedy:.2f}"]
        return "\n".join(
            [
                *lines,
                f"greedy, {self.n_sentences:,} sentences: teacher {self.teacher_seconds:.2f} s, student"
                f" {self.student_seconds:.2f} s: {ratio:.1f} times as fast",
            ]
        )


def distill(
    teacher: Path,
    folder: Path,
    *,
    beam: int | None = None,
    overrides: Sequence[str] = (),
    device: str = "auto",
    threads: int | None = None,
) -> Distilled:
    """Train a student.

    Args:
        teacher: Run folder of a trained model, whose training text is still there.
        folder: The run folder to be; the same command again goes on.
        beam: Hypotheses kept by the teacher; none for its default.
        overrides: Options to change, as `--set` has them: above all the student's `model`.
        device: `auto`, `cpu`, `cuda`, …
        threads: Processor threads; none for all.

    Raises:
        InputMissingError: The teacher has no model, or its training text is not there.
        CannotCreateError: There is another run in the folder.
    """
    set_threads(threads)
    was = config_of(teacher)
    say_if_unfinished(teacher)
    corpus = open_splits(was)["train"]  # what is missing is said before anything is done
    n_lines = sum(1 for _ in corpus)
    # what is wrong with it is said first
    draft = changed(_student(was, n_lines, overrides), _without_preset(overrides))
    made_from = {"command": "distill", "teacher": bundle_sum(teacher), "text": content_of({"train": corpus})}
    with deriving(folder, {**made_from, "beam": beam, "set": list(overrides)}) as run:
        if not run.config.exists():
            say_if_adapted(teacher, was)
            specs = _translate(Translator.load(teacher, device), was, run, beam)
            data = draft.data.model_copy(update={"train": [*specs, *specs_of(was)]})
            write_atomic(run.config, dump_config(draft.model_copy(update={"run": str(run.path), "data": data})))
        config = config_in(run)
    train(config, device=device, threads=threads, given=run.config.read_bytes())
    return _measure(teacher, folder, device)


def _translate(translator: Translator, was: Config, run: RunFolder, beam: int | None) -> list[str]:
    """Write the sources with their translations, those of each spec by themselves; the specs of those.

    So the new text has the parts of the old, and with `train.temperature` each its old share.
    """
    specs, given = [], specs_of(was)
    for number, old_spec in enumerate(given, start=1):
        direction, _ = split_direction(old_spec)
        part = open_split(was, old_spec)
        source, target = direction or (was.data.source, was.data.target)
        base = run.data / ("distilled" if len(given) == 1 else f"distilled-{number}")
        ends = (source, target) if source != target else ("source", "target")  # a corpus of many may call both `mul`
        n_made = translate_lines_to(
            translator,
            (pair.src for pair in part.untagged()),
            *(Path(f"{base}.{end}") for end in ends),
            n_lines=sum(1 for _ in part),
            beam=beam,
            to=direction[1] if direction else None,
        )
        spec = f"{base}.{{{','.join(ends)}}}"
        if n_made:
            specs.append(f"{source}>{target} {spec}" if direction else spec)
    return specs


def _without_preset(overrides: Sequence[str]) -> list[str]:
    return [override for override in overrides if keys_of([override]) != {"model.preset"}]


def _student(was: Config, n_pairs: int, overrides: Sequence[str] = ()) -> Config:
    """The teacher's config with a smaller model of one decoder layer, and the options that suit it."""
    given = [override.partition("=")[2].strip() for override in overrides if keys_of([override]) == {"model.preset"}]
    preset = given[-1] if given else SMALLER[was.model.preset]
    if preset not in PRESETS:
        raise UsageError(f"model.preset={preset}: there are {', '.join(PRESETS)}")
    sizes = ("n_encoder_layers", "d_model", "d_ff", "n_heads")
    shape = {name: min(getattr(was.model, name), PRESETS[preset]["model"][name]) for name in sizes}
    if was.model.preset == "tiny" and not given:
        shape |= {"d_model": was.model.d_model // 2, "n_heads": max(1, was.model.n_heads // 2)}
    # a small model that is shown one way to say it hardly learns by heart
    more = {"preset": preset, "n_decoder_layers": 1, "dropout": min(0.1, was.model.dropout / 2)}
    recipe = recipe_of(was, overrides)
    # each source comes with two targets, each seen as often as the teacher saw one, or oftener if that was seldom: what
    # a student of few updates lacks is greedy search, and an update of it costs little
    n_updates = None
    if recipe.max_steps is not None:
        growth = (n_pairs / pairs_of_recipe(was)) ** 0.5 if was.train.start_from is not None else 1.0
        n_updates = max(round(2 * recipe.max_steps * growth), updates_for(n_pairs))
    recipe = recipe.model_copy(
        update={"max_steps": n_updates, "consistency": 0.0, "word_dropout": 0.0, "dropout_start": None}
    )
    return was.model_copy(update={"model": was.model.model_copy(update={**shape, **more}), "train": recipe})


def _measure(teacher: Path, student: Path, device: str) -> Distilled:
    test_set = text_of(student)
    domains = compare_models("teacher → student", test_set, teacher, student, device)
    say("measuring the speed of both, in turns …")
    models = [Translator.load(run, device) for run in (teacher, student)]
    parts = test_set.by_target(models[1].bundle.targets)
    seconds: list[list[float]] = [[], []]
    greedy: list[list[str]] = []
    for _ in range(N_ROUNDS):
        for number, model in enumerate(models):
            began = time.perf_counter()
            greedy = [model.translate(part.sources, beam=1, to=part.target) for part in parts]
            seconds[number].append(time.perf_counter() - began)
    scores = [
        bleu(hypotheses, part.references, part.target or models[1].bundle.target).value
        for hypotheses, part in zip(greedy, parts, strict=True)
    ]
    return Distilled(domains, scores, sum(len(part.sources) for part in parts), min(seconds[0]), min(seconds[1]))
