"""The server over HTTP: LibreTranslate's answers, refusals in words, and limits of everything that can grow."""

import contextlib
import json
import os
import random
import resource
import socket
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from running_server import Running, Start

from s2s.corpus.pairs import open_pairs
from s2s.decoding.translator import Translator
from s2s.errors import DataError
from s2s.serving.app import Access
from s2s.serving.corrections import Corrections
from s2s.serving.limits import Limits, RefusedError
from s2s.serving.wire import _multipart

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
    in_query = server.ask("POST", "/translate?q=cat+one&source=en&target=de", b"", {"content-type": "text/plain"})
    assert in_query.json == {"translatedText": "eins Katze"}
    parts = b'--x\r\nContent-Disposition: form-data; name="q"\r\n\r\ncat one\r\n--x--\r\n'
    multipart = server.ask("POST", "/translate", parts, {"content-type": "multipart/form-data; boundary=x"})
    assert multipart.json["translatedText"] == "eins Katze"
    repeated = server.ask("POST", "/translate", b"q=cat&q=one", FORM)
    assert repeated.json["translatedText"] == ["Katze", "eins"]
    languages = server.ask("GET", "/languages").json
    assert languages == [{"code": "en", "name": "en", "targets": ["de"]}, {"code": "de", "name": "de", "targets": []}]
    assert server.ask("POST", "/detect", {"q": "cat"}).json == [{"language": "en", "confidence": 0.0}]
    assert server.ask("GET", "/health").json == {"status": "ok"}


def test_a_model_of_several_languages_is_found_by_those_that_it_speaks(start: Start, translator: Translator) -> None:
    def speaking(sources: tuple[str, ...]) -> Translator:
        return Translator(replace(translator.bundle, source="mul", target="mul", targets=("zh", "de"), sources=sources))

    server = start(translators={"several": speaking(("en", "de"))})
    assert server.ask("GET", "/languages").json == [
        {"code": "en", "name": "en", "targets": ["zh", "de"]},
        {"code": "de", "name": "de", "targets": ["zh"]},
        {"code": "zh", "name": "zh", "targets": []},
    ]
    assert server.translate(q="cat", source="en", target="de").status == 200
    refused = server.translate(q="cat", source="fr", target="de")
    assert (refused.status, "en/de to zh/de" in refused.json["error"]) == (400, True)
    by_default, told = (server.translate(q="One. Two.", source="en", **to).json for to in ({}, {"target": "zh"}))
    assert by_default == told
    older = start(translators={"older": speaking(())})  # which does not say from what it translates
    assert older.translate(q="cat", source="en", target="de").status == 200


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


def test_each_sentence_is_translated_by_itself(start: Start) -> None:
    answer = start().translate(q="one two.  Cat one. Two!\n\n dog", details=True).json
    found = [one["source"] for one in answer["details"]]
    assert found == ["one two.", "Cat one.", "Two!", "dog"]
    said = [one["translation"] for one in answer["details"]]
    assert answer["translatedText"] == f"{said[0]} {said[1]} {said[2]}\n\n {said[3]}"


def test_html_keeps_its_tags(start: Start) -> None:
    server = start()
    given = '<p class="a">cat <b>one</b></p><script>cat</script><img alt="two" src="x&amp;y">'
    answer = server.translate(q=given, format="html", source="en", target="de").json
    assert list(answer) == ["translatedText"]
    assert answer["translatedText"] == (
        '<p class="a"><b>eins</b> Katze</p><script>cat</script><img alt="zwei" src="x&amp;y">'
    )
    several = ["cat", "<meta charset=utf-16><p>Kätzchen &amp; one", "<b>", "", "<p>\ud800 cat"]
    answers = server.translate(q=several, format="html").json["translatedText"]
    assert (answers[0], answers[2], answers[3]) == ("Katze", "<b>", "")
    assert answers[1].startswith("<meta charset=utf-16><p>")
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda n: server.translate(q=f"<i id={n}>cat</i>", format="html"), range(60)))
    assert [one.json["translatedText"] for one in answers] == [f"<i id={n}>Katze</i>" for n in range(60)]


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
        ({"q": "a", "format": "pdf"}, "format pdf"),
        ({"q": "a", "format": "html", "details": True}, "of format text"),
        ({"q": "<p>a", "format": "html", "alternatives": 1}, "of format text"),
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
        ({"q": "a", "details": "perhaps"}, "true or false"),
        ({"q": ["a\n" * 2000, "a"]}, "2,000 sentences, not 2,001"),
        ({"q": "a", "source": "\ud800"}, "cannot translate from ?"),
        ({"q": "a", "target": "\udfff\x00"}, "there is en to de"),
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
    assert server.ask("POST", "/translate", b"--x", {"content-type": "multipart/form-data; boundary=x"}).status == 400
    assert server.ask("POST", "/translate", b"x", {"content-type": "multipart/form-data"}).status == 400
    for body in (
        b"--x\r\n" * 2_000,
        b'--x\r\nContent-Disposition: form-data; name="' + b";" * 200_000 + b"\r\n\r\nq\r\n--x--",
    ):
        assert server.ask("POST", "/translate", body, {"content-type": "multipart/form-data; boundary=x"}).status == 400
    long = "multipart/form-data; boundary=x" + ";" * 2_000
    assert server.ask("POST", "/translate", b"--x\r\n\r\nq\r\n--x--", {"content-type": long}).status == 400
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
    for n_bytes in (2000, 5_000_000):  # and the client gets to read it
        assert server.translate(q="a" * n_bytes).status == 413
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


def test_who_does_not_take_what_is_sent_is_sent_away(start: Start) -> None:
    server = start(limits=Limits(reading_seconds=0.3, connections=4))
    clients = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(4)]
    for client in clients:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        with contextlib.suppress(OSError):
            client.settimeout(0.5)
            client.sendall(b"GET /page.js HTTP/1.1\r\nHost: x\r\n\r\n" * 2000)
    while server.ask("GET", "/health").status != 200:
        time.sleep(0.05)
    for client in clients:
        client.close()


def test_requests_that_come_together_are_all_answered(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    server = start(limits=Limits(reading_seconds=0.2))
    real = server.batcher.translator.translate_lines

    def translate_lines(*arguments: Any, **more: Any) -> Any:
        time.sleep(0.5)
        return real(*arguments, **more)

    monkeypatch.setattr(server.batcher.translator, "translate_lines", translate_lines)
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(b'POST /translate HTTP/1.1\r\nHost: x\r\nContent-Length: 12\r\n\r\n{"q": "cat"}' * 3)
        received = b""
        while received.count(b"Katze") < 3:
            chunk = client.recv(10_000)
            assert chunk, received
            received += chunk


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
    assert server.translate(q="cat").status == 403
    assert server.translate(q="cat", api_key="sesam").status == 403
    assert server.translate(q="cat", api_key="sesame").status == 200
    assert server.ask("POST", "/translate", {"q": "cat"}, {"authorization": "Bearer sesame"}).status == 200
    assert server.ask("POST", "/translate", {"q": "cat"}, {"authorization": "Basic sesame"}).status == 403
    assert server.ask("POST", "/translate", {"q": "cat"}, {"authorization": "Bearer \xe4"}).status == 403
    assert server.ask("POST", "/detect", {"q": "cat"}).status == 403
    assert server.ask("GET", "/metrics").status == 403
    assert [server.ask("GET", path).status for path in ("/", "/health", "/models")] == [200] * 3
    # pages of other sites, and extensions of browsers, may ask with the token
    origin = {"origin": "moz-extension://a"}
    preflight = server.ask("OPTIONS", "/translate", headers=origin)
    assert (preflight.status, preflight.headers["access-control-allow-origin"]) == (204, "*")
    answer = server.ask("POST", "/translate", {"q": "cat"}, {**origin, "authorization": "Bearer sesame"})
    assert (answer.status, answer.headers["access-control-allow-origin"]) == (200, "*")
    assert server.ask("POST", "/translate", {"q": "cat"}, origin).status == 403


def test_pages_of_other_sites_may_not_ask(start: Start) -> None:
    server = start(access=Access(hosts=frozenset({"127.0.0.1", "localhost", "[::1]"})))
    own = f"127.0.0.1:{server.port}"
    assert server.ask("POST", "/translate", {"q": "cat"}, {"origin": f"http://{own}"}).status == 200
    assert server.ask("OPTIONS", "/translate", headers={"origin": "http://evil.example"}).status == 405
    for origin in ("http://evil.example", "null", f"http://evil.example:{server.port}", "http://["):
        assert server.ask("POST", "/translate", {"q": "cat"}, {"origin": origin}).status == 403
    for host in ("evil.example", "evil.example:80", "127.0.0.1.evil.example", "[::2]:1"):
        assert server.ask("GET", "/models", headers={"host": host}).status == 403
    assert server.ask("GET", "/models", headers={"host": "LOCALHOST:1"}).status == 200
    assert server.ask("GET", "/health/", headers={"host": "evil.example"}).status == 404
    answer = server.ask("GET", "/")
    assert "access-control-allow-origin" not in answer.headers
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def correction(source: str, correction: str, **more: str | None) -> dict[str, str | None]:
    return {"source": source, "correction": correction, "language": "de", "machine": "m", "model": "golden", **more}


def test_corrections_are_a_corpus(start: Start, tmp_path: Path) -> None:
    path = tmp_path / "corrections.tsv"
    server = start(corrections=path)
    assert path.read_text("utf-8") == "en\tde\tmachine\tmodel\n"
    several = correction("one\n\ntwo", "eins\nzwei", machine="1\n2")
    for body in (correction("cat\tone", "eine\nKatze"), correction("dog\u2028x", "Hund" * 2000), several):
        assert server.ask("POST", "/corrections", body).status == 200
    for body in (correction(" ", "x"), correction("a", "b", language="zz"), correction("a", "b", model="other")):
        assert server.ask("POST", "/corrections", body).status == 400
    path.write_bytes(path.read_bytes() + b"drei\tthree\tm\tm")  # somebody's editor left no end of line
    assert server.ask("POST", "/corrections", correction("two", "zwei")).status == 200
    lines = path.read_text("utf-8").split("\n")
    assert lines[1] == "cat one\teine Katze\tm\tgolden"
    assert lines[3:5] == ["one\teins\t1\tgolden", "two\tzwei\t2\tgolden"]
    pairs = [(pair.src, pair.tgt) for pair in open_pairs(str(path), source="en", target="de")]
    assert pairs[0] == ("cat one", "eine Katze")
    assert pairs[2:] == [("one", "eins"), ("two", "zwei"), ("drei", "three"), ("two", "zwei")]


def test_who_corrects_a_model_of_several_sources_says_which_it_was(
    start: Start, translator: Translator, tmp_path: Path
) -> None:
    several = replace(translator.bundle, source="mul", targets=("de", "fr"), sources=("en", "sw", "de"))
    alike = replace(translator.bundle, source="de")
    path = tmp_path / "c.tsv"
    server = start(translators={"golden": Translator(several), "alike": Translator(alike)}, corrections=path)
    for source in (None, "", "fr", "de", "mul"):
        refused = server.ask("POST", "/corrections", correction("mbwa", "Hund", source_language=source))
        assert (refused.status, "into de from en, sw" in refused.json["error"]) == (400, True)
    assert "told apart" in server.ask("POST", "/corrections", correction("a", "b", model="alike")).json["error"]
    assert server.ask("POST", "/corrections", correction("mbwa", "Hund", source_language="sw")).status == 200
    assert path.read_text("utf-8") == "en\tsw\tde\tfr\tmachine\tmodel\n\tmbwa\tHund\t\tm\tgolden\n"
    assert server.ask("GET", "/models").json["models"][0]["sources"] == ["en", "sw", "de"]
    plain = start(corrections=tmp_path / "d.tsv")
    for source in (None, "en"):
        assert plain.ask("POST", "/corrections", correction("cat", "Katze", source_language=source)).status == 200


def test_of_a_correction_that_does_not_fit_nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "c.tsv"
    kept = Corrections(path, ["en", "de"], 1_000_000)
    before, usual, truncate = path.read_bytes(), resource.getrlimit(resource.RLIMIT_FSIZE), os.ftruncate

    def make_room(number: int, size: int) -> None:
        truncate(number, size)
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)

    monkeypatch.setattr(os, "ftruncate", make_room)  # so that what is written late would have room
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 1_000, usual[1]))
    try:
        with pytest.raises(RefusedError, match="not kept"):
            kept.add("a " * 1_200, "b", "c", ("en", "de"), "m")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)
    assert path.read_bytes() == before


def test_a_table_of_other_languages_is_not_written_to(tmp_path: Path) -> None:
    path = tmp_path / "c.tsv"
    Corrections(path, ["en", "de", "fr"], 10_000).add("a", "b", "c", ("en", "fr"), "m")
    assert path.read_text("utf-8") == "en\tde\tfr\tmachine\tmodel\na\t\tb\tc\tm\n"
    with pytest.raises(DataError):
        Corrections(path, ["en", "de"], 10_000)
    (tmp_path / "x").write_bytes(b"\xff" * 100_000)
    with pytest.raises(DataError):
        Corrections(tmp_path / "x", ["en", "de"], 10_000)


def test_a_full_file_of_corrections_is_said(start: Start, tmp_path: Path) -> None:
    server = start(corrections=tmp_path / "c.tsv", limits=Limits(corrections_bytes=100))
    assert server.ask("POST", "/corrections", correction("a" * 90, "b")).status == 507
    assert server.ask("POST", "/corrections", correction("a", "b")).status == 200
    assert start().ask("POST", "/corrections", correction("a", "b")).status == 404


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
    for form in ("text", "html"):
        answer = server.translate(q="cat", format=form)
        assert (answer.status, answer.headers["retry-after"]) == (503, "1")
        assert "0.2 seconds" in answer.json["error"]
        while not stops:
            time.sleep(0.01)
        stops.clear()


def test_the_work_for_a_client_that_has_gone_ends(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    server = start()
    stops = slow(server, monkeypatch)
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(b'POST /translate HTTP/1.1\r\nHost: x\r\nContent-Length: 12\r\n\r\n{"q": "cat"}')
        while server.batcher.n_waiting or server.batcher._n_free:
            time.sleep(0.01)
    while not stops:
        time.sleep(0.01)


def test_a_fault_of_ours_is_said_and_counted(
    start: Start, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    server = start()

    def translate_lines(*_arguments: Any, **_more: Any) -> Any:
        raise ZeroDivisionError("secret text")

    monkeypatch.setattr(server.batcher.translator, "translate_lines", translate_lines)
    answer = server.translate(q="cat")
    assert (answer.status, list(answer.json)) == (500, ["error"])
    assert "content-security-policy" in answer.headers
    assert capsys.readouterr().err == "/translate: this is a bug in s2s: ZeroDivisionError\n"
    assert 'path="/translate",status="500"} 1' in server.ask("GET", "/metrics").body.decode()
    assert server.ask("GET", "/health").status == 200


def test_health_tells_when_nobody_translates_any_more(start: Start) -> None:
    server = start()
    server.batcher.close()
    assert server.ask("GET", "/health").status == 500


def test_words_that_the_vocabulary_does_not_see_are_counted_too(start: Start) -> None:
    [found] = start().translate(q="cat \u200b one two", details=True).json["details"]
    assert found["source_words"] == ["cat", "\u200b", "one", "two"]
    assert found["alignment"] == [[3, 0], [2, 1], [0, 2]]


def test_health_answers_while_many_short_lines_are_translated(start: Start) -> None:
    server = start()
    text = "a\n" * 1999
    with ThreadPoolExecutor(1) as pool:
        long = pool.submit(server.translate, q=text, details=True, beam=1)
        while not long.done():
            assert server.ask("GET", "/health").status == 200
        assert long.result().json["translatedText"].count("\n") == 1999


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
    [
        "q",
        "source",
        "target",
        "beam",
        "alternatives",
        "format",
        "model",
        "details",
        "api_key",
        "correction",
        "machine",
        "language",
    ]
)
BODIES = (
    st.dictionaries(
        NAMES,
        JSON_VALUES | st.sampled_from(["cat", "en", "de", "auto", "text", "html", "<p>", "golden", 3, "\ud800"]),
        max_size=7,
    ).map(lambda body: json.dumps(body).encode())
    | JSON_VALUES.map(lambda body: json.dumps(body).encode())
    | st.binary(max_size=200)
)
KINDS = st.sampled_from(["application/json", FORM["content-type"], "text/plain", "", "application/json; charset=x"])


HEADERS = st.dictionaries(
    st.sampled_from(["origin", "host", "authorization", "accept-encoding", "expect", "x-forwarded-for", "connection"]),
    st.text("abc:/[].% \x7f\xe9", max_size=20) | st.sampled_from(["http://[", "null", "Bearer x", "100-continue"]),
    max_size=2,
)


def test_no_request_breaks_it(start: Start, pytestconfig: pytest.Config, tmp_path: Path) -> None:
    server = start(corrections=tmp_path / "c.tsv")
    n_requests = 10_000 if pytestconfig.getoption("--full") else 300
    statuses: Counter[int] = Counter()

    @settings(max_examples=n_requests, database=None, suppress_health_check=list(HealthCheck))
    @given(
        st.sampled_from(["POST", "POST", "POST", "GET", "PUT", "HEAD", "OPTIONS"]),
        st.sampled_from(
            ["/translate", "/translate?q=cat&beam=x%ff", "/detect", "/corrections", "/languages", "/metrics", "/", "/x"]
        ),
        BODIES,
        KINDS,
        HEADERS,
    )
    def fuzz(method: str, path: str, body: bytes, kind: str, headers: dict[str, str]) -> None:
        given = {name: value.strip() for name, value in headers.items()}
        answer = server.ask(method, path, body, {"content-type": kind, **given})
        assert answer.status < 500 or answer.status == 503, (method, path, body, answer.body)
        statuses[answer.status] += 1

    fuzz()
    if n_requests == 10_000:
        before = resident_megabytes()
        fuzz()
        assert resident_megabytes() - before < 50
    assert {200, 400, 404, 405} <= set(statuses)
    assert server.translate(q="cat one").json["translatedText"] == "eins Katze"


def resident_megabytes() -> float:
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def test_a_form_in_parts_is_read_as_it_is_and_not_into_its_parts() -> None:
    """Of parts within parts the library would make a tree, as deep as somebody likes."""
    inner = b"Content-Type: multipart/mixed; boundary=y\r\n\r\n--y\r\n" * 300
    head = b"CONTENT-DISPOSITION: form-data; name=q\r\nContent-Type: text/plain\r\n\r\n"
    body = b"before\r\n--x\r\n" + head + b"a\r\n--b\n" + inner + b"\r\n--x\r\n"
    body += b'Content-Disposition: form-data; name="target"\r\n\r\nde\r\n--x\r\n\r\nno name\r\n--x--\r\nafter'
    fields = _multipart('multipart/form-data; boundary="x"', body)
    assert fields == {"q": (b"a\r\n--b\n" + inner).decode(), "target": "de"}
