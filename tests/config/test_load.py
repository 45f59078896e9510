import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from s2s.config.load import differences, dump_config, load_config
from s2s.config.options import options
from s2s.errors import ConfigError, InputMissingError

GOOD = """\
run: runs/x
data:
  source: en
  target: de
  train: train.{en,de}
  valid: [dev.tsv]
model:
  preset: tiny
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def load(text: str, *overrides: str):
    Path("x.yaml").write_text(text, encoding="utf-8")
    return load_config(Path("x.yaml"), overrides)


def mistakes(text: str, *overrides: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(text, *overrides)
    return caught.value.what.split("\n")


def test_a_good_config(folder):
    config = load(GOOD)
    assert config.data.valid == ["dev.tsv"]
    assert config.model.d_model == 128
    assert config.train.max_steps == 8000


def test_overrides_win(folder):
    config = load(
        GOOD,
        "train.max_steps=7",
        "train.max_steps = 100",
        "data.train=[a.tsv, b.tsv]",
        "data.valid=dev.{en,de}",
        "data.source=no",
        "data.test='1'",
        "train.learning_rate=5e-3",
        "decode.beam=1",
        "run=a: b # c",
        "train.patience=",
    )
    assert config.train.max_steps == 100
    assert config.data.train == ["a.tsv", "b.tsv"]
    assert config.data.valid == "dev.{en,de}"
    assert (config.data.source, config.data.test, config.run) == ("no", "1", "a: b # c")
    assert (config.train.learning_rate, config.decode.beam, config.train.patience) == (5e-3, 1, None)


def test_an_empty_section_takes_its_defaults(folder):
    assert load(GOOD + "decode:\ntrain:\n  # max_steps: 1\n") == load(GOOD)


def test_every_mistake_is_reported_at_once_with_its_place(folder):
    text = """\
max_steps: 5
data:
  source: en
  train: [a, 5]
  trian: 3
  source: fr
  valid: ""
vocab:
  size: 8_000
  type: BPE
  shared: no
model: {preset: bas, d_model: 1.5}
train:
  learning_rat: 5e-3
  max_steps: 1e5
  seed:
decode: 5
"""
    assert mistakes(text, "train.max_stepz=100", "train.average=x", "train=5", "foo", "a.b.c=1", "data.test=[a") == [
        "x.yaml:1:1: max_steps: unknown key; did you mean train.max_steps?",
        "x.yaml:1:1: run: missing. The run folder: everything that training makes.",
        "x.yaml:2:1: data.target: missing. Target language.",
        "x.yaml:4:14: data.train: expected text or a list of texts, not empty; item 2 is 5",
        "x.yaml:5:3: data.trian: unknown key; did you mean data.train?",
        "x.yaml:6:3: data.source: given twice, first in line 3",
        "x.yaml:7:3: data.valid: expected text or a list of texts, not empty, given empty text",
        'x.yaml:9:3: vocab.size: expected a whole number from 16 to 1,000,000, given the text "8_000"; write 8000',
        'x.yaml:10:3: vocab.type: expected one of unigram, bpe, given the text "BPE"; did you mean bpe?',
        'x.yaml:11:3: vocab.shared: expected true or false, given the text "no"; write false',
        'x.yaml:12:9: model.preset: expected one of tiny, mini, small, base, big, given the text "bas"; did you mean'
        " base?",
        "x.yaml:12:22: model.d_model: expected a whole number from 2 to 16,384, given 1.5",
        "x.yaml:14:3: train.learning_rat: unknown key; did you mean train.learning_rate?",
        "x.yaml:15:3: train.max_steps: expected a whole number from 1 to 1e9, given 100000.0; write 100000",
        "x.yaml:16:3: train.seed: expected a whole number from 0 to 2,147,483,647, given nothing",
        "x.yaml:17:1: decode: expected a section of options such as decode.beam, given 5",
        "--set train.max_stepz=100: train.max_stepz: unknown key; did you mean train.max_steps?",
        '--set train.average=x: train.average: expected a whole number from 0 to 1,000, given the text "x"',
        "--set train=5: train is a section; set one of its options, for example train.max_steps=…",
        "--set foo: expected KEY=VALUE, for example --set train.max_steps=100",
        "--set a.b.c=1: a.b.c: unknown key",
        "--set data.test=[a: data.test: not valid YAML: expected ',' or ']', but got '<stream end>'."
        " Quote text that has any of : # { } [ ] , & * ! | > ' \" % @ ` in it.",
    ]  # fmt: skip


def test_dots_are_not_for_a_file(folder):
    assert mistakes(GOOD + "train.max_steps: 100\ndecode: {decode.beam: 3}\n") == [
        "x.yaml:9:1: train.max_steps: in a file this is `max_steps:` within `train:`; dots are for --set",
        "x.yaml:10:10: decode.decode.beam: unknown key; did you mean decode.beam?",
    ]


def test_every_item_of_a_list_that_is_wrong_is_named(folder):
    assert [line.rpartition("item ")[2] for line in mistakes(GOOD.replace("[dev.tsv]", "[a.tsv, 5, '']"))] == [
        "2 is 5",
        "3 is empty text",
    ]


def test_a_run_and_a_parent_may_be_in_the_home_folder(folder, monkeypatch):
    monkeypatch.setenv("HOME", "/srv/me")
    monkeypatch.setenv("USERPROFILE", "/srv/me")
    config = load(GOOD, "run=~/runs/my", "train.start_from=~/runs/base")
    assert (config.run, config.train.start_from) == ("/srv/me/runs/my", "/srv/me/runs/base")


def test_a_misspelt_required_key_is_one_mistake(folder):
    assert mistakes(GOOD.replace("valid", "vaild")) == ["x.yaml:6:3: data.vaild: unknown key; did you mean data.valid?"]
    assert mistakes(GOOD.replace("data:", "dta:")) == ["x.yaml:2:1: dta: unknown key; did you mean data?"]


def test_missing_and_broken_sections(folder):
    assert mistakes("run: x") == [
        "x.yaml:1:1: data: missing section; it needs data.source, data.target, data.train, data.valid"
    ]
    assert mistakes("run: x\ndata: 5\nmodel: [1]\ntrain: {seed: x}") == [
        "x.yaml:2:1: data: expected a section of options such as data.source, given 5",
        "x.yaml:3:1: model: expected a section of options such as model.preset, given a list",
        'x.yaml:4:9: train.seed: expected a whole number from 0 to 2,147,483,647, given the text "x"',
    ]


def test_values_that_do_not_go_together_are_placed_at_one_of_them(folder):
    assert mistakes(GOOD + "  d_model: 100\n  n_heads: 8\ntrain: {average: 9}\n") == [
        "x.yaml:9:3: model: d_model 100 is not a multiple of 2 × n_heads (16)",
        "x.yaml:11:9: train: average 9 needs keep_checkpoints ≥ 9",
    ]
    assert mistakes(GOOD, "train.average=9") == [
        "--set train.average=9: train: average 9 needs keep_checkpoints ≥ 9",
    ]
    assert mistakes(GOOD + "train:\n  max_steps: null\n") == [
        "x.yaml:10:3: train.max_steps or train.max_minutes is needed, or training never ends"
    ]


def test_messages_are_safe_to_print_and_bounded(folder):
    lines = mistakes(GOOD + '"\\e[31m\\nevil": 1\n' + "".join(f"k{i}: 1\n" for i in range(3000)))
    assert "\\u001b[31m\\u000aevil: unknown key" in lines[0]
    assert len(lines) == 41
    assert lines[-1] == "… and 2961 more mistakes"
    assert all(len(line) < 200 for line in mistakes(GOOD + f"train: {{seed: {'x' * 9999}}}"))


def test_a_long_path_is_shown_whole(folder):
    path = Path("a" * 90) / f"{'b' * 90}.yaml"
    path.parent.mkdir()
    path.write_text("a: b")
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert caught.value.what.startswith(f"{path}:1:1: ")


def test_numbers_as_text_get_advice_only_if_they_are_short(folder):
    seed = "expected a whole number from 0 to 2,147,483,647, given the text"
    assert mistakes(GOOD + "train: {seed: '1 000'}") == [f'x.yaml:9:9: train.seed: {seed} "1 000"; write 1000']
    assert mistakes(GOOD + "train: {seed: 0123}") == [f'x.yaml:9:9: train.seed: {seed} "0123"; write 123']
    assert "write" not in mistakes(GOOD + f"train: {{seed: '{'1' * 9999}'}}")[0]


def test_a_missing_file_suggests_its_neighbour(folder):
    Path("configs").mkdir()
    Path("configs/demo.yaml").write_text(GOOD)
    with pytest.raises(InputMissingError, match=r"there is no config configs/demo\.yml") as caught:
        load_config(Path("configs/demo.yml"))
    assert caught.value.hint == "Did you mean configs/demo.yaml?"
    with pytest.raises(InputMissingError) as caught:
        load_config(Path("demo"))
    assert caught.value.hint == "Did you mean configs/demo.yaml?"
    with pytest.raises(InputMissingError) as caught:
        load_config(Path("zzzzzzzz"))
    assert caught.value.hint == "There are: configs/demo.yaml"


@pytest.mark.parametrize("path", [".", "a/b/c.yaml", "x" * 5000, "a\0b", "\udcff"])
def test_paths_that_cannot_be_read(folder, path):
    with pytest.raises(InputMissingError):
        load_config(Path(path))


def test_a_folder_with_a_config_says_so(folder):
    Path("run").mkdir()
    Path("run/config.yaml").write_text(GOOD)
    with pytest.raises(InputMissingError) as caught:
        load_config(Path("run"))
    assert caught.value.hint == "Its config is run/config.yaml"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission(folder):
    Path("x.yaml").touch(mode=0)
    with pytest.raises(InputMissingError, match="Permission"):
        load_config(Path("x.yaml"))


def test_differences_are_dotted(folder):
    old, new = load(GOOD), load(GOOD, "train.seed=2", "run=runs/y", "data.valid=v.tsv")
    assert differences(old, old) == []
    assert differences(old, new) == [
        ("run", "runs/x", "runs/y"),
        ("data.valid", ["dev.tsv"], "v.tsv"),
        ("train.seed", 1, 2),
    ]


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=20)


@given(
    run=TEXT | st.sampled_from(["no", "1e-4", "true", "'", '"', "a\nb", " a", "a: b", "~", "1"]),
    specs=st.lists(TEXT, min_size=1, max_size=3) | TEXT,
    epsilon=st.floats(1e-300, 1e9, exclude_min=True),
    preset=st.sampled_from(["tiny", "mini", "small", "base", "big"]),
    steps=st.none() | st.integers(1, 10**9),
)
@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
def test_a_dumped_config_loads_equal(tmp_path_factory, run, specs, epsilon, preset, steps):
    from s2s.config.schema import Config

    train = {"adam_epsilon": epsilon, "max_steps": steps, "max_minutes": 2.5}
    data = {"source": "no", "target": "1", "train": specs, "valid": run, "test": None}
    config = Config.model_validate({"run": run, "data": data, "model": {"preset": preset}, "train": train})
    path = tmp_path_factory.getbasetemp() / "dumped.yaml"
    path.write_text(dump_config(config), encoding="utf-8", newline="")
    assert load_config(path) == config


def test_a_dump_shows_every_option_in_order(folder):
    keys, section = [], ""
    for line in dump_config(load(GOOD)).split("\n"):
        name = line.strip().partition(":")[0]
        if line.startswith("  ") and not name.startswith("-"):
            keys.append(f"{section}.{name}")
        elif line.endswith(":"):
            section = name
        elif line and not line.startswith(("#", "  ")):
            keys.append(name)
    assert keys == list(options())


BAD_VALUES = st.sampled_from(
    ["x", "", "1", "-1", "1.5", "1e400", ".nan", "true", "[]", "[1]", "[[a]]", "{}", "{a: 1}", "9" * 30, "'1'", '"\\e"']
)


@given(st.lists(st.tuples(st.sampled_from([*options(), "data.x", "x", "train.lr"]), BAD_VALUES), max_size=6))
@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
def test_no_wrong_config_shows_pydantics_words(tmp_path_factory, entries):
    parts: dict[str, dict[str, str]] = {}
    for key, value in entries:
        section, _, name = key.rpartition(".")
        parts.setdefault(section, {})[name] = value
    lines = ["a: b", *(f"{name}: {value}" for name, value in parts.pop("", {}).items())]
    lines += [
        f"{section}: {{{', '.join(f'{n}: {v}' for n, v in values.items())}}}" for section, values in parts.items()
    ]
    path = tmp_path_factory.getbasetemp() / "bad.yaml"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:  # a: b is unknown
        load_config(path)
    for word in ("pydantic", "http", "Extra inputs", "Value error", "Input should", "Traceback", "Field required"):
        assert word not in str(caught.value)
    assert all(line.startswith(f"{path}:") for line in caught.value.what.split("\n"))


def test_importing_the_loader_is_cheap_and_a_bad_config_needs_no_torch(folder):
    Path("bad.yaml").write_text("run: x\n")
    code = (
        "import sys; import s2s.config.load as l\n"
        "assert not {'pydantic', 'yaml', 'torch'} & set(sys.modules), 'at import'\n"
        "from pathlib import Path; from s2s.errors import ConfigError\n"
        "try: l.load_config(Path('bad.yaml'))\n"
        "except ConfigError: pass\n"
        "assert not {'torch', 'numpy', 'datasets'} & set(sys.modules)\n"
    )
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    subprocess.run([sys.executable, "-c", code], check=True, env=env)
