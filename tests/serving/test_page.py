"""The page in a real Chromium: what it shows is what the server said, and nothing of it is markup or goes elsewhere."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from importlib import util
from pathlib import Path
from typing import Any

import pytest
from browser import CHROMIUM, Browser, chromium
from running_server import GOLDEN, Running, running

from s2s.decoding.translator import Translator

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")

RESULT = ".result p.text:not(.source)"
HOSTILE = '<img src=x onerror="document.title=\'hacked\'"> <script>document.title="hacked"</script> &lt;b&gt; one'


@pytest.fixture(scope="module")
def server(translator: Translator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    corrections = tmp_path_factory.mktemp("corrections") / "c.tsv"
    with running({"first": translator, "second": translator}, corrections=corrections) as found:
        yield found


@pytest.fixture(scope="module")
def open_browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with chromium(tmp_path_factory.mktemp("chromium")) as found:
        yield found


@pytest.fixture
def browser(open_browser: Browser, server: Running) -> Iterator[Browser]:
    """The page, ready; afterwards nothing has gone wrong in it, and nobody else was asked."""
    open_browser.errors.clear()
    open_browser.requested.clear()
    open_browser.look()
    open_browser.open(server.address + "/")
    open_browser.wait("document.querySelector('#model').options.length")
    yield open_browser
    open_browser.js("1")  # what happened until now has come
    assert open_browser.errors == []
    assert {address for address in open_browser.requested if not address.startswith((server.address, "data:"))} == set()


def translate(browser: Browser, text: str) -> None:
    browser.js("document.querySelector('#source').value = ''; document.querySelector('#source').focus()")
    browser.type(text)
    browser.press("Enter", control=True)
    browser.wait("document.querySelector('#status').textContent.startsWith('Translated')")


def shown(browser: Browser, selector: str) -> Any:
    return browser.js(f"[...document.querySelectorAll({json.dumps(selector)})].map((one) => one.textContent)")


def test_a_word_s_partners_are_those_that_the_answer_gives(browser: Browser, server: Running) -> None:
    text = "one two three cat\n\ndog one"
    translate(browser, text)
    answer = server.translate(q=text, details=True, beam=5).json
    assert shown(browser, RESULT) == [answer["translatedText"]]
    source_words = [word for one in answer["details"] for word in one["source_words"]]
    words = [word for one in answer["details"] for word in one["words"]]
    assert shown(browser, f"{RESULT} .word") == words
    pairs, before = [], (0, 0)
    for one in answer["details"]:
        pairs += [(before[0] + source, before[1] + target) for source, target in one["alignment"]]
        before = before[0] + len(one["source_words"]), before[1] + len(one["words"])
    assert pairs
    lit = "[...document.querySelectorAll('{} .word')].flatMap((one, n) => one.classList.contains('linked') ? [n] : [])"
    for number in range(len(words)):
        browser.hover(f"{RESULT} .word", number)
        assert browser.js(lit.format(RESULT)) == [number]
        assert browser.js(lit.format(".text.source")) == sorted({src for src, tgt in pairs if tgt == number})
    for number in range(len(source_words)):
        browser.hover(".text.source .word", number)
        assert browser.js(lit.format(RESULT)) == sorted({tgt for src, tgt in pairs if src == number})
    confidence = [value for one in answer["details"] for value in one["confidence"]]
    titles = browser.js(f"[...document.querySelectorAll('{RESULT} .word')].map((one) => one.title)")
    assert titles == [f"probability {value:.2f}" for value in confidence]


def test_the_keyboard_suffices(browser: Browser) -> None:
    browser.js("document.activeElement.blur()")
    for _ in range(20):
        browser.press("Tab")
        if browser.js("document.activeElement.id") == "source":
            break
    browser.type("cat one two")
    browser.press("Tab")
    assert browser.js("document.activeElement.id") == "go"
    browser.press("Enter")
    browser.wait("document.querySelectorAll('.result .word').length")
    assert browser.js("document.activeElement.id") == "go"
    browser.press("Tab")
    browser.press("ArrowRight")
    assert browser.js("document.activeElement.textContent") == "eins"
    assert browser.js("document.querySelectorAll('.text.source .linked').length") == 1
    browser.press("ArrowLeft")
    assert browser.js("document.activeElement.textContent") == "zwei"


def test_alternatives_and_a_second_model(browser: Browser, server: Running) -> None:
    browser.js("document.querySelector('#alternatives').value = 3; document.querySelector('#beside').value = 'second'")
    translate(browser, "one two three")
    expected = server.translate(q="one two three", alternatives=3, beam=5).json
    assert shown(browser, RESULT) == [expected["translatedText"]] * 2
    assert shown(browser, ".result li") == expected["alternatives"] * 2
    assert [heading.split(":")[0] for heading in shown(browser, "h2")] == ["first", "second"]


def test_text_stays_text(browser: Browser, server: Running) -> None:
    translate(browser, HOSTILE)
    [heading] = shown(browser, ".text.source")
    assert heading == HOSTILE
    assert shown(browser, RESULT) == [server.translate(q=HOSTILE, beam=5).json["translatedText"]]
    assert browser.js("document.title") == "Translate · s2s"
    assert browser.js("document.querySelectorAll('.result img, .result script, .result b').length") == 0


def test_a_long_text_and_one_from_right_to_left(browser: Browser) -> None:
    text = ("one two three cat dog " * 228)[:4999] + "."
    translate(browser, text)
    assert browser.js("document.querySelector('#source').value.length") == 5000
    [source] = shown(browser, ".text.source")
    assert source == text
    assert browser.js("document.documentElement.scrollWidth <= innerWidth")
    browser.js("document.querySelector('#source').value = ''; document.querySelector('#source').focus()")
    browser.type(text + " dog")
    browser.press("Enter", control=True)
    browser.wait("document.querySelector('#problem').textContent.includes('5,000 characters')")
    assert browser.js("document.querySelector('#source').value") == text + " dog"  # nothing of it is cut off
    assert "4 too many" in browser.js("document.querySelector('#count').textContent")
    translate(browser, "cat\n\nשלום one")
    assert browser.js("getComputedStyle(document.querySelector('.text.source')).unicodeBidi") == "plaintext"
    translate(browser, "שלום one")
    assert browser.js("getComputedStyle(document.querySelector('.text.source')).direction") == "rtl"
    assert browser.js("getComputedStyle(document.querySelector('#source')).direction") == "rtl"


def test_a_correction_is_kept(browser: Browser, server: Running) -> None:
    translate(browser, "cat one")
    browser.click(".result summary")
    browser.js(
        "document.querySelector('.result textarea').value = ''; document.querySelector('.result textarea').focus()"
    )
    browser.type("eine Katze")
    browser.click(".result details button")
    browser.wait("document.querySelector('.result details [role=status]').textContent === 'Saved.'")
    assert server.server.corrections is not None
    assert server.server.corrections.path.read_text("utf-8").endswith("\ncat one\teine Katze\teins Katze\tfirst\n")


def test_of_several_source_languages_one_says_which_it_was(
    browser: Browser, translator: Translator, tmp_path: Path
) -> None:
    bundle = replace(translator.bundle, source="mul", targets=("de",), sources=("sw", "de", "en"))
    with running({"several": Translator(bundle)}, corrections=tmp_path / "c.tsv") as several:
        browser.open(several.address + "/")
        browser.wait("document.querySelector('#model').options.length")
        translate(browser, "cat one")
        browser.click(".result summary")
        browser.js("document.querySelector('.result details select').value = 'en'")
        browser.click(".result details button")
        browser.wait("document.querySelector('.result details [role=status]').textContent === 'Saved.'")
        header, row, _ = (tmp_path / "c.tsv").read_text("utf-8").split("\n")
        assert header == "sw\tde\ten\tmachine\tmodel"
        assert row.split("\t")[::2] == ["", "cat one", "several"]
        browser.requested.clear()


@pytest.mark.skipif(util.find_spec("axe_core_python") is None, reason="axe-core-python is not installed")
@pytest.mark.parametrize(("dark", "width"), [(False, 1280), (True, 380)])
def test_it_is_accessible(browser: Browser, dark: bool, width: int) -> None:
    spec = util.find_spec("axe_core_python")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    browser.look(dark=dark, width=width)
    browser.js("document.querySelector('#alternatives').value = 2")
    translate(browser, "one two three xyzzy")
    browser.click(".result summary")
    browser.js(Path(spec.submodule_search_locations[0], "axe.min.js").read_text("utf-8") + "; 1")
    faults = browser.js(
        "axe.run().then((found) => found.violations.map((one) => [one.id, one.impact, one.nodes[0].html]))"
    )
    assert faults == []


def begin(port: int) -> subprocess.Popen[str]:
    call = [sys.executable, "-m", "s2s", "serve", str(GOLDEN), "--port", str(port), "--device", "cpu"]
    process = subprocess.Popen(call, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    while "page and API" not in (line := process.stderr.readline()):
        assert line, "the server has ended"
    return process


def test_a_server_that_stops_gives_a_message_and_another_try(open_browser: Browser) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with contextlib.ExitStack() as stack:
        process = stack.enter_context(begin(port))
        stack.callback(process.kill)
        open_browser.open(f"http://127.0.0.1:{port}/")
        open_browser.wait("document.querySelector('#model').options.length")
        translate(open_browser, "cat")
        os.kill(process.pid, signal.SIGSTOP)
        open_browser.js("document.querySelector('#source').focus()")
        open_browser.type(" one")
        open_browser.press("Enter", control=True)
        open_browser.wait("document.querySelector('#status').textContent.startsWith('Translating')")
        process.kill()
        open_browser.wait("document.querySelector('#problem button')")
        assert "does not answer" in open_browser.js("document.querySelector('#problem').textContent")
        assert open_browser.js("document.querySelector('#source').value") == "cat one"
        again = stack.enter_context(begin(port))
        stack.callback(again.kill)
        open_browser.click("#problem button")
        open_browser.wait(f"document.querySelector('{RESULT}').textContent === 'eins Katze'")
        assert open_browser.js("document.querySelector('#problem').textContent") == ""
