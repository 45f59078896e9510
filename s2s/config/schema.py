"""Every option of s2s: its name, type, range, meaning and default. There is no other list.

A config is YAML with the six parts below; `load.py` reads it. A complete one is ten lines, because a model preset
brings sizes and recipe (`presets.py`) and everything else has one default, here. The `description` of a field is what
`docs/configuration.md` shows.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from s2s.config.presets import PRESETS
from s2s.paths import at_home

Count = Annotated[int, Field(ge=1, le=10**9)]
Probability = Annotated[float, Field(ge=0.0, lt=1.0)]
Positive = Annotated[float, Field(gt=0.0, le=1e9)]


def _at_home(path: str) -> str:
    return str(at_home(path)) if path.startswith("~") else path  # and `./x` stays as it is written


Text = Annotated[str, Field(min_length=1)]
Specs = Text | Annotated[list[Text], Field(min_length=1)]


class Section(BaseModel):
    """A part of the config: strict types, no unknown keys, immutable."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


def _option(description: str, default: Any = ...) -> Any:
    return Field(default=default, description=description)


class DataConfig(Section):
    """Which parallel text to use. A spec is a file, a pair of files or a hub dataset; see `docs/data.md`."""

    source: Annotated[str, Field(min_length=1, max_length=32)] = _option(
        "Source language (a code such as en); also the name of its column or file ending."
    )
    target: Annotated[str, Field(min_length=1, max_length=32)] = _option("Target language.")
    train: Specs = _option("Spec of the training pairs, or a list of specs to concatenate.")
    valid: Specs = _option("Spec of the validation pairs: every choice is made on these.")
    test: Specs | None = _option("Spec of the test pairs, scored once at the end.", None)
    source_column: Text | None = _option("Column of the source side, if not found by itself.", None)
    target_column: Text | None = _option("Column of the target side, if not found by itself.", None)
    max_length: Count = _option("Training pairs with more pieces than this on a side are dropped.", 200)
    max_ratio: Annotated[float, Field(ge=1.0, le=1000.0)] = _option(
        "Training pairs whose longer side has more than this many times the pieces of the shorter are dropped.", 9.0
    )
    deduplicate: bool = _option("Drop training pairs that occurred before.", False)


class VocabConfig(Section):
    """The SentencePiece vocabulary, learnt from the training split only."""

    size: Annotated[int, Field(ge=16, le=1_000_000)] = _option("Number of pieces, of each side if not shared.", 8_000)
    type: Literal["unigram", "bpe"] = _option("Segmentation model.", "unigram")
    shared: bool = _option("One vocabulary for both languages.", True)
    byte_fallback: bool = _option("Spell unknown characters in bytes, so that nothing is unknown.", True)
    character_coverage: Annotated[float, Field(gt=0.9, le=1.0)] = _option(
        "Share of the characters that get a piece of their own.", 1.0
    )
    user_symbols: list[Text] = _option("Strings that always stay one piece.", [])
    max_sentences: Count = _option("At most so many lines a side, evenly spread, are used to learn it.", 2_000_000)


class ModelConfig(Section):
    """The Transformer's shape. The preset gives what is left out."""

    preset: Literal["tiny", "mini", "small", "base", "big"] = _option("Sizes and recipe to start from.", "small")
    n_encoder_layers: Annotated[int, Field(ge=1, le=100)] = _option("Encoder layers.")
    n_decoder_layers: Annotated[int, Field(ge=1, le=100)] = _option("Decoder layers.")
    d_model: Annotated[int, Field(ge=2, le=16_384)] = _option("Width of the model; a multiple of 2 × n_heads.")
    d_ff: Annotated[int, Field(ge=1, le=65_536)] = _option("Width of the feed-forward layer.")
    n_heads: Annotated[int, Field(ge=1, le=256)] = _option("Attention heads.")
    dropout: Probability = _option("Dropout on embeddings and on each sub-layer's output.")
    attention_dropout: Probability = _option("Dropout on attention weights (slow on CPU).", 0.0)
    norm: Literal["post", "pre"] = _option("Layer norm after the residual sum (the paper) or before the sub-layer.")
    tied: Literal["all", "target", "none"] = _option(
        "Matrices shared: source, target and output (all), target and output, or none.", "all"
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.d_model % (2 * self.n_heads):
            raise ValueError(f"d_model {self.d_model} is not a multiple of 2 × n_heads ({2 * self.n_heads})")
        return self


class TrainConfig(Section):
    """How long and how to train."""

    max_steps: Count | None = _option("Stop after so many updates.", None)
    max_minutes: Positive | None = _option(
        "Stop after so many minutes of training; the schedule fits itself (`noam` does not).", None
    )
    batch_tokens: Annotated[int, Field(ge=8, le=10**7)] = _option(
        "Budget of a batch: pairs × pieces of its longest side, end symbol included."
    )
    temperature: Annotated[float, Field(ge=1.0, le=100.0)] = _option(
        "How evenly the corpora of data.train are drawn from: 1 as they are, 5 nearly the same share for each.", 1.0
    )
    accumulate: Count = _option("Batches per update; the gradient is exact per token.", 1)
    optimizer: Literal["adam", "muon"] = _option(
        "adam, or muon: orthogonalised steps for the matrices inside the layers, Adam for the rest."
    )
    schedule: Literal["noam", "inverse_sqrt", "cosine"] = _option("Shape of the learning rate.")
    learning_rate: Positive = _option("Peak rate of inverse_sqrt and cosine. noam has its own.")
    noam_factor: Positive = _option("Factor on the rate of the noam schedule.", 1.0)
    warmup_steps: Count = _option("Updates of linear warm-up; at most a tenth of the run unless noam.")
    subword_dropout: Probability = _option("Chance of splitting a piece in two, anew each time; for small data.")
    word_dropout: Probability = _option(
        "Chance of hiding a piece that the model reads, of the source or of the target so far; for small data."
    )
    dropout_start: Probability | None = _option(
        "Dropout of the first update (at most model.dropout), from which it grows evenly to model.dropout at the end of"
        " train.max_steps or max_minutes; null for model.dropout throughout. For small data."
    )
    label_smoothing: Probability = _option("Share of the probability spread over all pieces.", 0.1)
    consistency: Annotated[float, Field(ge=0.0, le=100.0)] = _option(
        "R-Drop: every batch passes twice, with other dropout, and both predictions are drawn together with this weight"
        " (usual: 5; 0 for one pass). For small data; an update takes twice as long.",
        0.0,
    )
    adam_beta1: Probability = _option("Adam, decay of the mean.", 0.9)
    adam_beta2: Probability = _option("Adam, decay of the square.", 0.98)
    adam_epsilon: Positive = _option("Adam, term that keeps the division stable.", 1e-9)
    weight_decay: Annotated[float, Field(ge=0.0, le=100.0)] = _option(
        "At each update the matrices inside the layers shrink by this times the learning rate; with fixnorm only those"
        " whose length it does not keep. For small data."
    )
    fixnorm: bool = _option(
        "FixNorm: embeddings, and the matrices inside the layers but for those that write what a sub-layer adds, keep"
        " their length; an update changes their direction. So frequent pieces do not outgrow the others."
    )
    clip_norm: Annotated[float, Field(ge=0.0)] = _option("Largest norm of the gradient; 0 turns clipping off.", 1.0)
    precision: Literal["auto", "fp32", "bf16"] = _option(
        "auto: bf16 autocast on CUDA that has it and CPUs that are faster in it, else fp32.", "auto"
    )
    validate_every: Count = _option("Updates between validations.", 500)
    checkpoint_every: Count = _option("Updates between checkpoints.", 500)
    keep_checkpoints: Count = _option("Checkpoints kept beside the best; the last ones.", 5)
    average: Annotated[int, Field(ge=0, le=1000)] = _option(
        "Number of last checkpoints averaged at the end; 0 or 1 for none.", 5
    )
    patience: Count | None = _option("Stop after so many validations without a better score.", None)
    best_by: Literal["bleu", "nll"] = _option("Validation score that says which checkpoint is best.", "bleu")
    start_from: Annotated[Text, AfterValidator(_at_home)] | None = _option(
        "Run or model whose weights and vocabulary to begin with; the model has to have the same shape.", None
    )
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = _option("Seed of weights, order and dropout.", 1)
    tensorboard: bool = _option("Also log for TensorBoard (extra: tensorboard).", False)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.average > 1 and self.average > self.keep_checkpoints:
            raise ValueError(f"average {self.average} needs keep_checkpoints ≥ {self.average}")
        return self


class DecodeConfig(Section):
    """How translations are searched for; the defaults of `translate` and `evaluate`."""

    beam: Annotated[int, Field(ge=1, le=256)] = _option("Hypotheses kept; 1 is greedy.", 5)
    length_penalty: Annotated[float, Field(ge=0.0, le=10.0)] | None = _option(
        "Score is log-probability / length ^ this: 0 favours short, 1 is the mean per piece. Left out: chosen on the"
        " validation split at the end of training.",
        None,
    )
    max_length_ratio: Annotated[float, Field(gt=0.0, le=100.0)] = _option(
        "At most so many pieces per source piece, plus 10.", 2.0
    )
    batch_tokens: Annotated[int, Field(ge=8, le=10**7)] = _option(
        "Budget of a batch: sentences × beam × pieces of the longest source.", 8_192
    )

    @property
    def alpha(self) -> float:
        """The length penalty; 1 as long as none is chosen."""
        return 1.0 if self.length_penalty is None else self.length_penalty


class Config(Section):
    """A whole config. Every value is filled in: what was not given comes from the preset or the default."""

    run: Annotated[Text, AfterValidator(_at_home)] = _option("The run folder: everything that training makes.")
    data: DataConfig
    vocab: VocabConfig = VocabConfig()
    model: ModelConfig
    train: TrainConfig
    decode: DecodeConfig = DecodeConfig()

    @model_validator(mode="before")
    @classmethod
    def _fill_from_preset(cls, given: Any) -> Any:
        """Put the preset's values under those that were given."""
        if not isinstance(given, dict):
            return given
        model = given.get("model", {})
        train = given.get("train", {})
        if not isinstance(model, dict) or not isinstance(train, dict):
            return given
        preset = PRESETS.get(model["preset"] if isinstance(model.get("preset"), str) else "small")
        if preset is None:  # an unknown name: fill with any, so that only the name is reported
            preset = PRESETS["base"]
        recipe = dict(preset["train"])
        if train.get("max_minutes") is not None:  # a time limit replaces the preset's number of updates
            recipe.pop("max_steps")
        return {**given, "model": {**preset["model"], **model}, "train": {**recipe, **train}}

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.train.max_steps is None and self.train.max_minutes is None:
            raise ValueError("train.max_steps or train.max_minutes is needed, or training never ends")
        if self.data.max_length + 1 > self.train.batch_tokens:
            raise ValueError(
                f"data.max_length {self.data.max_length} and an end symbol do not fit into"
                f" train.batch_tokens {self.train.batch_tokens}"
            )
        if self.train.consistency and not (self.model.dropout or self.model.attention_dropout):
            raise ValueError("train.consistency needs dropout: without it both passes are the same")
        if self.model.tied == "all" and not self.vocab.shared:
            raise ValueError("model.tied: all needs vocab.shared: true; use tied: target")
        return self
