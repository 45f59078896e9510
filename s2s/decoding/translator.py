"""Lines in, lines out: what stands between text and search."""

import itertools
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Self, TypeVar

import torch
from torch import Tensor

from s2s.corpus.pairs import tag_of
from s2s.decoding.alignment import Links, forced_pass, word_confidence, word_links, word_numbers
from s2s.decoding.batching import even_batches, pad_rows
from s2s.decoding.bundle import Bundle, load_bundle
from s2s.decoding.compiled import fastest_engine, is_compiled
from s2s.decoding.sampling import Sampling, sample
from s2s.decoding.search import Hypothesis, SearchOptions, search
from s2s.decoding.translation import Candidate, Translation
from s2s.errors import UsageError
from s2s.runtime import autocast_type, choose_device, name_of_type, seed_of_step, set_threads
from s2s.scoring.metrics import bleu_tokenizer
from s2s.symbols import EOS

T = TypeVar("T")
R = TypeVar("R")

_WORD_START = "▁"  # SentencePiece's mark of a space
_SENTENCE_END = re.compile(r"[.!?…؟।][\"'”’»)\]]*$")
_SENTENCE_END_WITHOUT_SPACE = re.compile(r"[。！？][」』”’）]*$")


class Translator:
    """A trained model, ready to translate.

    >>> translator = Translator.load("runs/demo")           # doctest: +SKIP
    >>> translator.translate(["The dog sleeps."])           # doctest: +SKIP
    ['Der Hund schläft.']

    Args:
        bundle: The model with its vocabulary and defaults.
        precision: `auto`, `fp32` or `bf16`.
        int8: Whether linear maps are in 8 bits; a CPU with VNNI is needed.

    Attributes:
        bundle: The model.
        autocast: Type of autocast of what is not search, or none.
        precision: In what type it searches: float32, bfloat16 or int8.
        by_pytorch: On a processor: it searches by PyTorch, as the C engine is not there.
    """

    def __init__(self, bundle: Bundle, precision: str = "auto", int8: bool = False) -> None:
        self.bundle = bundle
        device = next(bundle.transformer.parameters()).device
        self.autocast = autocast_type(precision, device)
        self.precision = "int8" if int8 else name_of_type(self.autocast)
        self._engine = fastest_engine(bundle.transformer, self.autocast, int8)
        by_c = device.type == "cpu" and self.precision in ("float32", "int8")
        self._is_compiled = is_compiled(self._engine)
        self.by_pytorch = by_c and not self._is_compiled
        self._tags = {tag_of(target): target for target in bundle.targets}

    @classmethod
    def load(cls, path: str | Path, device: str = "auto", precision: str = "auto", int8: bool = False) -> Self:
        """Read a model.

        Args:
            path: A run folder, or a model in a folder or a file.
            device: `auto`, `cpu`, `cuda`, …
            precision: `auto`, `fp32` or `bf16`.
            int8: Whether linear maps are in 8 bits.

        Raises:
            InputMissingError: If there is no model.
            DataError: If it is damaged.
        """
        return cls(load_bundle(Path(path), choose_device(device)), precision, int8)

    def translate(
        self,
        lines: Sequence[str],
        *,
        beam: int | None = None,
        length_penalty: float | None = None,
        to: str | None = None,
    ) -> list[str]:
        """Translate lines; as many come out, in their order.

        Args:
            lines: Source text, a sentence each. A line without text gives an empty one.
            beam: Hypotheses kept, 1 for greedy search; none for the model's default.
            length_penalty: α of the score; none for the model's default.
            to: The language to translate into, for a model that knows several.

        Raises:
            UsageError: It is one text, whose letters would be the lines.
        """
        if isinstance(lines, str | bytes):
            raise UsageError("translate takes a list of lines", hint="For one: translate([line])[0]")
        options = self.options(beam=beam, length_penalty=length_penalty)
        return [translation.text for translation in self.translate_lines(lines, options, to=to)]

    def options(
        self, *, beam: int | None = None, length_penalty: float | None = None, n_best: int = 1
    ) -> SearchOptions:
        """The model's default search with what is given in its place; the beam is at least `n_best`."""
        decode = self.bundle.decode
        return SearchOptions(
            beam=beam if beam is not None else max(decode.beam, n_best),
            length_penalty=length_penalty if length_penalty is not None else decode.alpha,
            n_best=n_best,
            max_length_ratio=decode.max_length_ratio,
        )

    def translate_lines(
        self,
        lines: Sequence[str],
        options: SearchOptions,
        check_stop: Callable[[], None] = lambda: None,
        prefix: str | Sequence[str] | None = None,
        sampling: Sampling | None = None,
        first: int = 0,
        align: bool = False,
        to: str | None = None,
    ) -> list[Translation]:
        """Like `translate`, with all that is known about each translation.

        Args:
            lines: Source text.
            options: How to search.
            check_stop: Called before each batch and each step of a search; it may raise.
            prefix: What each translation begins with, if given, or one text for each line. Its last piece is what it
                is as the end of a text.
            sampling: Draw translations instead of searching for them, if given.
            first: Number of the first line; with it and the seed, samples are reproducible.
            align: Link the words of the best translations to those of the lines, and say how sure the model is of each,
                which takes one more pass.
            to: The language to translate into, for a model that knows several; none if each line says it itself.

        Raises:
            UsageError: The model does not know that language.
        """
        tagged = self.tagged(lines, to)
        parts_of_line = [self._parts(line) for line in tagged]
        parts = [part for parts in parts_of_line for part in parts]
        prefixes = None
        if prefix is not None:
            texts = [prefix] * len(lines) if isinstance(prefix, str) else prefix
            known = {text: self.bundle.vocabularies.tgt.encode(text) for text in set(texts)}
            prefixes = [
                [] if number else known[text]
                for text, parts in zip(texts, parts_of_line, strict=True)
                for number in range(len(parts))
            ]
        if sampling is None:
            found = self._search(parts, options, check_stop, prefixes)
        else:
            numbers = [(line, part) for line, parts in enumerate(parts_of_line, first) for part in range(len(parts))]
            seeds = [seed_of_step(sampling.seed, line, part) for line, part in numbers]
            found = self._sample(parts, options, check_stop, sampling, seeds)
        in_order = iter(found)
        translations = [
            self._join(line, [next(in_order) for _ in parts], options, self._joint_of(seen))
            for line, seen, parts in zip(lines, tagged, parts_of_line, strict=True)
        ]
        return self._aligned(translations, tagged, parts_of_line, found) if align else translations

    def joint(self, to: str | None) -> str:
        """What stands between two sentences of a language that it translates into; none for the only one."""
        # languages that BLEU scores by characters are written without spaces
        return " " if bleu_tokenizer(to or self.bundle.target) == "13a" else ""

    def _joint_of(self, tagged: str) -> str:
        """What stands between the translations of the parts of a line, as the model sees the line."""
        return self.joint(self._tags.get(tagged.split(" ", 1)[0]))

    def tagged(self, lines: Sequence[str], to: str | None) -> Sequence[str]:
        """Lines with the language that they are to be translated into before them, if the model knows several.

        Args:
            lines: Sentences.
            to: The language; none if they have their tags, or the model knows but one.

        Raises:
            UsageError: The model does not translate into it, or nothing says into which.
        """
        known = self.bundle.targets
        if to is None:
            for line in lines if known else ():
                if line.split(" ", 1)[0] not in self._tags and self.bundle.vocabularies.src.encode(line):
                    raise UsageError(
                        f"the model translates into {', '.join(known)}, and nothing says into which",
                        hint=f"Give --to {known[0]}, or begin each line with {tag_of(known[0])}.",
                    )
            return lines
        if to not in known and (known or to != self.bundle.target):
            there = f"it translates into {', '.join(known)}" if known else f"it knows {self.bundle.target} alone"
            raise UsageError(f"the model does not translate into {to}; {there}")
        return [f"{tag_of(to)} {line}" if line.strip() else line for line in lines] if known else lines

    def _aligned(
        self,
        translations: list[Translation],
        tagged: Sequence[str],
        parts_of_line: list[list[list[int]]],
        found: list[list[Hypothesis]],
    ) -> list[Translation]:
        """Add alignments; `tagged` are the lines as the model has seen them."""
        hypotheses = iter(found)
        pairs = []
        for translation, line, parts in zip(translations, tagged, parts_of_line, strict=True):
            joint = self._joint_of(line)
            best = self._hypotheses_of(translation, [next(hypotheses) for _ in parts], joint)
            pairs += [(part, hypothesis.ids) for part, hypothesis in zip(parts, best, strict=True)]
        passes = forced_pass(self.bundle.transformer, pairs, autocast=self.autocast)
        forced = iter(zip(pairs, passes, strict=True))
        aligned = []
        for translation, line, parts in zip(translations, tagged, parts_of_line, strict=True):
            pieces = self.bundle.vocabularies.src.pieces(line)
            n_head, n_added = self._n_head(pieces), int(line != translation.source)
            src_numbers = self.bundle.vocabularies.src.word_numbers(line)
            src_words, head = iter(src_numbers[n_head:]), src_numbers[:n_head]
            links: Links = []
            log_probabilities, numbers = [torch.empty(0)], list[int]()
            n_target_words, joint = 0, self._joint_of(line)
            for _ in parts:
                (source, target), (weights_TS, log_probabilities_T) = next(forced)
                words = word_numbers(self.bundle.vocabularies.tgt.pieces_of(target))
                tgt_words = [n_target_words + word for word in words]
                here = [*head, *(next(src_words) for _ in source[n_head:])]
                new = word_links(weights_TS, here, tgt_words)
                links += [(src - n_added, tgt) for src, tgt in new if src >= n_added]  # the tag is no word of the line
                log_probabilities.append(log_probabilities_T)
                numbers += tgt_words
                n_target_words += words[-1] + len(joint) if words else 0
            confidence = word_confidence(torch.cat(log_probabilities), numbers)
            aligned.append(replace(translation, alignment=links, confidence=confidence))
        return aligned

    def _hypotheses_of(self, translation: Translation, parts: list[list[Hypothesis]], joint: str) -> list[Hypothesis]:
        """Of each part the hypothesis that the best translation of a line is made of."""
        for n in range(min(map(len, parts), default=0)):
            chosen = [hypotheses[n] for hypotheses in parts]
            if self._text(chosen, joint) == translation.text:
                return chosen
        return []

    def _text(self, parts: list[Hypothesis], joint: str) -> str:
        return joint.join(self.bundle.vocabularies.tgt.decode(part.ids) for part in parts)

    def _parts(self, line: str) -> list[list[int]]:
        """Source ids of a line, in parts no longer than what the model was trained on; none for one without text."""
        vocabulary, limit = self.bundle.vocabularies.src, self.bundle.max_source_length
        ids = vocabulary.encode(line)
        n_head = self._n_head(vocabulary.pieces_of(ids[:2]))
        if len(ids) <= n_head:  # such as one of spaces without width
            return []
        if len(ids) <= limit:
            return [ids]
        pieces = vocabulary.pieces(line)
        cuts = [0, *split_points(pieces[n_head:], max(1, limit - n_head)), len(ids) - n_head]
        return [ids[:n_head] + ids[n_head + start : n_head + end] for start, end in itertools.pairwise(cuts)]

    def _n_head(self, pieces: Sequence[str]) -> int:
        """How many pieces at the beginning of a line say the language, which each part of it has to begin with."""
        for place, piece in enumerate(pieces[:2]):
            if piece in self._tags:
                return place + 1
        return 0

    def _search(
        self,
        parts: list[list[int]],
        options: SearchOptions,
        check_stop: Callable[[], None],
        prefixes: list[list[int]] | None,
    ) -> list[list[Hypothesis]]:
        """Search for all parts."""

        def translate(src_BS: Tensor, batch: list[int], check: Callable[[], None]) -> list[list[Hypothesis]]:
            some = prefixes and [prefixes[index] for index in batch]
            return search(self._engine, src_BS, options, some, check)

        return self._in_batches(translate, parts, options, check_stop)

    def _sample(
        self,
        parts: list[list[int]],
        options: SearchOptions,
        check_stop: Callable[[], None],
        sampling: Sampling,
        seeds: list[int],
    ) -> list[list[Hypothesis]]:
        """Draw translations of all parts."""

        def translate(src_BS: Tensor, batch: list[int], check: Callable[[], None]) -> list[list[Hypothesis]]:
            return sample(self._engine, src_BS, options, sampling, [seeds[index] for index in batch], check)

        return self._in_batches(translate, parts, options, check_stop)

    def _in_batches(
        self,
        translate: Callable[[Tensor, list[int], Callable[[], None]], list[list[Hypothesis]]],
        parts: list[list[int]],
        options: SearchOptions,
        check_stop: Callable[[], None],
    ) -> list[list[Hypothesis]]:
        """Translate all parts, similar lengths together, a batch on each core."""
        found: list[list[Hypothesis]] = [[] for _ in parts]
        batches = even_batches([len(part) + 1 for part in parts], self._budget(options), self._n_workers(len(parts)))

        is_over = threading.Event()

        def check() -> None:
            check_stop()
            if is_over.is_set():
                raise _OverError

        def padded(batch: list[int]) -> list[list[Hypothesis]]:
            return translate(pad_rows([[*parts[index], EOS] for index in batch]), batch, check)

        in_turn = _in_turn(padded, batches, self._n_workers(len(batches)), is_over, alone=self._is_compiled)
        for batch, hypotheses in zip(batches, in_turn, strict=True):
            check_stop()
            for index, nbest in zip(batch, hypotheses, strict=True):
                found[index] = nbest
        return found

    def _n_workers(self, n_batches: int) -> int:
        """Batches searched at the same time: cores that work on a batch together wait for each other at every step."""
        return min(torch.get_num_threads(), n_batches) if self._engine.device.type == "cpu" else 1

    def _budget(self, options: SearchOptions) -> int:
        return max(1, self.bundle.decode.batch_tokens // options.beam)

    def _join(self, line: str, parts: list[list[Hypothesis]], options: SearchOptions, joint: str) -> Translation:
        """Put the translations of a line's parts together; the n-th of the line is made of the n-th of each part."""
        if not parts:
            return Translation(line, [Candidate("", 0.0, 0.0, 0)], 0, 0)
        candidates: list[tuple[Candidate, int]] = []
        for n in range(min(len(hypotheses) for hypotheses in parts)):
            chosen = [hypotheses[n] for hypotheses in parts]
            text = self._text(chosen, joint)
            log_probability = sum(hypothesis.log_probability for hypothesis in chosen)
            n_pieces = sum(len(hypothesis.ids) + 1 for hypothesis in chosen)
            score = log_probability / options.divisor(n_pieces)
            candidate = Candidate(text, score, log_probability, n_pieces)
            candidates.append((candidate, sum(hypothesis.cut for hypothesis in chosen)))
        candidates.sort(key=lambda one: -one[0].score)
        return Translation(line, [candidate for candidate, _ in candidates], len(parts), candidates[0][1])


class _OverError(Exception):
    """Nobody waits for a batch any more."""


def _in_turn(
    translate: Callable[[T], R], batches: Sequence[T], n_workers: int, is_over: threading.Event, *, alone: bool
) -> Iterator[R]:
    """What `translate` makes of each batch, in order; with several workers, each has a processor thread.

    It sets `is_over` in the end, be it Ctrl-C: the batches that workers are at look at it.

    With `alone`, one worker has one too: what torch does in a step of the C engine is so little that its threads would
    mostly wait for each other, ten times as long as the work where another program has the other core.
    """
    if torch.get_num_threads() == 1 or (n_workers <= 1 and not alone):
        yield from map(translate, batches)
        return
    pool = ThreadPoolExecutor(max(1, n_workers), "search", set_threads, (1,))
    try:
        yield from pool.map(translate, batches)
    finally:
        is_over.set()
        pool.shutdown(cancel_futures=True)


def split_points(pieces: Sequence[str], limit: int) -> list[int]:
    """Where to cut a long line: after the last sentence that fits, else before the last word, else anywhere.

    >>> split_points(["▁Go", ".", "▁I", "▁am", "▁he", "re"], 4)
    [2]
    """
    points = []
    start = 0
    while len(pieces) - start > limit:
        window = range(start + limit, start, -1)
        words = [cut for cut in window if pieces[cut].startswith(_WORD_START)]
        sentences = [cut for cut in words if _SENTENCE_END.search(pieces[cut - 1])]
        sentences += [cut for cut in window if _SENTENCE_END_WITHOUT_SPACE.search(pieces[cut - 1])]
        start = max(sentences, default=words[0] if words else start + limit)
        points.append(start)
    return points
