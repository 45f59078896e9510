"""The four commands as a user gives them: exit codes, streams, pipes."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest
from small_corpus import small_config
from typer.testing import CliRunner

from s2s.cli import app
from s2s.cli.training import _folder_for
from s2s.config.load import dump_config
from s2s.errors import UsageError
from s2s.paths import at_home
from s2s.run_folder import run_path

ROOT = Path(__file__).parent.parent
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}


@dataclass
class Done:
    """How a command ended."""

    returncode: int
    stdout: bytes
    stderr: bytes


def s2s(*arguments: str | Path, cwd: Path, stdin: bytes = b"") -> Done:
    """Give a command inside this process: starting Python and torch anew takes seconds."""
    with contextlib.chdir(cwd):
        result = CliRunner().invoke(app, list(map(str, arguments)), input=stdin)
    return Done(result.exit_code, result.stdout_bytes, result.stderr_bytes)


def in_process_of_its_own(command: str, cwd: Path) -> Done:
    """Give a shell command, with `s2s` in it, to bash."""
    shell = command.replace("s2s ", f"{sys.executable} -m s2s ")
    done = subprocess.run(["bash", "-c", shell], capture_output=True, cwd=cwd, env=ENVIRONMENT, check=False)
    return Done(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which `s2s train config.yaml` has been given; its run is runs/small."""
    folder = tmp_path_factory.mktemp("home")
    config = small_config(folder, max_steps=250, batch_tokens=256, validate_every=125)
    config = config.model_copy(update={"run": "runs/small"})
    (folder / "config.yaml").write_text(dump_config(config), "utf-8")
    done = s2s("tokenize", "config.yaml", cwd=folder)
    assert done.returncode == 0, done.stderr.decode()
    assert b"pieces" in done.stderr
    done = s2s("train", "config.yaml", cwd=folder)
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout == b""
    assert b"s2s translate --model runs/small" in done.stderr
    return folder


def test_scores_of_given_translations_are_those_of_the_search(home: Path) -> None:
    lines = ["cat one", "red dog two", "three"]
    found = [json.loads(line) for line in s2s("translate", "--json", *lines, cwd=home).stdout.decode().splitlines()]
    (home / "score.src").write_text("".join(f"{line}\n" for line in lines), "utf-8")
    (home / "score.tgt").write_text("".join(f"{one['translation']}\n" for one in found), "utf-8")
    done = s2s("score", "score.src", "score.tgt", "--json", cwd=home)
    for line, one in zip(done.stdout.decode().splitlines(), found, strict=True):
        scored, best = json.loads(line), one["candidates"][0]
        assert scored["log_probability"] == pytest.approx(best["log_probability"], abs=1e-4)
        assert scored["score"] == pytest.approx(best["score"], abs=1e-4)
    plain = s2s("score", "score.src", "score.tgt", cwd=home).stdout.decode().splitlines()
    assert [float(line) for line in plain] == pytest.approx([one["candidates"][0]["score"] for one in found], abs=1e-4)
    (home / "score.tgt").write_text("eins\n", "utf-8")
    done = s2s("score", "score.src", "score.tgt", cwd=home)
    assert done.returncode == 65
    assert b"score.tgt has 1 lines" in done.stderr


def test_translations_begin_with_the_prefix_and_keep_the_constraints(home: Path) -> None:
    done = s2s("translate", "--prefix", "Hund", "cat one", "", "three", cwd=home)
    first, empty, third = done.stdout.decode().split("\n")[:-1]
    assert first.startswith("Hund")
    assert empty == ""
    assert third.startswith("Hund")
    options = ["--min-length-ratio", "4", "--no-repeat-ngram", "1", "--gnmt-penalty"]
    words = s2s("translate", *options, "cat one", cwd=home).stdout.decode().split()
    assert len(words) > 2
    assert len(words) == len(set(words))


def test_samples_are_drawn_anew_by_each_seed_and_alike_by_the_same(home: Path) -> None:
    def drawn(*options: str) -> list[str]:
        return s2s("translate", "--sample", *options, "cat one", "three", cwd=home).stdout.decode().split("\n")[:-1]

    assert drawn("--seed", "3", "--temperature", "3") == drawn("--seed", "3", "--temperature", "3")
    assert drawn("--seed", "3", "--temperature", "3") != drawn("--seed", "4", "--temperature", "3")
    assert (
        drawn("--top-k", "1")
        == s2s("translate", "--beam", "1", "cat one", "three", cwd=home).stdout.decode().split("\n")[:-1]
    )
    assert len(drawn("--n-best", "4")) == 8


def test_translate_text_names_the_model_on_stderr_and_prints_the_translation_alone(home: Path) -> None:
    done = s2s("translate", "cat one", cwd=home)
    assert done.returncode == 0
    assert done.stdout.decode() == "eins Katze\n"
    assert b"model: runs/small" in done.stderr


def test_a_hyphen_is_standard_input(home: Path) -> None:
    piped = s2s("translate", "-", cwd=home, stdin=b"cat one\ncat one\n")
    assert piped.stdout.decode() == "eins Katze\n" * 2


def test_a_standard_output_that_is_not_utf_8_loses_nothing(home: Path) -> None:
    environment = {**ENVIRONMENT, "PYTHONIOENCODING": "ascii"}
    for side in ("en", "de"):
        (home / f"mouse.{side}").write_text("🐭 \u8bed one\n", "utf-8")
    command = [sys.executable, "-m", "s2s", "evaluate", "runs/small", "--beam", "1"]
    command += ["--src", "mouse.en", "--ref", "mouse.de"]
    table, as_json = (
        subprocess.run([*command, *more], cwd=home, env=environment, capture_output=True, check=False)
        for more in ([], ["--json"])
    )
    assert table.returncode == 0, table.stderr.decode()
    assert rb"\u00b1" in table.stdout
    [judgement] = json.loads(as_json.stdout)["judgements"]
    assert judgement["segments"][0]["reference"] == "🐭 \u8bed one"


def test_a_pipe_gives_as_many_lines_as_it_gets_whatever_the_bytes(home: Path) -> None:
    nasty = [
        b"cat one",
        b"",
        b"   ",
        b"\xff\xfe broken \x80",
        "😀 🏳️‍🌈".encode(),
        b"a\rb",
        "x\u2028y\u2029z\x85w\x0b\x0c\x1c".encode(),
        b"\x00\x01\x02",
        b"</s> <s> <unk> <pad> <0x0A>",
        b"one " * 5000,
        b"x" * 3000,
        "\u202eright to left".encode(),
        b"two dogs\r",
        b"last, without a line feed",
    ]
    done = s2s("translate", "--model", "runs/small", "--beam", "2", cwd=home, stdin=b"\n".join(nasty))
    assert done.returncode == 0, done.stderr.decode()
    lines = done.stdout.decode("utf-8").split("\n")
    assert len(lines) == len(nasty) + 1
    assert lines[-1] == ""
    assert lines[0] == "eins Katze"
    assert lines[1] == lines[2] == ""
    for line in lines:
        assert not set(line) & set("\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029")
    assert b"not UTF-8" in done.stderr
    assert b"translated in parts" in done.stderr


def test_a_file_and_a_pipe_agree_and_output_appears_whole(home: Path) -> None:
    (home / "in.txt").write_bytes(b"cat one\nred dog")
    piped = s2s("translate", cwd=home, stdin=b"cat one\nred dog")
    done = s2s("translate", "--input", "in.txt", "--output", "out.txt", cwd=home)
    assert done.returncode == 0
    assert done.stdout == b""
    assert (home / "out.txt").read_bytes() == piped.stdout
    assert not [path.name for path in home.iterdir() if path.name.startswith(".tmp-")]


def translate_from_a_pipe(home: Path) -> subprocess.Popen[bytes]:
    """`s2s translate` in a process of its own, with pipes that stay open."""
    command = [sys.executable, "-m", "s2s", "translate"]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, cwd=home, env=ENVIRONMENT)


def test_output_comes_before_the_input_ends(home: Path) -> None:
    with translate_from_a_pipe(home) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for line, expected in ((b"cat one\n", b"eins Katze\n"), (b"red dog\n", b"Hund rot\n")):
            process.stdin.write(line)
            process.stdin.flush()
            assert process.stdout.readline() == expected
        process.stdin.close()
        assert process.wait() == 0


def test_json_scores_and_n_best(home: Path) -> None:
    done = s2s("translate", "--json", "--n-best", "3", "cat one", "", cwd=home)
    first, empty = [json.loads(line) for line in done.stdout.decode().split("\n")[:-1]]
    assert first["translation"] == first["candidates"][0]["text"] == "eins Katze"
    assert len(first["candidates"]) == 3
    scores = [candidate["score"] for candidate in first["candidates"]]
    assert scores == sorted(scores, reverse=True)
    assert empty["translation"] == ""
    score, text = s2s("translate", "--scores", "cat one", cwd=home).stdout.decode().rstrip("\n").split("\t")
    assert (float(score), text) == (pytest.approx(scores[0], abs=1e-4), "eins Katze")
    listing = s2s("translate", "--n-best", "2", "cat one", "red dog", cwd=home).stdout.decode().split("\n")[:-1]
    assert [line.split(" ||| ")[0] for line in listing] == ["0", "0", "1", "1"]


def test_evaluate_prints_a_table_or_json(home: Path) -> None:
    table = s2s("evaluate", "runs/small", "--split", "valid", cwd=home).stdout.decode()
    assert "BLEU: nrefs:1|case:mixed|eff:no|tok:13a" in table
    text = ["--src", "train.en", "--ref", "train.de"]
    done = s2s("evaluate", "runs/small", "runs/small/model", *text, "--json", "--beam", "1", cwd=home)
    found = json.loads(done.stdout)
    first, second = found["evaluations"]
    assert first["scores"] == second["scores"]
    assert first["beam"] == 1
    [judgement] = found["judgements"]
    for system in judgement["systems"]:
        counted = Counter(flag for one in system["flagged"] for flag in one["flags"])
        assert dict(counted) == {flag: n for flag, n in system["flags"].items() if n}
    assert [one["p"] for one in judgement["differences"]] == [1.0, 1.0, 1.0]  # with itself
    assert any(part["name"].startswith("in training") for part in judgement["by_kind_of_word"])


def test_tokenize_shows_pieces(home: Path) -> None:
    assert s2s("tokenize", "config.yaml", "--text", "cat one", cwd=home).stdout.decode().startswith("▁")
    piped = s2s("tokenize", "config.yaml", "--text", "-", "--side", "target", cwd=home, stdin=b"Katze\nHund\n")
    assert piped.stdout.count(b"\n") == 2


def test_dry_run_writes_nothing_and_says_what_it_would_cost(home: Path) -> None:
    done = s2s("train", "config.yaml", "--dry-run", "--set", "run=runs/other", cwd=home)
    assert done.returncode == 0, done.stderr.decode()
    for word in ("parameters", "target pieces/s", "updates", "GiB with the largest batch", "GiB free"):
        assert word in done.stdout.decode()
    assert "NOT" not in done.stdout.decode()
    assert not (home / "runs" / "other").exists()


def test_dry_run_says_what_stands_in_the_way_of_the_run_itself(home: Path) -> None:
    done = s2s("train", "config.yaml", "--dry-run", "--set", "train.seed=9", cwd=home)
    assert (done.returncode, b"another config" in done.stderr) == (78, True)
    assert s2s("train", "config.yaml", "--dry-run", "--overwrite", "--set", "train.seed=9", cwd=home).returncode == 0
    done = s2s("train", "config.yaml", "--dry-run", cwd=home)
    assert (done.returncode, b"250 updates are done already" in done.stderr) == (0, True)


def test_dry_run_says_when_memory_or_disk_will_not_do(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from s2s.jobs import dry_run

    monkeypatch.setattr(dry_run, "available_memory", lambda: 1_000_000)
    monkeypatch.setattr(dry_run.shutil, "disk_usage", lambda _folder: SimpleNamespace(free=1000))
    done = s2s("train", "config.yaml", "--dry-run", "--set", "run=runs/other", cwd=home)
    assert done.stdout.count(b"NOT") == 2


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["translate", "--model", "nowhere", "x"], 66, "no such model"),
        (["translate", "--input", "nowhere.txt"], 66, "nowhere.txt"),
        (["translate", "x", "--input", "y"], 2, "not both"),
        (["translate", "--beam", "2", "--n-best", "3", "x"], 2, "--beam 3"),
        (["translate", "--device", "tpu", "x"], 2, "tpu"),
        (["translate", "--sample", "--beam", "2", "x"], 2, "--sample goes without"),
        (["translate", "--top-k", "2", "x"], 2, "need --sample"),
        (["translate", "--seed", "2", "x"], 2, "need --sample"),
        (["translate", "--sample", "--temperature", "inf", "x"], 2, "finite"),
        (["evaluate", "runs/small"], 2, "no test split"),
        (["evaluate", "runs/small", "--src", "x"], 2, "as many"),
        (["evaluate", "runs/small", "--split", "tset"], 2, "test or valid"),
        (["train", "nowhere.yaml"], 66, "nowhere.yaml"),
        (["train", "config.yaml", "--set", "train.max_step=3"], 78, "did you mean train.max_steps"),
        (["train", "config.yaml", "--set", "run=runs/new", "--set", "data.train=gone.tsv"], 66, "gone.tsv"),
        (["train", "config.yaml", "--set", "train.seed=9"], 78, "train.seed"),
        (["train", "config.yaml", "--set", "run=/proc/nowhere"], 73, "/proc/nowhere"),
        (["train"], 2, "CONFIG"),
        (["trian"], 2, "train"),
    ],
)
def test_mistakes_get_a_message_and_a_code_and_no_traceback(
    home: Path, arguments: list[str], code: int, words: str
) -> None:
    done = s2s(*arguments, cwd=home)
    said = done.stderr.decode()
    assert (done.returncode, words in said, "Traceback" in said) == (code, True, False), said
    assert done.stdout == b""


def test_a_reader_that_leaves_early_is_no_error_to_speak_of(home: Path) -> None:
    (home / "in.long").write_bytes(b"cat one\n" * 20_000)
    done = in_process_of_its_own("s2s translate < in.long | head -n 1; echo ${PIPESTATUS[0]}", home)
    assert done.stdout == b"eins Katze\n141\n"
    assert b"Traceback" not in done.stderr
    assert b"Exception" not in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_and_a_closed_output_are_errors(home: Path) -> None:
    full = in_process_of_its_own("s2s translate 'cat one' > /dev/full", home)
    assert full.returncode == 74
    assert b"No space left" in full.stderr
    assert b"Traceback" not in full.stderr
    assert in_process_of_its_own("s2s translate 'cat one' >&-", home).returncode == 74


def test_ctrl_c_while_it_waits_for_input_is_a_clean_end(home: Path) -> None:
    with translate_from_a_pipe(home) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdin.write(b"red dog\n")
        process.stdin.flush()
        assert process.stdout.readline() == b"Hund rot\n"
        process.send_signal(signal.SIGINT)
        assert process.wait() == 130
        assert b"Fatal" not in process.stderr.read()


def test_evaluate_leaves_out_what_is_missing_if_something_is_there(home: Path) -> None:
    (home / "runs" / "empty").mkdir()
    done = s2s("evaluate", "runs/small", "runs/empty", "--split", "valid", "--split", "test", cwd=home)
    assert done.returncode == 0
    assert done.stderr.count(b"left out") == 2
    assert s2s("evaluate", "runs/small", "runs/mistyped", "--split", "valid", cwd=home).returncode == 66


def test_without_a_model_it_says_how_to_get_one(tmp_path: Path) -> None:
    done = s2s("translate", "x", cwd=tmp_path)
    assert done.returncode == 66
    assert b"make demo" in done.stderr


def test_python_functions_do_what_the_commands_do(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import s2s as library

    monkeypatch.chdir(home)
    assert library.Translator.load("runs/small").translate(["cat one", "", "red dog"]) == ["eins Katze", "", "Hund rot"]
    assert library.evaluate("runs/small", split="valid").score("BLEU") > 50
    assert library.train("config.yaml").n_steps == 250
    with pytest.raises(UsageError):
        library.evaluate("runs/small", src="config.yaml")
    with pytest.raises(AttributeError):
        _ = library.Transaltor


def test_the_config_in_a_run_folder_is_the_one_it_is_trained_by(home: Path) -> None:
    options = ("--set", "train.max_steps=4", "--set", "train.validate_every=4", "--set", "train.seed=7")
    done = s2s("train", "config.yaml", "--set", "run=runs/other", *options, cwd=home)
    assert done.returncode == 0, done.stderr.decode()
    kept = home / "runs" / "other" / "config.yaml"
    written = "# my words\n" + kept.read_text("utf-8")
    kept.write_text(written, "utf-8")
    again = s2s("train", "other", "--set", "train.max_steps=8", cwd=home)  # without the options: they are in it
    assert b"8 updates are done" in again.stderr
    assert b"model: runs/other" in again.stderr
    assert kept.read_text("utf-8") == written


def test_the_next_step_is_the_one_that_works(home: Path) -> None:
    (home / "short.yaml").write_text(
        (home / "config.yaml").read_text("utf-8").replace("runs/small", "runs/short"), "utf-8"
    )
    done = s2s("tokenize", "short.yaml", "--set", "vocab.size=290", cwd=home)
    assert b"next: s2s train short.yaml --set vocab.size=290" in done.stderr


def test_the_home_folder_is_known_where_the_shell_does_not_know_it(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(home)
    assert _folder_for("~/x", Path("runs/my"), "student") == tmp_path / "x"
    assert _folder_for("x", Path("runs/my"), "student") == Path("runs/x")
    assert _folder_for(None, Path("runs/my"), "student") == Path("runs/my-student")
    assert _folder_for(".", Path("runs/my"), "student") == home
    assert run_path("~/x") == tmp_path / "x"
    assert run_path(".") == home
    assert at_home("~nobody-of-this-name/x") == Path("~nobody-of-this-name/x")  # and no error
