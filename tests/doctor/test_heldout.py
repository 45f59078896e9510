"""Nothing that is held out is in the training text, nor nearly."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_pair_checks import sentences

from s2s.doctor.heldout import _connected, group, hold_out

BASE = ("a man in a red shirt reads a book", "ein Mann im roten Hemd liest ein Buch")


def groups_of(pairs: list[tuple[str, str]], *, side: int | None = 0) -> list[int]:
    blocks = [([src for src, _ in part], [tgt for _, tgt in part]) for part in (pairs[:3], pairs[3:]) if part]
    return group(blocks, side=side).tolist()


@pytest.mark.parametrize(
    "other",
    [
        (BASE[0], "ganz anders gesagt als vorhin"),  # the same source
        ("something else is said here now", BASE[1]),  # the same target
        ("A MAN, in a red shirt, reads a book!", "ganz anders gesagt als vorhin"),
        ("a man in a blue shirt reads a book", "anders"),  # another word
        ("a tall man in a red shirt reads a book", "anders"),  # one more
        ("a man in a shirt reads a book", "anders"),  # one less
    ],
)
def test_what_says_the_same_or_nearly_is_one_group(other: tuple[str, str]) -> None:
    far = ("two dogs run over the green field today", "zwei Hunde rennen heute über das grüne Feld")
    assert groups_of([BASE, far, far, other]) == [0, 1, 1, 0]


def test_a_pair_and_itself_turned_round_are_one_group() -> None:
    assert groups_of([BASE, ("ganz anders gesagt als vorhin", BASE[0]), BASE[::-1], ("x", "y")]) == [0, 0, 0, 3]
    assert groups_of([("ja", "yes"), ("yes", "ja")]) == [0, 1]  # anybody says those


def test_what_is_said_otherwise_is_not() -> None:
    pairs = [
        BASE,
        ("a man in a blue shirt reads a paper", "x"),  # two words
        ("a dog", "ein Hund"),
        ("a cat", "eine Katze"),  # too short to be alike
        ("", "nichts"),
        ("", "gar nichts"),  # no words, no group
    ]
    assert groups_of(pairs) == list(range(6))
    assert groups_of([BASE, ("a man in a blue shirt reads a book", "y")], side=None) == [0, 1]


def test_targets_are_nearly_the_same_where_sources_have_no_spaces() -> None:
    pairs = [
        ("ผู้ชายคนหนึ่งกำลังอ่านหนังสือ", "a man in a red shirt reads"),
        ("ผู้ชายอีกคนกำลังอ่านหนังสือพิมพ์", "a man in a blue shirt reads"),
        ("สุนัขสองตัววิ่ง", "two dogs run over a field"),
    ]
    assert groups_of(pairs, side=1) == [0, 0, 2]
    assert groups_of(pairs) == [0, 1, 2]


@given(st.integers(1, 40), st.lists(st.tuples(st.integers(0, 15), st.integers(0, 39)), max_size=60))
@settings(max_examples=200)
def test_connected_things_share_a_label(n: int, edges: list[tuple[int, int]]) -> None:
    edges = [(key, owner % n) for key, owner in edges]
    labels = list(range(n))
    while True:  # until nothing changes
        before = list(labels)
        for key, owner in edges:
            for other_key, other in edges:
                if key == other_key:
                    labels[owner] = labels[other] = min(labels[owner], labels[other])
        if labels == before:
            break
    keys, owners = (np.array([edge[side] for edge in edges], dtype=kind) for side, kind in ((0, "u8"), (1, "i8")))
    assert _connected(n, keys, owners).tolist() == labels


def test_groups_are_held_out_whole_and_reproducibly() -> None:
    generator = random.Random(1)
    groups = np.array([generator.randrange(3_000) for _ in range(5_000)] + [0] * 2_000)
    parts = hold_out(groups, 300, 200)
    for one, other in ((parts.train, parts.valid), (parts.train, parts.test), (parts.valid, parts.test)):
        assert not set(groups[one]) & set(groups[other])
    assert (parts.train | parts.valid | parts.test).all()
    assert 300 <= parts.valid.sum() <= 305
    assert 200 <= parts.test.sum() <= 205
    assert parts.train[groups == 0].all()  # a large group is trained on
    again = hold_out(groups, 300, 200)
    assert (again.test == parts.test).all()
    assert (hold_out(groups, 300, 200, seed=2).test != parts.test).any()


def test_of_a_few_patterns_little_can_be_held_out() -> None:
    src, tgt = sentences(3_000)
    one = ["the man sees a dog in the house"] * 2_900 + src[:100]
    parts = hold_out(group([(one, tgt)]), 150, 150)
    assert parts.train[:2_900].all()
    assert parts.valid.sum() + parts.test.sum() <= 100


def test_accents_may_be_composed_or_not() -> None:
    pairs = [("ein schönes Café am Fluss", "a"), ("ein scho\u0308nes Cafe\u0301 am Fluss", "b")]
    assert groups_of(pairs) == [0, 0]
