"""`s2s ensemble`: several models that translate together, as one model.

Trainings that differ in nothing but the seed end in models that make different mistakes; the mean of their
probabilities makes fewer. It takes as many times as long to translate, so the usual next step is `s2s distill`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from s2s.config.load import dump_config
from s2s.config.schema import Config
from s2s.console import say
from s2s.decoding.bundle import Bundle, load_bundle, load_n_members, save_bundle
from s2s.decoding.translator import Translator
from s2s.errors import CannotCreateError, S2SError, UsageError
from s2s.jobs.compare import Domain, compare_models, config_of, text_of
from s2s.jobs.derived import specs_of
from s2s.jobs.evaluate import mean_bleu
from s2s.jobs.finish import best_penalty
from s2s.jobs.test_sets import TestSet, split_of_run
from s2s.jobs.tokenize import open_split
from s2s.jobs.train import train
from s2s.model import Ensemble, Transformer
from s2s.run_folder import RunFolder, reporting_os_errors, write_atomic
from s2s.runtime import choose_device, set_threads
from s2s.scoring.metrics import Score


@dataclass(frozen=True)
class Together:
    """What an ensemble came to.

    Attributes:
        members: Their run folders.
        alone: BLEU of each on the validation text, with its own search.
        together: BLEU of all as one.
        domains: The member that is best there, and all, on the test text (the validation text if there is none), by
            target language.
    """

    members: list[Path]
    alone: list[Score]
    together: Score
    domains: list[Domain]

    def text(self) -> str:
        """Some lines."""
        scores = zip([*map(str, self.members), f"all {len(self.members)}"], [*self.alone, self.together], strict=True)
        lines = [f"validation: BLEU {score.value:.2f}  {name}" for name, score in scores]
        return "\n".join([*lines, *(domain.text() for domain in self.domains)])


def ensemble(
    members: Sequence[Path], folder: Path, *, n_seeds: int = 1, device: str = "auto", threads: int | None = None
) -> Together:
    """Make one model of several, with the length penalty that suits it.

    Args:
        members: Run folders of models with the same vocabulary and languages. The first says what text it is
            validated and tested on.
        folder: The run folder to be; an ensemble that is there is replaced.
        n_seeds: Models of the first one's config, each with another seed: those that are not there are trained, and
            those that are half trained go on.
        device: `auto`, `cpu`, `cuda`, …
        threads: Processor threads; none for all.

    Raises:
        UsageError: They are not two or more different models, or do not fit together.
        InputMissingError: One has no model, or is no run folder.
        CannotCreateError: There is something else in the folder.
        S2SError: Whatever goes wrong with a training.
    """
    set_threads(threads)
    run = RunFolder(folder)
    _refuse_other(run)
    first = config_of(members[0])
    trained = [_with_seed(members[0], first, first.train.seed + number) for number in range(1, n_seeds)]
    for config in trained:
        train(config, device=device, threads=threads)
    members = list({path.resolve(): path for path in [*members, *(Path(config.run) for config in trained)]}.values())
    configs = [config_of(member) for member in members]
    bundles = [load_bundle(member, choose_device(device)) for member in members]
    _check(members, bundles)
    valid = split_of_run(members[0], "valid")
    alone = [_bleu(bundle, valid) for bundle in bundles]
    values = [score.value for score in alone]
    joined = _joined(bundles)
    if joined.decode.beam > 1:
        decode = joined.decode.model_copy(update={"length_penalty": best_penalty(Translator(joined), valid)})
        joined = replace(joined, decode=decode)
    together = _bleu(joined, valid)
    joined = replace(joined, facts={**joined.facts, "valid_bleu": together.value})
    data = configs[0].data.model_copy(update={"train": _training_text(configs)})
    config = configs[0].model_copy(update={"run": str(folder), "data": data, "decode": joined.decode})
    with reporting_os_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    with run.lock():
        _refuse_other(run)
        run.clean_temporaries()
        save_bundle(joined, run.model)
        write_atomic(run.resolved, dump_config(config))
    best = members[values.index(max(values))]
    domains = compare_models(f"{best} → all {len(members)}", text_of(folder), best, folder, device)
    return Together(list(members), alone, together, domains)


def _with_seed(run: Path, config: Config, seed: int) -> Config:
    """The config of a run for a training with another seed, in a folder beside it."""
    train_config = config.train.model_copy(update={"seed": seed})
    return config.model_copy(update={"run": f"{run}-seed{seed}", "train": train_config})


def _refuse_other(run: RunFolder) -> None:
    """Raise if a folder holds anything but an ensemble."""
    if not (run.config.exists() or run.resolved.exists() or run.model.exists() or run.checkpoints_by_step()):
        return
    try:
        n_members = load_n_members(run.path)
    except S2SError:
        n_members = 0
    if not n_members or run.config.exists():
        raise CannotCreateError(
            "is there already, and is no ensemble", where=str(run.path), hint="Take another name for --to."
        )


def _check(members: Sequence[Path], bundles: Sequence[Bundle]) -> None:
    """Raise UsageError if models cannot translate together."""
    if len(members) < 2 or len({member.resolve() for member in members}) < len(members):
        raise UsageError(
            "an ensemble is of two or more different models",
            hint=f"Train more with other seeds: s2s ensemble {members[0]} --seeds 3",
        )
    first = bundles[0]
    for member, bundle in zip(members[1:], bundles[1:], strict=True):
        if (bundle.source, bundle.target, bundle.targets) != (first.source, first.target, first.targets):
            raise UsageError(f"does not translate between the same languages as {members[0]}", where=str(member))
        if bundle.vocabularies.files != first.vocabularies.files:
            raise UsageError(
                f"has another vocabulary than {members[0]}: their pieces are not the same",
                where=str(member),
                hint=f"Trainings with the same config have the same: s2s ensemble {members[0]} --seeds 3",
            )


def _joined(bundles: Sequence[Bundle]) -> Bundle:
    """One bundle of several; an ensemble among them brings its members."""
    transformers: list[Transformer] = []
    for bundle in bundles:
        model = bundle.transformer
        transformers += model.transformers if isinstance(model, Ensemble) else [model]
    shapes = [shape for bundle in bundles for shape in bundle.members or (bundle.model_config,)]
    return replace(
        bundles[0],
        transformer=Ensemble(transformers).eval(),
        members=tuple(shapes),
        max_source_length=min(bundle.max_source_length for bundle in bundles),
        facts={"chosen": "ensemble", "members": [bundle.facts for bundle in bundles]},
        sources=tuple(dict.fromkeys(source for bundle in bundles for source in bundle.sources)),
    )


def _bleu(bundle: Bundle, text: TestSet) -> Score:
    """BLEU of a model on a text, with its own search."""
    translator = Translator(bundle)
    translations = translator.translate_lines(text.sources, translator.options())
    return mean_bleu([one.text for one in translations], text, bundle)


def _training_text(configs: Sequence[Config]) -> list[str]:
    """The specs of what the members were trained on, the same text once."""
    specs: dict[str, str] = {}
    for config in configs:
        for spec in specs_of(config):
            try:
                content = open_split(config, spec).fingerprint
            except S2SError as error:
                say(f"note: {error}\n  so nothing can be distilled of this ensemble")
                content = spec
            specs.setdefault(content, spec)
    return list(specs.values())
