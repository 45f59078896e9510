"""The models that are served: which one answers what."""

from collections.abc import Sequence
from typing import Any

from s2s.formats.sentences import sentences
from s2s.serving.batcher import Wish
from s2s.serving.limits import Limits, RefusedError
from s2s.serving.orders import Served, TextOrder
from s2s.serving.pages import HtmlOrder, Pages
from s2s.serving.texts import cut
from s2s.serving.wire import Asked


class Models:
    """All models of a server.

    Args:
        models: The first is the default.
        limits: Of requests.
    """

    def __init__(self, models: Sequence[Served], limits: Limits) -> None:
        self.models, self._limits = models, limits
        self._pages = Pages(limits)

    def order(self, asked: Asked) -> TextOrder | HtmlOrder:
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
        if asked.is_html:
            return self._pages.order(asked, model, wish, target)
        texts = [cut(text, sentences) for text in asked.texts]
        found = [sentence for text in texts for sentence in text.sentences]
        if len(found) > self._limits.sentences:
            raise RefusedError(400, f"a request may have {self._limits.sentences:,} sentences, not {len(found):,}")
        return TextOrder(asked, model, texts, model.batcher.submit(found, wish))

    def _model(self, asked: Asked) -> Served:
        named = self.models if asked.model is None else [self.named(asked.model)]
        for model in named:
            if model.takes(asked.source) and (asked.target is None or asked.target in model.targets):
                return model
        pairs = ", ".join(f"{'/'.join(model.sources)} to {'/'.join(model.targets)}" for model in named)
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
            for source in model.sources:
                known = targets.setdefault(source, [])
                known += [target for target in model.targets if target not in known and target != source]
        for model in self.models:
            for target in model.targets:
                targets.setdefault(target, [])
        return [{"code": code, "name": code, "targets": known} for code, known in targets.items()]

    def sources(self) -> list[str]:
        """Languages that can be translated from."""
        return list(dict.fromkeys(source for model in self.models for source in model.sources))
