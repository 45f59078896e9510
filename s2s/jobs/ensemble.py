"""`s2s ensemble`: several models that translate together, as one model.

Trainings that differ in nothing but the seed end in models that make different mistakes; the mean of their
probabilities makes fewer. It takes as many times as long to translate, so the usual next step is `s2s distill`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from shlex import quote

from s2s.config.load import dump_config
from s2s.config.schema import Config
from s2s.console import say
from s2s.decoding.bundle import Bundle, bundle_sum, load_bundle, load_n_members, save_bundle
from s2s.decoding.translator import Translator
from s2s.errors import DataError, S2SError, UsageError
from s2s.jobs.compare import Domain, compare_models, config_of, say_if_unfinished, text_of
from s2s.jobs.derived import deriving, refuse_occupied, specs_of
from s2s.jobs.evaluate import mean_bleu
from s2s.jobs.finish import best_penalty, usual_length
from s2s.jobs.test_sets import TestSet, split_of_run
from s2s.jobs.tokenize import open_split, refuse_other_text, reports_of
from s2s.jobs.train import train
from s2s.model import Ensemble, Transformer
from s2s.run_folder import RunFolder, write_atomic
from s2s.runtime import choose_device, set_threads
from s2s.scoring.metrics import Score


@dataclass(frozen=True)
class Together:
    """What an ensemble came to.

    Attributes:
        members: Their run folders.
        alone: BLEU of each on the validation text, with its own search.
        n_members: Models in all; an ensemble among the members is several.
        together: BLEU of all as one.
        domains: The member that is best there, and all, on the test text (the validation text if there is none), by
            target language.
    """

    members: list[Path]
    alone: list[Score]
    n_members: int
    together: Score
    domains: list[Domain]

    def text(self) -> str:
        """Some lines."""
        scores = zip([*map(str, self.members), f"all {self.n_members}"], [*self.alone, self.together], strict=True)
        lines = [f"validation: BLEU {score.value:.2f}  {name}" for name, score in scores]
        return "\n".join([*lines, *(domain.text() for domain in self.domains)])


def ensemble(
    members: Sequence[Path], folder: Path, *, n_seeds: int = 1, device: str = "auto", threads: int | None = None
) -> Together:
    """Make one model of several, with the length penalty that suits it, unless the first one was given one.

    Args:
        members: Run folders of models with the same vocabulary and languages. The first says what text it is
            validated and tested on.
        folder: The run folder to be; if this ensemble is there already, it is only scored.
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
    refuse_occupied(RunFolder(folder))
    first = config_of(members[0])
    valid, test = split_of_run(members[0], "valid"), text_of(members[0])  # what is missing is said first
    if n_seeds > 1:
        if load_n_members(members[0]):
            raise UsageError(
                "is an ensemble, of which there is no other seed",
                where=str(members[0]),
                hint="Name the run that its members began with: s2s ensemble RUN --seeds 5 --to all",
            )
        refuse_other_text(RunFolder(members[0]), first)
    trained = [_with_seed(members[0], first, first.train.seed + number) for number in range(1, n_seeds)]
    for config in trained:
        train(config, device=device, threads=threads)
    members = list({path.resolve(): path for path in [*members, *(Path(config.run) for config in trained)]}.values())
    configs = [config_of(member) for member in members]
    for member in members:
        say_if_unfinished(member)
    bundles = [load_bundle(member, choose_device(device)) for member in members]
    sums = {str(member): bundle_sum(member) for member in members}
    _check(members, bundles)
    with deriving(folder, {"command": "ensemble", "members": sums}) as run:
        alone = [_bleu(bundle, valid) for bundle in bundles]
        if not run.config.exists():
            save_bundle(_joined(bundles, members[0], valid, penalty=first.decode.length_penalty), run.model)
            data = first.data.model_copy(update={"train": _training_text(configs)})
            described = dump_config(first.model_copy(update={"run": str(folder), "data": data}))
            write_atomic(run.resolved, described)
            write_atomic(run.config, described)
        joined = load_bundle(folder, choose_device(device))
    together, n_members = _bleu(joined, valid), len(joined.members)
    values = [score.value for score in alone]
    best = members[values.index(max(values))]
    domains = compare_models(f"{best} → all {n_members}", test, best, folder, device)
    return Together(list(members), alone, n_members, together, domains)


def _with_seed(run: Path, config: Config, seed: int) -> Config:
    """The config of a run for a training with another seed, in a folder beside it."""
    train_config = config.train.model_copy(update={"seed": seed})
    return config.model_copy(update={"run": f"{run}-seed{seed}", "train": train_config})


def _check(members: Sequence[Path], bundles: Sequence[Bundle]) -> None:
    """Raise UsageError if models cannot translate together."""
    if len(members) < 2:
        raise UsageError(
            "an ensemble is of two or more models",
            hint=f"Train more with other seeds: s2s ensemble {quote(str(members[0]))} --seeds 3",
        )
    known: dict[str, Path] = {}
    for member, bundle in zip(members, bundles, strict=True):
        for weights in map(_weights_sum, _transformers(bundle)):
            if weights in known:
                raise UsageError(f"is the same model as {known[weights]}, or has it as a member", where=str(member))
            known[weights] = member
    first = bundles[0]
    for member, bundle in zip(members[1:], bundles[1:], strict=True):
        if (bundle.source, bundle.target, bundle.targets) != (first.source, first.target, first.targets):
            raise UsageError(f"does not translate between the same languages as {members[0]}", where=str(member))
        if bundle.vocabularies.files != first.vocabularies.files:
            raise UsageError(
                f"has another vocabulary than {members[0]}: their pieces are not the same",
                where=str(member),
                hint="Trainings with the same config, but for the seed, have the same: s2s ensemble RUN --seeds 3",
            )


def _transformers(bundle: Bundle) -> list[Transformer]:
    model = bundle.transformer
    return list(model.transformers) if isinstance(model, Ensemble) else [model]


def _weights_sum(transformer: Transformer) -> str:
    """The sha256 of a model's weights."""
    digest = sha256()
    for name, tensor in sorted(transformer.state_dict().items()):
        digest.update(f"{name} {tuple(tensor.shape)}".encode())
        digest.update(tensor.float().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _joined(bundles: Sequence[Bundle], first: Path, valid: TestSet, penalty: float | None) -> Bundle:
    """One bundle of several, an ensemble among them by its members; it translates the validation text best.

    Args:
        bundles: Of the members.
        first: Run folder of the first, which says how long its training text is.
        valid: The validation text, that of the first.
        penalty: The length penalty, if one was given.
    """
    transformers = [transformer for bundle in bundles for transformer in _transformers(bundle)]
    shapes = [shape for bundle in bundles for shape in bundle.members or (bundle.model_config,)]
    joined = replace(
        bundles[0],
        transformer=Ensemble(transformers).eval(),
        members=tuple(shapes),
        max_source_length=min(bundle.max_source_length for bundle in bundles),
        facts={"chosen": "ensemble", "members": [bundle.facts for bundle in bundles]},
        sources=tuple(dict.fromkeys(source for bundle in bundles for source in bundle.sources)),
    )
    if joined.decode.beam == 1:
        return joined
    if penalty is None:
        length = 1.0
        try:
            length = usual_length(*reports_of(RunFolder(first)), joined)
        except DataError as error:
            say(f"note: {error.where} {error.what}: the length penalty is for translations as long as validation's")
        penalty = best_penalty(Translator(joined), valid, None, length)[0]
    return replace(joined, decode=joined.decode.model_copy(update={"length_penalty": penalty}))


def _bleu(bundle: Bundle, text: TestSet) -> Score:
    """BLEU of a model on a text, with its own search."""
    translator = Translator(bundle)
    translations = translator.translate_lines(text.sources, translator.options())
    return mean_bleu([one.text for one in translations], text, bundle)


def _training_text(configs: Sequence[Config]) -> list[str]:
    """The specs of what the members were trained on; what several were trained on once, as the first has it.

    If none of it is there, those of the first: a config without any is none, and what needs the text will say so.
    """
    specs: list[str] = []
    known: set[str] = set()
    for config in configs:
        found = []
        for spec in specs_of(config):
            try:  # as the first would read it, whose other options the ensemble has
                found.append((open_split(configs[0], spec).fingerprint, spec))
            except S2SError as error:
                say(f"note: {error}\n  s2s distill cannot learn from this text")
        specs += [spec for content, spec in found if content not in known]
        known.update(content for content, _ in found)
    return specs or specs_of(configs[0])
