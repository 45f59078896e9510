"""What was asked of a model, and the answer that is made of its translations."""

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from s2s.decoding.translation import Translation
from s2s.decoding.translator import Translator
from s2s.serving.batcher import Batcher, Job
from s2s.serving.texts import Text
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

    @property
    def sources(self) -> tuple[str, ...]:
        """Languages from which it translates."""
        return self.translator.bundle.sources or (self.translator.bundle.source,)

    def takes(self, source: str) -> bool:
        """Whether it translates from a language, as far as it knows: an older model of several does not say."""
        bundle = self.translator.bundle
        return source in ("auto", *self.sources) or (bool(bundle.targets) and not bundle.sources)

    def facts(self) -> dict[str, Any]:
        """What the page and its users want to know."""
        bundle = self.translator.bundle
        return {
            "name": self.name,
            "source": bundle.source,
            "sources": list(self.sources),
            "targets": list(self.targets),
            "parameters": sum(weight.numel() for weight in bundle.transformer.parameters()),
            "beam": bundle.decode.beam,
            "precision": self.translator.precision,
            "facts": {key: value for key, value in bundle.facts.items() if isinstance(value, int | float | str)},
        }


@dataclass(frozen=True)
class TextOrder:
    """Texts that a model has been found for.

    Attributes:
        asked: What was asked for.
        model: Which translates.
        texts: Cut into sentences.
        job: Their translation.
    """

    asked: Asked
    model: Served
    texts: list[Text]
    job: Job

    @property
    def done(self) -> Future[list[Translation]]:
        """Has the translations in the end."""
        return self.job.done

    def abandon(self) -> None:
        """Nobody waits any more."""
        self.model.batcher.abandon(self.job)

    def answer(self, translations: Sequence[Translation]) -> dict[str, Any]:
        """The body of the answer, in the form of LibreTranslate; `details` is our own."""
        each = iter(translations)
        space = self.model.translator.joint(self.asked.target or self.model.targets[0])
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
        answer = answer_of(self.asked, self.model, translated)
        if self.asked.n_alternatives:
            answer["alternatives"] = in_form(self.asked, alternatives)
        if self.asked.details:
            answer["model"] = self.model.name
            answer["details"] = in_form(self.asked, details)
        return answer

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
        words = translation.text.split()
        # in rare characters the vocabulary sees other words than there are: then nothing is said of them
        confidence = translation.confidence if len(translation.confidence or ()) == len(words) else None
        links = (translation.alignment or []) if confidence is not None else []
        return {
            "before": gap,
            "source": translation.source,
            "translation": translation.text,
            "source_words": translation.source.split(),
            "words": words,
            "confidence": None if confidence is None else [round(value, 4) for value in confidence],
            "alignment": [[src, tgt] for src, tgt in links],
            "candidates": [{"text": one.text, "score": round(one.score, 4)} for one in translation.candidates],
            "cut": translation.n_cut > 0,
            "in_parts": translation.n_parts > 1,
        }


def answer_of(asked: Asked, model: Served, translated: Sequence[str]) -> dict[str, Any]:
    """The body of an answer, in the form of LibreTranslate."""
    answer: dict[str, Any] = {"translatedText": in_form(asked, translated)}
    if asked.source == "auto":
        # languages are not detected: it is the one that the model knows
        language = {"language": model.translator.bundle.source, "confidence": 0.0}
        answer["detectedLanguage"] = in_form(asked, [language] * len(asked.texts))
    return answer


def in_form(asked: Asked, values: Sequence[Any]) -> Any:
    """A value for each text as it was asked for: a list, or the one."""
    return list(values) if asked.is_list else values[0]
