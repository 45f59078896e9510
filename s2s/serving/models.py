"""The models that are served: which one answers what, and what they say about themselves."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from s2s.decoding.alignment import word_numbers
from s2s.decoding.translation import Translation
from s2s.decoding.translator import Translator
from s2s.serving.batcher import Batcher, Job, Wish
from s2s.serving.limits import Limits, RefusedError
from s2s.serving.texts import Spans, Text, cut
from s2s.serving.wire import Asked


@dataclass(frozen=True)
class Served:
    """A model that is served.

    Attributes:
        name: By which clients call it.
        batcher: What translates with it.
    """

    name: str
    batcher: Batcher

    @property
    def translator(self) -> Translator:
        """The model."""
        return self.batcher.translator

    @property
    def targets(self) -> tuple[str, ...]:
        """Languages into which it translates."""
        return self.translator.bundle.targets or (self.translator.bundle.target,)

    def facts(self) -> dict[str, Any]:
        """What the page and its users want to know."""
        bundle = self.translator.bundle
        return {
            "name": self.name,
            "source": bundle.source,
            "targets": list(self.targets),
            "parameters": sum(weight.numel() for weight in bundle.transformer.parameters()),
            "beam": bundle.decode.beam,
            "precision": self.translator.precision,
            "facts": {key: value for key, value in bundle.facts.items() if isinstance(value, int | float | str)},
        }


@dataclass(frozen=True)
class Order:
    """A request that a model has been found for.

    Attributes:
        asked: What was asked for.
        model: Which translates.
        target: Into this language.
        texts: Cut into sentences.
        job: Their translation.
    """

    asked: Asked
    model: Served
    target: str
    texts: list[Text]
    job: Job

    def answer(self, translations: Sequence[Translation]) -> dict[str, Any]:
        """The body of the answer, in the form of LibreTranslate; `details` is our own."""
        each = iter(translations)
        space = self.model.translator.joint
        translated: list[str] = []
        alternatives: list[list[str]] = []
        details: list[list[dict[str, Any]]] = []
        for text in self.texts:
            found = [next(each) for _ in text.sentences]
            translated.append(text.joined([one.text for one in found], space))
            alternatives.append(self._alternatives(text, found, space))
            if self.asked.details:
                gaps = zip(found, text.gaps, strict=False)  # what stands after the last is no sentence's
                details.append([self._details(one, gap) for one, gap in gaps])
        answer: dict[str, Any] = {"translatedText": self._in_form(translated)}
        if self.asked.n_alternatives:
            answer["alternatives"] = self._in_form(alternatives)
        if self.asked.source == "auto":
            # languages are not detected: it is the one that the model knows
            language = {"language": self.model.translator.bundle.source, "confidence": 0.0}
            answer["detectedLanguage"] = self._in_form([language] * len(self.texts))
        if self.asked.details:
            answer["model"] = self.model.name
            answer["details"] = self._in_form(details)
        return answer

    def _in_form(self, values: Sequence[Any]) -> Any:
        return list(values) if self.asked.is_list else values[0]

    def _alternatives(self, text: Text, found: Sequence[Translation], space: str) -> list[str]:
        """The second best of all sentences, the third best, …, as far as there are any; each once."""
        wanted: list[str] = []
        best = text.joined([one.text for one in found], space)
        for n in range(1, self.asked.n_alternatives + 1):
            if not any(n < len(one.candidates) for one in found):
                break
            other = text.joined([one.candidates[min(n, len(one.candidates) - 1)].text for one in found], space)
            if other != best and other not in wanted:
                wanted.append(other)
        return wanted

    def _details(self, translation: Translation, gap: str) -> dict[str, Any]:
        source_words, words = translation.source.split(), translation.text.split()
        vocabularies = self.model.translator.bundle.vocabularies
        # in rare characters the vocabulary sees other words than there are: then nothing is said of them
        fits = len(source_words) == _n_words(vocabularies.src.pieces(translation.source))
        confidence = translation.confidence if len(translation.confidence or ()) == len(words) else None
        links = (translation.alignment or []) if fits and confidence is not None else []
        return {
            "before": gap,
            "source": translation.source,
            "translation": translation.text,
            "source_words": source_words,
            "words": words,
            "confidence": None if confidence is None else [round(value, 4) for value in confidence],
            "alignment": [[src, tgt] for src, tgt in links],
            "candidates": [{"text": one.text, "score": round(one.score, 4)} for one in translation.candidates],
            "cut": translation.n_cut > 0,
            "in_parts": translation.n_parts > 1,
        }


def _n_words(pieces: Sequence[str]) -> int:
    return max(word_numbers(pieces), default=-1) + 1


class Models:
    """All models of a server.

    Args:
        models: The first is the default.
        limits: Of requests.
        sentences_of: How a line is cut into sentences.
    """

    def __init__(self, models: Sequence[Served], limits: Limits, sentences_of: Spans) -> None:
        self.models, self._limits, self._sentences_of = models, limits, sentences_of

    def order(self, asked: Asked) -> Order:
        """Begin to translate.

        Raises:
            RefusedError: No model does that, or too many requests wait.
        """
        model = self._model(asked)
        target = asked.target or model.targets[0]
        n_best = asked.n_alternatives + 1
        translator = model.translator
        beam = (
            asked.beam if asked.beam is not None else max(n_best, min(translator.bundle.decode.beam, self._limits.beam))
        )
        to = target if translator.bundle.targets else None
        wish = Wish(translator.options(beam=beam, n_best=n_best), asked.details, to)
        texts = [cut(text, self._sentences_of) for text in asked.texts]
        sentences = [sentence for text in texts for sentence in text.sentences]
        if len(sentences) > self._limits.sentences:
            raise RefusedError(400, f"a request may have {self._limits.sentences:,} sentences, not {len(sentences):,}")
        job = model.batcher.submit(sentences, wish)
        return Order(asked, model, target, texts, job)

    def _model(self, asked: Asked) -> Served:
        named = self.models if asked.model is None else [self.named(asked.model)]
        for model in named:
            if asked.source in ("auto", model.translator.bundle.source) and (
                asked.target is None or asked.target in model.targets
            ):
                return model
        pairs = ", ".join(f"{model.translator.bundle.source} to {'/'.join(model.targets)}" for model in named)
        wish = f"{asked.source[:20]} to {asked.target[:20]}" if asked.target else f"from {asked.source[:20]}"
        raise RefusedError(400, f"cannot translate {wish}: there is {pairs}")

    def named(self, name: str) -> Served:
        """The model of a name.

        Raises:
            RefusedError: There is none.
        """
        for model in self.models:
            if model.name == name:
                return model
        names = ", ".join(model.name for model in self.models)
        raise RefusedError(400, f"there is no model of that name here; there is {names}")

    def languages(self) -> list[dict[str, Any]]:
        """The languages that can be translated from and into, in the form of LibreTranslate."""
        targets: dict[str, list[str]] = {}
        for model in self.models:
            known = targets.setdefault(model.translator.bundle.source, [])
            known += [target for target in model.targets if target not in known]
        for model in self.models:
            for target in model.targets:
                targets.setdefault(target, [])
        return [{"code": code, "name": code, "targets": known} for code, known in targets.items()]

    def sources(self) -> list[str]:
        """Languages that can be translated from."""
        return list(dict.fromkeys(model.translator.bundle.source for model in self.models))
