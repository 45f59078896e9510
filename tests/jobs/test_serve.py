"""`s2s serve` as a command: who may reach it, what it says, and how it ends."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from s2s.cli import app
from s2s.jobs.serve import _is_local, _listen, _names

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")

GOLDEN = Path(__file__).parent.parent / "golden"


def test_it_serves_until_a_signal_and_finishes_what_it_is_at(tmp_path: Path) -> None:
    call = [sys.executable, "-m", "s2s", "serve", str(GOLDEN), str(GOLDEN), "--port", "0", "--device", "cpu"]
    environment = {**os.environ, "S2S_TOKEN": "sesame"}
    with subprocess.Popen([*call, "--corrections", "c.tsv"], stderr=subprocess.PIPE, text=True, env=environment,
                          cwd=tmp_path) as process:  # fmt: skip
        assert process.stderr is not None
        said = ""
        while not (address := re.search(r"http://127\.0\.0\.1:(\d+)", said)):
            line = process.stderr.readline()
            assert line, said
            said += line
        assert "golden: en → de\ngolden-2: en → de\ncorrections: c.tsv\n" in said
        connection = http.client.HTTPConnection("127.0.0.1", int(address[1]), timeout=120)
        body = json.dumps({"q": "cat one", "model": "golden-2", "api_key": "sesame"})
        connection.request("POST", "/translate", body, {"content-type": "application/json"})
        assert json.loads(connection.getresponse().read()) == {
            "translatedText": "eins Katze",
            "detectedLanguage": {"language": "en", "confidence": 0.0},
        }
        connection.close()
        process.send_signal(signal.SIGINT)
        assert process.wait(120) == 130
        assert process.stderr.read() == "stopped\n"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org"])
def test_others_need_a_token(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("S2S_TOKEN", raising=False)
    done = CliRunner().invoke(app, ["serve", str(GOLDEN), "--host", host, "--token", ""])
    assert done.exit_code == 2
    assert "--token" in done.stderr
    assert not _is_local(host)


@pytest.mark.parametrize("token", ["a b", "schlüssel", "a\nb"])
def test_a_token_that_cannot_be_sent_is_refused(token: str) -> None:
    done = CliRunner().invoke(app, ["serve", str(GOLDEN), "--port", "0", "--token", token])
    assert (done.exit_code, "token" in done.stderr) == (2, True)


def test_what_is_wrong_is_said_before_anything_runs(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = CliRunner().invoke(app, ["serve", str(GOLDEN), "--port", str(taken.getsockname()[1])])
    assert done.exit_code == 73
    assert "another --port" in done.stderr
    done = CliRunner().invoke(app, ["serve", str(tmp_path / "nothing"), "--port", "0"])
    assert done.exit_code == 66
    done = CliRunner().invoke(
        app, ["serve", str(GOLDEN), "--port", "0", "--corrections", str(tmp_path / "no" / "c.tsv")]
    )
    assert done.exit_code == 73


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith(("s2s.serving", "uvicorn", "starlette"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    done = CliRunner().invoke(app, ["serve", str(GOLDEN)])
    assert done.exit_code == 2
    assert ".[serve]" in done.stderr


def test_answers_are_sent_at_once() -> None:
    with _listen("127.0.0.1", 0) as listener:
        assert listener.proto == socket.IPPROTO_TCP  # asyncio looks at this before it turns Nagle's algorithm off


def test_names_of_models_differ(tmp_path: Path) -> None:
    runs = [tmp_path / "a" / "run", tmp_path / "b" / "run", Path("hf:owner/run")]
    assert _names(runs) == ["run", "run-2", "hf:owner/run"]
    assert [_is_local(host) for host in ("127.0.0.1", "localhost", "::1", "127.9.9.9")] == [True] * 4
