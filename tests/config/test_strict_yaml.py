import math
import time

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from s2s.config.strict_yaml import MAX_BYTES, parse_document, parse_value, plain_scalar, to_yaml
from s2s.errors import ConfigError


def parse(text: str | bytes) -> dict:
    return parse_document(text if isinstance(text, bytes) else text.encode(), "x.yaml").data


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("True", True),
        ("FALSE", False),
        ("no", "no"),
        ("yes", "yes"),
        ("on", "on"),
        ("Off", "Off"),
        ("null", None),
        ("~", None),
        ("", None),
        ("0", 0),
        ("-7", -7),
        ("+7", 7),
        ("0123", "0123"),
        ("0x1F", "0x1F"),
        ("0o17", "0o17"),
        ("1_000", "1_000"),
        ("12:30:00", "12:30:00"),
        ("2024-01-01", "2024-01-01"),
        ("1e-4", 1e-4),
        ("5e-3", 5e-3),
        ("1E5", 1e5),
        (".5", 0.5),
        ("1.", 1.0),
        ("-1.5e+2", -150.0),
        (".inf", math.inf),
        ("-.INF", -math.inf),
        ("1.2.3", "1.2.3"),
        ("e5", "e5"),
        ("'1'", "1"),
        ('"true"', "true"),
        ("train.{en,de}", "train.{en,de}"),
        ("hf:wmt/wmt14/de-en:train[:500000]", "hf:wmt/wmt14/de-en:train[:500000]"),
        ("٣", "٣"),
    ],
)
def test_a_scalar_means_what_it_looks_like(text, value):
    got = parse(f"key: {text}")["key"]
    assert got == value
    assert type(got) is type(value)
    assert parse_value(text, "--set") == value


def test_nan_is_a_number():
    assert math.isnan(parse("key: .nan")["key"])


def test_blocks_flows_comments_and_windows_line_ends():
    text = "a: {b: [1, x], c: {}}  # why\r\nlist:\r\n  - 1\r\n  - two words\r\ntext: |\r\n  no\r\n"
    assert parse(text) == {"a": {"b": [1, "x"], "c": {}}, "list": [1, "two words"], "text": "no\n"}
    assert parse("---\na: 1\n...\n") == {"a": 1}


def test_every_key_and_item_has_its_place():
    document = parse_document(b"a:\n  b: 1\n  c:\n    - x\n    - {d: 2}\n", "x.yaml")
    assert document.places == {
        (): (1, 1),
        ("a",): (1, 1),
        ("a", "b"): (2, 3),
        ("a", "c"): (3, 3),
        ("a", "c", 0): (4, 7),
        ("a", "c", 1): (5, 7),
        ("a", "c", 1, "d"): (5, 8),
    }


def test_repeated_keys_are_found_and_the_first_is_kept():
    document = parse_document(b"a: {b: 1, b: [2]}\nc: 3\na: 4\n", "x.yaml")
    assert document.data == {"a": {"b": 1}, "c": 3}
    assert document.duplicates == [(("a", "b"), (1, 11), (1, 5)), (("a",), (3, 1), (1, 1))]
    assert document.places[("a",)] == (1, 1)


@pytest.mark.parametrize(
    ("content", "where", "what"),
    [
        (b"a: &x 1", "x.yaml:1:4", "anchors"),
        (b"a: 1\nb: *x", "x.yaml:2:4", "aliases"),
        (b"b:\n  <<: {a: 1}", "x.yaml:2:3", "merge"),
        (b"a: !!python/object:os.system x", "x.yaml:1:4", "tags"),
        (b"a: !!int '3'", "x.yaml:1:4", "tags"),
        (b"a: ! 3", "x.yaml:1:4", "tags"),
        (b"a: !!set {b}", "x.yaml:1:4", "tags"),
        (b"1: a", "x.yaml:1:1", "key"),
        (b"true: a", "x.yaml:1:1", "key"),
        (b"~: a", "x.yaml:1:1", "key"),
        (b"? [a]\n: b", "x.yaml:1:3", "key"),
        (b"a: 1\n---\nb: 2", "x.yaml:2:1", "second document"),
        (b"", "x.yaml:1:1", "empty"),
        (b"# only this\n", "x.yaml:1:1", "empty"),
        (b"- a", "x.yaml:1:1", "list"),
        (b"a", "x.yaml:1:1", "single value"),
        (b"a: 1\n\tb: 2", "x.yaml:2:1", "tab"),
        (b"a: 1\nb: caf\xe9", "x.yaml:2:7", "0xE9"),
        (b"\xef\xbb\xbfa: 1", "x.yaml:1:1", "byte order mark"),
        ("a: 1".encode("utf-16"), "x.yaml:1:1", "byte order mark"),
        (b"a: \x00", "x.yaml:1:4", "U+0000"),
        (b"a: b\rc: d", "x.yaml:1:5", "U+000D"),
        ("a: ä\u2028b".encode(), "x.yaml:1:5", "U+2028"),
        (b'a: "\\ud800"', "x.yaml:1:4", "U+D800"),
        (b'a: "\\0"', "x.yaml:1:4", "U+0000"),
        (b'a: "\\UFFFFFFFF"', "x.yaml", "not valid YAML"),
        (b"a: b: c", "x.yaml:1:5", "mapping values"),
        (b"a: [1, 2", "x.yaml:1:9", "expected"),
        (b"a: @b", "x.yaml:1:4", "cannot start"),
        (b"a: train.en\n b: c", "x.yaml:2:3", "mapping values"),
        (b"a: " + b"9" * 200, "x.yaml:1:4", "200 digits"),
        (b"%YAML " + b"9" * 5000 + b".1\n---\na: 1", "x.yaml", "not valid YAML"),
    ],
)
def test_what_is_refused_and_where(content, where, what):
    with pytest.raises(ConfigError) as caught:
        parse(content)
    assert caught.value.where == where
    assert what in caught.value.what
    assert caught.value.exit_code == 78


@pytest.mark.parametrize(
    "content",
    [
        b"[" * 2000,
        b"a: " + b"[" * MAX_BYTES,
        b"{" * MAX_BYTES,
        b"- " * (MAX_BYTES // 2),
        b"? " * (MAX_BYTES // 2),
        b"".join(b" " * i + b"a:\n" for i in range(700)),
        b"[" + b"a," * (MAX_BYTES // 2),
        b"a: 1\n" * (MAX_BYTES // 5),
        b"\n" * MAX_BYTES,
        b'"' + b"a\n" * (MAX_BYTES // 2),
        b"%a\n" * (MAX_BYTES // 3),
        b"!" * MAX_BYTES,
        b"a" * (MAX_BYTES + 1),
    ],
    ids=lambda content: repr(content[:8]),
)
def test_hostile_shapes_are_refused_quickly(content):
    start = time.process_time()
    with pytest.raises(ConfigError):
        parse(content[:MAX_BYTES] if len(content) <= MAX_BYTES else content)
    assert time.process_time() - start < 2  # measured: under 0.4 s


def test_depth_limit_is_exact():
    assert parse("a: " + "[" * 31 + "]" * 31)
    with pytest.raises(ConfigError, match="deep"):
        parse("a: " + "[" * 32 + "]" * 32)


YAML_LIKE = st.lists(
    st.sampled_from(
        [*"abAB01-+.:,#&*!|>'\"%@`?[]{}~<\\= \n\t\r", "\n  ", "\n- ", ": ", "\\u", "\\x", "---", "\ufeff", "é"]
    ),
    max_size=40,
).map("".join)


@given(
    st.one_of(
        st.binary(max_size=60), YAML_LIKE.map(lambda text: text.encode()), YAML_LIKE.map(lambda t: f"a: {t}".encode())
    )
)
@example(b"!<")
@example(b"%")
@example(b"a: !<%ff> b")
@settings(max_examples=600, suppress_health_check=[HealthCheck.too_slow])
def test_any_bytes_give_a_mapping_or_a_config_error(content):
    failure = None
    try:
        assert isinstance(parse_document(content, "x.yaml").data, dict)
    except ConfigError as error:
        failure = error
    assert failure is None or str(failure.where).startswith("x.yaml")


@given(YAML_LIKE)
@settings(max_examples=300)
def test_any_override_gives_a_value_or_a_config_error(text):
    failure = None
    try:
        parse_value(text, "--set")
    except ConfigError as error:
        failure = error
    assert failure is None or failure.where == "--set"


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
WORDS = (
    "no y on 1e-4 1e4 0 .5 0x1f 0b1 0123 1_0 12:30 190:20:30.15 2024-01-01 2001-12-14t21:59:43.10-05:00 .inf +.inf true"
    " null ~ a: - ... --- /tmp/x ./x train.{en,de} [a] {a} *a &a !a 😀 %a @ = << ' \""
)
SPACED = [" ", "a: b", "a #b", "- a", "a ", " a", "a\nb", "\t", "\u2028", "\x85", "\x7f", "\ufeff", "", "1" * 101]
TRICKY = st.sampled_from([*WORDS.split(), *SPACED])
SCALAR = st.one_of(
    TEXT,
    TRICKY,
    st.integers(-(10**20), 10**20),
    st.booleans(),
    st.none(),
    st.floats(allow_nan=False, allow_infinity=False),
)
NAME = st.from_regex(r"[a-z_]{1,8}", fullmatch=True).filter(lambda name: isinstance(plain_scalar(name), str))


@given(
    st.dictionaries(
        NAME, st.one_of(SCALAR, st.lists(SCALAR, max_size=3), st.dictionaries(NAME, SCALAR, max_size=3)), min_size=1
    )
)
@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
def test_what_is_written_is_read_back(data):
    text = to_yaml(data)
    assert repr(parse(text)) == repr(data)  # not only equal, as 1, 1.0 and True are in Python, but of equal type
    assert repr(yaml.safe_load(text)) == repr(data)  # and the same to a reader of YAML 1.1


def test_usual_text_is_written_without_quotes():
    assert to_yaml({"a": "train.{en,de}", "b": "hf:x/y:train[:5]@refs/convert", "c": "no", "d": "über uns"}) == (
        'a: train.{en,de}\nb: hf:x/y:train[:5]@refs/convert\nc: "no"\nd: über uns\n'
    )
