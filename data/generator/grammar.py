"""The grammar: every sentence pattern with its weight."""

from __future__ import annotations

from random import Random

from .choose import pick_weighted
from .clauses import Pair
from .sentences_back import BACK_SENTENCES
from .sentences_nominal import NOMINAL_SENTENCES
from .sentences_numbers import NUMBER_SENTENCES
from .sentences_people import PEOPLE_SENTENCES
from .sentences_places import PLACE_SENTENCES
from .sentences_plain import PLAIN_SENTENCES
from .sentences_relative import RELATIVE_SENTENCES
from .sentences_subordinate import SUBORDINATE_SENTENCES

SENTENCES = (
    *PLAIN_SENTENCES,
    *SUBORDINATE_SENTENCES,
    *BACK_SENTENCES,
    *RELATIVE_SENTENCES,
    *NOMINAL_SENTENCES,
    *PLACE_SENTENCES,
    *PEOPLE_SENTENCES,
    *NUMBER_SENTENCES,
)
LONGEST = 18


def sentence(rng: Random) -> Pair:
    """Writes one sentence pair of at most 18 words on either side."""
    while True:
        pair = pick_weighted(rng, SENTENCES)(rng)
        if max(len(pair.english.split()), len(pair.german.split())) <= LONGEST:
            return pair
