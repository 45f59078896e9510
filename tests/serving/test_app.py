"""The server over HTTP: LibreTranslate's answers, refusals in words, and limits of everything that can grow."""

import json
import random
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from running_server import Running, Start

from s2s.corpus.pairs import open_pairs
from s2s.decoding.translator import Translator
from s2s.serving.app import Access
from s2s.serving.limits import Limits

FORM = {"content-type": "application/x-www-form-urlencoded"}


def test_it_answers_as_libretranslate_does(start: Start) -> None:
    server = start()
    one = server.translate(q="cat one", source="en", target="de", format="text", api_key="")
    assert (one.status, one.json) == (200, {"translatedText": "eins Katze"})
    form = server.ask("POST", "/translate", b"q=cat+one&source=en&target=de&alternatives=1", FORM)
    assert form.json["translatedText"] == "eins Katze"
    assert len(form.json["alternatives"]) == 1
    several = server.translate(q=["cat", "", "one\n\n two "], source="auto", target="de")
    assert several.json["translatedText"] == ["Katze", "", "eins\n\n zwei "]
    assert several.json["detectedLanguage"] == [{"language": "en", "confidence": 0.0}] * 3
    repeated = server.ask("POST", "/translate", b"q=cat&q=one", FORM)
    assert repeated.json["translatedText"] == ["Katze", "eins"]
    languages = server.ask("GET", "/languages").json
    assert languages == [{"code": "en", "name": "en", "targets": ["de"]}, {"code": "de", "name": "de", "targets": []}]
    assert server.ask("POST", "/detect", {"q": "cat"}).json == [{"language": "en", "confidence": 0.0}]
    assert server.ask("GET", "/health").json == {"status": "ok"}


def test_details_are_those_of_the_translator(start: Start, translator: Translator) -> None:
    answer = start().translate(q="cat one\ndog", details=True, beam=3, alternatives=2).json
    [first, second] = answer["details"]
    [alone] = translator.translate_lines(["cat one"], translator.options(beam=3, n_best=3), align=True)
    assert (first["source_words"], first["words"]) == (["cat", "one"], ["eins", "Katze"])
    assert first["alignment"] == [list(link) for link in alone.alignment or []]
    assert first["confidence"] == [round(value, 4) for value in alone.confidence or []]
    assert [one["text"] for one in first["candidates"]] == [one.text for one in alone.candidates]
    assert (second["before"], second["translation"]) == ("\n", "Hund")
    assert len(answer["alternatives"]) <= 2
    assert answer["translatedText"] not in answer["alternatives"]


def test_answers_are_as_described(start: Start) -> None:
    server = start()
    described = server.ask("GET", "/openapi.json").json

    def check(method: str, path: str, body: Any = None) -> None:
        answer = server.ask(method, path, body)
        described_answer = described["paths"][path][method.lower()]["responses"][str(answer.status)]
        [(kind, content)] = described_answer["content"].items()
        assert answer.headers["content-type"].startswith(kind)
        if kind == "application/json":
            jsonschema.validate(answer.json, content["schema"])

    check("POST", "/translate", {"q": "cat", "details": True, "alternatives": 2})
    for body in ({}, {"q": 1}, {"q": "a", "target": "xx"}):
        check("POST", "/translate", body)
    check("POST", "/detect", {"q": "cat"})
    check("POST", "/corrections", {"source": "a"})
    for path in ("/languages", "/models", "/health", "/metrics", "/openapi.json"):
        check("GET", path)
    limits = described["paths"]["/translate"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert limits["properties"]["beam"]["maximum"] == Limits().beam


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "q is to be"),
        ({"q": None}, "q is to be"),
        ({"q": {"a": 1}}, "q is to be"),
        ({"q": ["a", 1]}, "q is to be"),
        ({"q": ["a"] * 65}, "64 texts"),
        ({"q": "a" * 5001}, "5,000 characters, not 5,001"),
        ({"q": "a", "format": "html"}, "format html"),
        ({"q": "a", "source": "fr"}, "there is en to de"),
        ({"q": "a", "target": "fr"}, "there is en to de"),
        ({"q": "a", "target": ["de"]}, "target is to be"),
        ({"q": "a", "model": "other"}, "there is golden"),
        ({"q": "a", "beam": 0}, "from 1 to 8"),
        ({"q": "a", "beam": 9}, "from 1 to 8"),
        ({"q": "a", "beam": True}, "from 1 to 8"),
        ({"q": "a", "beam": 2.5}, "from 1 to 8"),
        ({"q": "a", "alternatives": 10_000}, "from 0 to 7"),
        ({"q": "a", "alternatives": 3, "beam": 3}, "beam of 4"),
    ],
)
def test_what_is_wrong_is_said(start: Start, fields: dict[str, Any], said: str) -> None:
    answer = start().translate(**fields)
    assert answer.status == 400
    assert said in answer.json["error"]


def test_other_wrong_requests(start: Start) -> None:
    server = start()
    assert server.ask("POST", "/translate", b"{").status == 400
    assert server.ask("POST", "/translate", b"[" * 100_000).status == 400
    assert server.ask("POST", "/translate", b'{"beam": ' + b"9" * 10_000 + b', "q": "a"}').status == 400
    assert server.ask("POST", "/translate", b"\xff\xfe").status == 400
    assert server.ask("POST", "/translate", b"[]").status == 400
    assert server.ask("POST", "/translate", b"a=1&" * 2000, FORM).status == 400
    assert server.ask("POST", "/translate", b"<a/>", {"content-type": "text/xml"}).status == 415
    assert server.ask("GET", "/translate").status == 405
    assert server.ask("GET", "/../../etc/passwd").status == 404
    assert "openapi" in server.ask("GET", "/nothing").json["error"]


def test_text_that_is_no_text_is_translated_all_the_same(start: Start) -> None:
    server = start()
    for text in ("\ud800 cat", "\0", "cat \x1b[31m", "🐈" * 50, "\u202ecat", "▁<s></s> one", " \t "):
        answer = server.ask("POST", "/translate", json.dumps({"q": text, "details": True}).encode())
        assert answer.status == 200, text
        assert isinstance(answer.json["translatedText"], str)


def test_a_long_body_is_refused_before_it_is_read(start: Start) -> None:
    server = start(limits=Limits(body_bytes=1000))
    assert server.translate(q="a" * 2000).status == 413
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(b"POST /translate HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        chunk = b"10000\r\n" + b" " * 65536 + b"\r\n"
        sent = 0
        try:
            for _ in range(16_384):  # a gigabyte
                client.sendall(chunk)
                sent += len(chunk)
        except OSError:
            pass
        assert sent < 64 * 1024 * 1024  # what the kernel's buffers take
    assert server.ask("GET", "/health").status == 200


def test_who_takes_his_time_is_sent_away(start: Start) -> None:
    server = start(limits=Limits(reading_seconds=0.3))
    half_heads = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(100)]
    for client in half_heads:
        client.sendall(b"POST /translate HTTP/1.1\r\nHost: x\r\nX-")
    half_body = socket.create_connection(("127.0.0.1", server.port))
    half_body.sendall(b"POST /translate HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
    assert server.ask("GET", "/health").status == 200
    assert half_body.recv(1000).startswith(b"HTTP/1.1 408 ")
    assert {client.recv(1) for client in half_heads} == {b""}
    for client in [*half_heads, half_body]:
        client.close()


def test_a_second_request_on_a_connection_has_its_time_too(start: Start) -> None:
    server = start(limits=Limits(reading_seconds=0.3))
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        received = b""
        while b'{"status":"ok"}' not in received:
            received += client.recv(10_000)
        client.sendall(b"GET /health HTTP/1.1\r\nHost")
        assert client.recv(1) == b""


def test_connections_are_bounded(start: Start) -> None:
    server = start(limits=Limits(connections=5))
    clients = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(5)]
    clients[0].sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
    assert clients[0].recv(10_000).startswith(b"HTTP/1.1 200 ")
    refused = server.ask("GET", "/health")
    assert (refused.status, refused.headers["retry-after"]) == (503, "1")
    for client in clients:
        client.close()
    while server.ask("GET", "/health").status != 200:
        time.sleep(0.01)


def test_a_token_is_needed_where_there_is_one(start: Start) -> None:
    server = start(access=Access("sesame"))
    assert server.translate(q="cat").status == 401
    assert server.translate(q="cat", api_key="sesam").status == 401
    assert server.translate(q="cat", api_key="sesame").status == 200
    assert server.ask("POST", "/translate", {"q": "cat"}, {"authorization": "Bearer sesame"}).status == 200
    assert server.ask("POST", "/translate", {"q": "cat"}, {"authorization": "Basic sesame"}).status == 401
    assert server.ask("POST", "/translate", {"q": "cat"}, {"authorization": "Bearer \xe4"}).status == 401
    assert server.ask("POST", "/detect", {"q": "cat"}).status == 401
    assert server.ask("GET", "/metrics").status == 401
    assert [server.ask("GET", path).status for path in ("/", "/health", "/models")] == [200] * 3


def test_pages_of_other_sites_may_not_ask(start: Start) -> None:
    server = start(access=Access(hosts=frozenset({"127.0.0.1", "localhost", "[::1]"})))
    own = f"127.0.0.1:{server.port}"
    assert server.ask("POST", "/translate", {"q": "cat"}, {"origin": f"http://{own}"}).status == 200
    for origin in ("http://evil.example", "null", f"http://evil.example:{server.port}"):
        assert server.ask("POST", "/translate", {"q": "cat"}, {"origin": origin}).status == 403
    for host in ("evil.example", "evil.example:80", "127.0.0.1.evil.example", "[::2]:1"):
        assert server.ask("GET", "/models", headers={"host": host}).status == 403
    assert server.ask("GET", "/models", headers={"host": "LOCALHOST:1"}).status == 200
    answer = server.ask("GET", "/")
    assert "access-control-allow-origin" not in answer.headers
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_corrections_are_a_corpus(start: Start, tmp_path: Path) -> None:
    path = tmp_path / "corrections.tsv"
    server = start(corrections=path)
    given = {"language": "de", "machine": "m", "model": "golden"}
    for source, correction in (("cat\tone", "eine\nKatze"), ("dog\u2028x", "Hund")):
        assert server.ask("POST", "/corrections", {"source": source, "correction": correction, **given}).status == 200
    assert server.ask("POST", "/corrections", {"source": " ", "correction": "x", **given}).status == 400
    assert path.read_text("utf-8").startswith("source\ttarget\tlanguage\tmachine\tmodel\n")
    path.write_bytes(path.read_bytes() + b"half a li")  # cut off when the disk was full
    assert server.ask("POST", "/corrections", {"source": "two", "correction": "zwei", **given}).status == 200
    lines = path.read_text("utf-8").split("\n")
    assert lines[1:3] == ["cat one\teine Katze\tde\tm\tgolden", "dog x\tHund\tde\tm\tgolden"]
    assert lines[3:] == ["half a li", "two\tzwei\tde\tm\tgolden", ""]
    path.write_text("\n".join([*lines[:3], *lines[4:]]), "utf-8")
    pairs = [(pair.src, pair.tgt) for pair in open_pairs(str(path), source="en", target="de")]
    assert pairs == [("cat one", "eine Katze"), ("dog x", "Hund"), ("two", "zwei")]


def test_a_full_file_of_corrections_is_said(start: Start, tmp_path: Path) -> None:
    server = start(corrections=tmp_path / "c.tsv", limits=Limits(corrections_bytes=100))
    body = {"source": "a" * 60, "correction": "b", "language": "de", "machine": "", "model": ""}
    assert server.ask("POST", "/corrections", body).status == 507
    assert server.ask("POST", "/corrections", {**body, "source": "a"}).status == 200
    assert start().ask("POST", "/corrections", body).status == 404


def test_two_hundred_clients_lose_nothing_and_mix_nothing_up(start: Start, translator: Translator) -> None:
    server = start()
    rng = random.Random(2)
    words = ["one", "two", "three", "cat", "dog"]
    texts = [" ".join(rng.choices(words, k=rng.randint(1, 8))) for _ in range(200)]
    expected = translator.translate(texts)
    with ThreadPoolExecutor(200) as pool:
        answers = list(pool.map(lambda text: server.translate(q=text), texts))
    assert [answer.status for answer in answers] == [200] * 200
    assert [answer.json["translatedText"] for answer in answers] == expected
    assert server.batcher.n_batches < 200


def test_what_is_too_much_is_told_to_come_again(start: Start) -> None:
    server = start(limits=Limits(waiting=3))
    text = "one two three cat dog " * 200
    with ThreadPoolExecutor(60) as pool:
        answers = list(pool.map(lambda _: server.translate(q=text, beam=8), range(60)))
    refused = [answer for answer in answers if answer.status != 200]
    assert refused
    assert {(answer.status, answer.headers["retry-after"]) for answer in refused} == {(503, "1")}
    assert len({answer.body for answer in answers if answer.status == 200}) == 1


def slow(server: Running, monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Let translating take until it is stopped; notes when it was."""
    stops: list[bool] = []

    def translate_lines(_lines: Any, _options: Any, check_stop: Any, **_more: Any) -> Any:
        try:
            while True:
                check_stop()
                time.sleep(0.005)
        finally:
            stops.append(True)

    monkeypatch.setattr(server.batcher.translator, "translate_lines", translate_lines)
    return stops


def test_what_takes_too_long_is_given_up(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    server = start(limits=Limits(seconds=0.2))
    stops = slow(server, monkeypatch)
    answer = server.translate(q="cat")
    assert (answer.status, answer.headers["retry-after"]) == (503, "1")
    assert "0.2 seconds" in answer.json["error"]
    while not stops:
        time.sleep(0.01)


def test_the_work_for_a_client_that_has_gone_ends(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    server = start()
    stops = slow(server, monkeypatch)
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(b'POST /translate HTTP/1.1\r\nHost: x\r\nContent-Length: 12\r\n\r\n{"q": "cat"}')
        while server.batcher.n_waiting or server.batcher._n_free:
            time.sleep(0.01)
    while not stops:
        time.sleep(0.01)


def test_what_happened_is_counted(start: Start) -> None:
    server = start()
    server.translate(q="cat\none")
    server.translate()
    text = server.ask("GET", "/metrics").body.decode()
    assert 's2s_requests_total{path="/translate",status="200"} 1\n' in text
    assert 's2s_requests_total{path="/translate",status="400"} 1\n' in text
    assert 's2s_sentences_total{model="golden"} 2\n' in text
    for line in text.splitlines():
        assert line.startswith("# ") or len(line.rsplit(" ", 1)) == 2


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
NAMES = st.sampled_from(
    ["q", "source", "target", "beam", "alternatives", "format", "model", "details", "api_key", "correction", "language"]
)
BODIES = (
    st.dictionaries(NAMES, JSON_VALUES | st.sampled_from(["cat", "en", "de", "auto", "text", 3]), max_size=6).map(
        lambda body: json.dumps(body).encode()
    )
    | JSON_VALUES.map(lambda body: json.dumps(body).encode())
    | st.binary(max_size=200)
)
KINDS = st.sampled_from(["application/json", FORM["content-type"], "text/plain", "", "application/json; charset=x"])


def test_no_request_breaks_it(start: Start, pytestconfig: pytest.Config) -> None:
    server = start()
    n_requests = 10_000 if pytestconfig.getoption("--full") else 300

    @settings(max_examples=n_requests, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(
        st.sampled_from(["POST", "POST", "POST", "GET", "PUT", "HEAD"]),
        st.sampled_from(["/translate", "/translate", "/detect", "/corrections", "/languages", "/", "/page.js", "/x"]),
        BODIES,
        KINDS,
    )
    def fuzz(method: str, path: str, body: bytes, kind: str) -> None:
        answer = server.ask(method, path, body, {"content-type": kind})
        assert answer.status < 500 or answer.status == 503, (method, path, body, answer.body)

    fuzz()
    assert server.translate(q="cat one").json == {"translatedText": "eins Katze", **server.translate(q="cat one").json}
