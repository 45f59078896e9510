"""Every fault is found where it is, and not where it is not."""

import random

import numpy as np
import pytest

from s2s.doctor.faults import DROPPED, MEANINGS, Fault
from s2s.doctor.pair_checks import flags_of
from s2s.doctor.usual import Usual, learn

WORDS = (
    "the a man woman dog house street red big small sees plays with in on under and stands while",
    "der ein Mann Frau Hund Haus Straße rot groß klein sieht spielt mit in auf unter und steht während",
)
EN, DE = (words.split() for words in WORDS)


def sentences(n: int, seed: int = 1) -> tuple[list[str], list[str]]:
    generator = random.Random(seed)
    chosen = [[generator.randrange(len(EN)) for _ in range(generator.randint(4, 14))] for _ in range(n)]
    return [" ".join(EN[i] for i in one) for one in chosen], [" ".join(DE[i] for i in one) for one in chosen]


@pytest.fixture(scope="module")
def usual() -> Usual:
    return learn(*sentences(2_000))


def faults(usual: Usual, src: str, tgt: str) -> Fault:
    flags, _ = flags_of([src], [tgt], usual)
    return Fault(int(flags[0]))


@pytest.mark.parametrize("share", [0.0, 0.02, 0.2, 0.45])
def test_pairs_written_the_other_way_round_are_found_however_many(share: float) -> None:
    generator = random.Random(3)
    pairs = list(zip(*sentences(2_000), strict=True))
    is_swapped = [generator.random() < share for _ in pairs]
    pairs = [(tgt, src) if swapped else (src, tgt) for (src, tgt), swapped in zip(pairs, is_swapped, strict=True)]
    sources, targets = (list(side) for side in zip(*pairs, strict=True))
    flags, _ = flags_of(sources, targets, learn(sources, targets))
    assert ((flags & np.uint32(Fault.SWAPPED)) != 0).tolist() == is_swapped
    assert not (flags & ~np.uint32(Fault.SWAPPED)).any()


def test_a_corpus_that_follows_itself_turned_round_is_half_swapped() -> None:
    src, tgt = sentences(1_000)
    sources, targets = src + tgt, tgt + src
    flags, _ = flags_of(sources, targets, learn(sources, targets))
    swapped = (flags & np.uint32(Fault.SWAPPED)) != 0
    least, most = sorted((int(swapped[:1_000].sum()), int(swapped[1_000:].sum())))
    assert least == 0
    assert most > 990


def test_where_both_sides_share_their_words_nothing_is_the_other_way_round() -> None:
    generator = random.Random(3)
    sources, _ = sentences(2_000)
    targets = [" ".join(generator.sample(line.split(), len(line.split()) * 2 // 3)) for line in sources]
    flags, _ = flags_of(sources, targets, learn(sources, targets))
    assert not (flags & np.uint32(Fault.SWAPPED)).any()


def test_what_is_usual_is_learnt(usual: Usual) -> None:
    assert [side.scripts for side in usual.sides] == [("Latin",), ("Latin",)]
    assert usual.ratio == pytest.approx(1.1, abs=0.15)


def test_nothing_is_wrong_with_good_pairs(usual: Usual) -> None:
    flags, _ = flags_of(*sentences(3_000, seed=2), usual)
    assert not flags.any()


SRC, TGT = "the man plays with a big dog on the street", "der Mann spielt mit ein groß Hund auf der Straße"


@pytest.mark.parametrize(
    ("src", "tgt", "fault"),
    [
        (SRC, "", Fault.EMPTY),
        (" \u00a0", TGT, Fault.EMPTY),
        (SRC, SRC, Fault.COPIED),
        (SRC, SRC.upper() + "!", Fault.COPIED),
        (TGT, SRC, Fault.SWAPPED),
        (SRC, "the woman stands in a small house and sees", Fault.OTHER_LANGUAGE),
        ("der Hund sieht ein klein Haus unter der Frau", TGT, Fault.OTHER_LANGUAGE),
        (SRC, "En un lugar vivía hace mucho tiempo cierto hidalgo", Fault.UNKNOWN_WORDS),
        (SRC, "Человек в белой рубашке стоит на улице", Fault.OTHER_SCRIPT),
        (SRC, TGT.replace("Hund", "H\u0443nd").replace("a", "\u0430"), Fault.MIXED_SCRIPT),
        (SRC, "*** --- ... !! ??", Fault.NO_LETTERS),
        (SRC + " " + SRC, "der Mann", Fault.RATIO),
        (SRC, " ".join([TGT] * 4), Fault.RATIO),
        (SRC, "der Mann und " * 5, Fault.REPETITION),
        (SRC, TGT + "!!!!!!!!!!!", Fault.REPETITION),
        (SRC, TGT + " fÃ¼r", Fault.MOJIBAKE),
        (SRC, TGT + " â€žja", Fault.MOJIBAKE),
        (SRC, TGT + " NoÃ«l", Fault.MOJIBAKE),
        (SRC, TGT + " Ã–sterreich", Fault.MOJIBAKE),
        (SRC, TGT + " dziaÅ‚a", Fault.MOJIBAKE),
        (SRC, TGT + " kalmÄ±ÅŸ", Fault.MOJIBAKE),
        (SRC, TGT + " ðŸ˜€", Fault.MOJIBAKE),
        (SRC, TGT + " ä½ å¥½", Fault.MOJIBAKE),
        (SRC, TGT + " 5 â‚¬", Fault.MOJIBAKE),
        (SRC, TGT + " f\ufffdr", Fault.REPLACED),
        (SRC, TGT + " f\udcfcr", Fault.NOT_UTF8),
        (SRC, TGT + "\u200b", Fault.CONTROL),
        (SRC, TGT + "\u2066", Fault.CONTROL),
        (SRC, TGT.replace("Hund", "Hu\u00adnd"), Fault.CONTROL),
        (SRC, TGT.replace("Hund", "Hu\u200cnd"), Fault.CONTROL),
        (SRC, TGT + "\ufeff", Fault.CONTROL),
        (SRC, "\x07" + TGT, Fault.CONTROL),
        (SRC, f"<b>{TGT}</b>", Fault.MARKUP),
        (SRC, TGT + " &amp; so", Fault.MARKUP),
        (SRC, TGT + " it&#x27;s", Fault.MARKUP),
        (SRC, TGT + " &frac12;", Fault.MARKUP),
        (SRC, TGT + " <!-- c -->", Fault.MARKUP),
        (SRC, "@@", Fault.NO_LETTERS),
        (SRC + " 12", TGT + " 13", Fault.NUMBERS),
        (" ".join(EN * 12), " ".join(DE * 12), Fault.LONG),
    ],
)
def test_a_fault_is_found(usual: Usual, src: str, tgt: str, fault: Fault) -> None:
    assert fault in faults(usual, src, tgt)


@pytest.mark.parametrize(
    ("src", "tgt"),
    [
        (SRC + " 12, 3", TGT + " 3, 12"),  # digits in another order
        (SRC + " ١٢", TGT + " 12"),  # of another script
        ("John", "John"),  # a name stays as it is
        (SRC, TGT + " Café Ñandú"),  # letters that mojibake begins with
        (SRC + " 3 < 5 & 3", TGT + " 3 < 5 & 3"),
        (SRC + " 5 μm, 10 kΩ, TGFβ", TGT + " 5 μm, 10 kΩ, TGFβ"),
        ("No...", "Nein..."),
        ("C++", "C++"),
        (SRC, "»" + TGT + " MANHÃ”"),
        (SRC, TGT + " VERIÐ\u00a0og"),
        (SRC, "»" + TGT + " weiß«, »Spaß«"),  # as German books quote
        (SRC, TGT + " está…”, así…”"),
        (SRC, TGT + " Spaß—ja, Fuß–los"),
        (SRC + " 250 Å²", TGT + " 250 Å², Fuß¹"),
        (SRC, TGT.replace("Hund", "Hünd-ähnlich")),
        ("the dog", "der Hund"),
        (SRC + " …", TGT + " …"),
    ],
)
def test_what_only_looks_like_a_fault_is_none(usual: Usual, src: str, tgt: str) -> None:
    assert faults(usual, src, tgt) == Fault(0)


def test_scripts_without_spaces_have_words() -> None:
    generator = random.Random(3)
    src, _ = sentences(1_000)
    chars = "我你他她它们的是在有一个人大小狗猫房子街红看玩和站"
    tgt = ["".join(generator.choice(chars) for _ in range(len(line) // 3)) for line in src]
    usual = learn(src, tgt)
    assert usual.sides[1].scripts == ("Han",)
    flags, _ = flags_of(src, tgt, usual)
    assert not (flags & np.uint32(DROPPED)).any()
    assert Fault.OTHER_SCRIPT in faults(usual, SRC, SRC)
    assert Fault.COPIED in faults(usual, tgt[0], tgt[0])


def test_bytes_that_are_not_utf8_are_found_wherever_they_are(usual: Usual) -> None:
    long = TGT + " und" * 6_000
    assert Fault.NOT_UTF8 in faults(usual, SRC, long + " \udcff")
    assert Fault.NOT_UTF8 not in faults(usual, SRC, long)


def test_letters_of_scripts_without_spaces_are_not_words() -> None:
    article = (  # the first of the Universal Declaration of Human Rights
        "มนุษย์ทั้งหลายเกิดมามีอิสระและเสมอภาคกันในเกียรติศักดิ์และสิทธิ ต่างมีเหตุผลและมโนธรรม และควรปฏิบัติต่อกันด้วยเจตนารมณ์แห่งภราดรภาพ"
    )
    src, _ = sentences(300)
    usual = learn(src, [article] * 300)
    assert usual.sides[1].scripts == ("Thai",)
    assert not faults(usual, src[0], article) & (Fault.REPETITION | Fault.LONG)


def test_every_fault_has_its_meaning() -> None:
    assert list(MEANINGS) == list(Fault)
    assert len({meaning.name for meaning in MEANINGS.values()}) == len(Fault)
