import random
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import s2s.corpus.learning
from s2s.config.schema import VocabConfig
from s2s.corpus.learning import MAX_LINE_CHARACTERS, sample_sides
from s2s.corpus.pairs import open_pairs
from s2s.corpus.vocabulary import Vocabularies, Vocabulary
from s2s.decoding.alignment import word_numbers
from s2s.errors import ConfigError, DataError, InputMissingError
from s2s.symbols import BOS, EOS, N_CONTROL, PAD, UNK

SYLLABLES = ["der", "die", "hund", "läu", "ft", "über", "stra", "ße", "the", "dog", "run", "cro", "qui", "ck", "ly"]
LINE_BREAKS = "\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029\x00"


def sentences(n: int = 300, seed: int = 1) -> list[str]:
    generator = random.Random(seed)
    words = ["".join(generator.choices(SYLLABLES, k=generator.randint(1, 3))) for _ in range(200)]
    return [" ".join(generator.choices(words, k=generator.randint(2, 9))) + "." for _ in range(n)]


def config(**options: object) -> VocabConfig:
    return VocabConfig.model_validate({"size": 320, **options})


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    return Vocabulary.learn(sentences(), config())


@pytest.fixture(scope="module")
def without_bytes() -> Vocabulary:
    return Vocabulary.learn(sentences(), config(size=60, byte_fallback=False))


@pytest.mark.parametrize("kind", ["unigram", "bpe"])
def test_the_same_text_gives_the_same_bytes(kind: str) -> None:
    options = config(type=kind)
    once, again = (Vocabulary.learn(sentences(), options) for _ in range(2))
    assert once.model == again.model
    assert once.size == 320
    assert once.requested_size is None
    assert once.fingerprint == again.fingerprint != Vocabulary.learn(sentences(seed=2), options).fingerprint


def test_no_path_gets_into_the_model(vocabulary: Vocabulary, tmp_path: Path) -> None:
    vocabulary.save(tmp_path / "x.model")
    for path in (str(tmp_path), str(Path.cwd()), "/tmp", "x.model"):
        assert path.encode() not in vocabulary.model
    assert Vocabulary.load(tmp_path / "x.model").fingerprint == vocabulary.fingerprint


@pytest.mark.parametrize("text", sentences(5))
def test_text_to_ids_and_back(vocabulary: Vocabulary, text: str) -> None:
    ids = vocabulary.encode(text)
    assert vocabulary.decode(ids) == text
    assert len(vocabulary.pieces(text)) == len(ids)
    assert vocabulary.encode_all([text, "", text]) == [ids, [], ids]
    assert vocabulary.encode_all([]) == []


@pytest.mark.parametrize("text", ["</s>", "<s>", "<unk>", "<pad>", "a </s> b", "<0x0A>", "<s><s>"])
def test_text_that_looks_like_control_symbols_is_text(
    vocabulary: Vocabulary, without_bytes: Vocabulary, text: str
) -> None:
    assert min(vocabulary.encode(text)) >= N_CONTROL
    assert vocabulary.decode(vocabulary.encode(text)) == text
    assert not {PAD, BOS, EOS} & set(without_bytes.encode(text))


@settings(max_examples=200)
@given(st.text(st.characters() | st.sampled_from("\ud800\udfff" + LINE_BREAKS), max_size=20))
def test_any_text_is_encoded_without_control_symbols_and_decoded_to_one_line(
    vocabulary: Vocabulary, without_bytes: Vocabulary, text: str
) -> None:
    for one in (vocabulary, without_bytes):
        ids = one.encode(text)
        assert one.encode_all([text]) == [ids]
        assert not {PAD, BOS, EOS} & set(ids)
        assert not set(one.decode(ids)) & set(LINE_BREAKS)
    assert vocabulary.count_unknown(vocabulary.encode(text)) == 0


@settings(max_examples=200)
@given(st.lists(st.integers(0, 319), max_size=20))
def test_any_ids_decode_to_one_line_of_text(vocabulary: Vocabulary, ids: list[int]) -> None:
    text = vocabulary.decode(ids)
    assert not set(text) & set(LINE_BREAKS)
    text.encode("utf-8")


def test_decoding_passes_over_control_symbols(vocabulary: Vocabulary) -> None:
    ids = vocabulary.encode("der Hund")
    assert vocabulary.decode([BOS, *ids, EOS, PAD]) == "der Hund"


def test_bytes_of_line_breaks_and_of_half_a_character(vocabulary: Vocabulary) -> None:
    newline = vocabulary.encode("\x01\x00")[-1] - 0 + ord("\n")  # the byte pieces follow one another
    assert vocabulary.pieces("\x00")[-1] == "<0x00>"
    assert vocabulary.decode([newline]) == " "
    assert vocabulary.decode([newline - ord("\n") + 0xE2]) == "\ufffd"


def test_unknown_is_counted(without_bytes: Vocabulary) -> None:
    ids = without_bytes.encode("der 漢 hund 字")
    assert without_bytes.count_unknown(ids) == 2
    assert UNK in ids


@pytest.mark.parametrize("kind", ["unigram", "bpe"])
def test_a_size_beyond_the_text_is_lowered_and_said(kind: str) -> None:
    vocabulary = Vocabulary.learn(sentences(50), config(size=30_000, type=kind))
    assert 280 < vocabulary.size < 1_000
    assert vocabulary.requested_size == 30_000


def test_a_size_too_small_for_the_characters() -> None:
    with pytest.raises(ConfigError, match=r"100 pieces are too few: 260 .* need 28\d") as caught:
        Vocabulary.learn(sentences(), config(size=100))
    assert caught.value.where == "vocab.size"


@pytest.mark.parametrize("lines", [[], ["", " "], ["\x01"]])
def test_no_text(lines: list[str]) -> None:
    with pytest.raises(DataError):
        Vocabulary.learn(lines, config())


def test_user_symbols_stay_whole() -> None:
    symbols = ["<tag,1>", "{0}", 'q"x', "%s", "👩‍🚀"]
    vocabulary = Vocabulary.learn(sentences(), config(user_symbols=symbols))
    for symbol in symbols:
        assert symbol in vocabulary.pieces(f"der{symbol}Hund {symbol}")
        assert vocabulary.decode(vocabulary.encode(f"der {symbol} Hund")) == f"der {symbol} Hund"


@pytest.mark.parametrize("symbols", [[""], ["a b"], ["</s>"], ["<0x0A>"], ["x", "x"], ["a▁"], ["\ud800"]])
def test_unfit_user_symbols(symbols: list[str]) -> None:
    unfit = VocabConfig.model_construct(**{**config().model_dump(), "user_symbols": symbols})
    with pytest.raises(ConfigError) as caught:
        Vocabulary.learn(sentences(), unfit)
    assert caught.value.where == "vocab.user_symbols"


def test_long_lines_are_cut_and_nothing_of_them_is_lost() -> None:
    line = " ".join(["wörd"] * 2000) + "x" * 3000
    parts = sample_sides([(line,), ("short",)], 1, 10)[0].lines
    assert "".join(parts) == line + "short"
    assert max(map(len, parts)) <= MAX_LINE_CHARACTERS
    vocabulary = Vocabulary.learn([*sentences(), "Ω" + "a b" * 50_000], config(size=330))
    assert "<" not in "".join(vocabulary.pieces("Ω"))


@given(n=st.integers(0, 60), maximum=st.integers(1, 30))
def test_lines_are_evenly_spread(n: int, maximum: int) -> None:
    samples = sample_sides([(str(number), f"-{number}") for number in range(n)], 2, maximum)
    taken = [int(line) for line in samples[0].lines]
    assert [-int(line) for line in samples[1].lines] == taken
    assert len(taken) == min(n, maximum) == n - samples[0].n_left_out
    gaps = {after - before for before, after in pairwise(taken)}
    assert max(gaps, default=0) - min(gaps, default=0) <= 1


@pytest.mark.parametrize("n_characters", [(9, 3), (3, 9)])
def test_of_a_very_large_text_so_many_characters_are_taken(
    monkeypatch: pytest.MonkeyPatch, n_characters: tuple[int, int]
) -> None:
    monkeypatch.setattr(s2s.corpus.learning, "MAX_CHARACTERS", 1_800)
    rows = [tuple("x" * n for n in n_characters)] * 1_000
    samples = sample_sides(rows, 2, 1_000_000)
    assert [len(sample.lines) for sample in samples] == [200, 200]
    assert {(sample.n_left_out, sample.limit) for sample in samples} == {(800, "1,800 characters are enough")}
    assert sample_sides(rows, 2, 100)[0].limit == "vocab.max_sentences"


def test_an_error_in_reading_the_text_is_not_hidden() -> None:
    class Bad:
        n = 0

        def __iter__(self):  # type: ignore[no-untyped-def]
            self.n += 1
            yield from sentences()
            if self.n > 1:
                raise DataError("not UTF-8", where="train.de:7")

    with pytest.raises(DataError, match=r"train\.de:7"):
        Vocabulary.learn(Bad(), config())


@pytest.mark.parametrize("shared", [True, False])
def test_vocabularies_of_a_corpus(tmp_path: Path, shared: bool) -> None:
    (tmp_path / "x.en").write_text("\n".join(sentences(200, seed=3)) + "\n")
    (tmp_path / "x.de").write_text("\n".join(sentences(200, seed=4)) + "\n")
    corpus = open_pairs(f"{tmp_path}/x.{{en,de}}", source="en", target="de")
    learnt = Vocabularies.learn(corpus, config(size=20_000, shared=shared, max_sentences=50))
    assert learnt.shared is shared
    assert (learnt.src is learnt.tgt) is shared
    assert len([note for note in learnt.notes if "not 20,000" in note]) == (1 if shared else 2)
    assert any("150 lines a side" in note for note in learnt.notes)
    learnt.save(tmp_path)
    loaded = Vocabularies.load(tmp_path)
    assert loaded.shared is shared
    assert loaded.fingerprint == learnt.fingerprint
    other = Vocabularies.learn(corpus, config(shared=not shared))
    other.save(tmp_path)
    assert Vocabularies.load(tmp_path).fingerprint == other.fingerprint


@pytest.mark.parametrize("damage", ["cut", "empty", "junk", "other ids"])
def test_damaged_models(vocabulary: Vocabulary, tmp_path: Path, damage: str) -> None:
    path = tmp_path / "x.model"
    content = {"cut": vocabulary.model[:-100], "empty": b"", "junk": b"hello" * 9}.get(damage)
    if content is None:
        import io

        import sentencepiece

        model = io.BytesIO()
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(sentences()), model_writer=model, vocab_size=50, minloglevel=3
        )
        content = model.getvalue()
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        Vocabulary.load(path)
    assert caught.value.where == str(path)


def test_flipped_bits_end_in_an_error_or_a_vocabulary(vocabulary: Vocabulary) -> None:
    generator = random.Random(1)
    for _ in range(200):
        model = bytearray(vocabulary.model)
        model[generator.randrange(len(model))] ^= 1 << generator.randrange(8)
        try:
            Vocabulary(bytes(model)).encode("der Hund")
        except DataError:
            continue


def test_missing_vocabulary(tmp_path: Path) -> None:
    with pytest.raises(InputMissingError):
        Vocabulary.load(tmp_path / "x.model")
    with pytest.raises(InputMissingError, match="no vocabulary"):
        Vocabularies.load(tmp_path)


@pytest.mark.parametrize(
    "text", ["it´s the dog", "the\u200bdog runs", " x\u3000½  №5 漢字 😀 dog", "e\u0301a \ufeffb", "", "\udcffx y"]
)
def test_words_are_those_of_the_text_whatever_normalisation_makes_of_it(vocabulary: Vocabulary, text: str) -> None:
    numbers = vocabulary.word_numbers(text)
    assert len(numbers) == len(vocabulary.encode(text))
    assert numbers == sorted(numbers)
    assert set(numbers) == set(range(len(text.split())))


def test_words_of_plain_text_are_those_of_its_pieces(vocabulary: Vocabulary) -> None:
    for text in sentences(50, seed=3):
        assert vocabulary.word_numbers(text) == word_numbers(vocabulary.pieces(text))


WRITTEN = [
    "می\u200cخواهم به خانه بروم", "او می\u200cرود", "کتاب\u200cها را می\u200cخوانم",
    "ฉันดื่มน้ำทุกวัน", "เขาทำงาน", "ຄຳ ນ້ຳ", "ខ្ញុំ\u200bទៅ\u200bផ្សារ",
]  # fmt: skip


def test_what_belongs_to_a_writing_comes_out_as_it_went_in() -> None:
    """The normalisation makes a space of the zero-width non-joiner, and two characters of a vowel of Thai and Lao."""
    learnt = Vocabulary.learn(WRITTEN * 30, config(size=420))
    for line in WRITTEN:
        assert learnt.decode(learnt.encode(line)) == line


def test_waste_of_web_pages_is_no_writing(vocabulary: Vocabulary) -> None:
    lines = sentences()
    dirty = [*lines[:-1], f"{lines[-1]} a\u200bb\u200c"]
    learnt = Vocabulary.learn(dirty, config())
    assert learnt.decode(learnt.encode("der\u200bhund")) == "der hund"
    assert Vocabulary.learn(lines, config()).fingerprint == vocabulary.fingerprint
