"""How `s2s serve` stands a load: one client, then many at once, on real sentences.

    python benchmarks/serve_load.py RUN FILE [--clients 200] [--requests 2000] [--beam 5]

RUN is a trained model, FILE a text in its source language. Each request is one sentence. It prints requests per second
of one client that waits for each answer, and of many that do so at the same time (each twice, in turn), whether every
answer was that of its own sentence, the longest that /health took meanwhile, and the server's memory before and after.
"""

import argparse
import asyncio
import json
import os
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path

from s2s.decoding.translator import Translator


def request(method: str, path: str, body: bytes = b"") -> bytes:
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    return head.encode() + f"Content-Length: {len(body)}\r\n\r\n".encode() + body


class Client:
    """A connection that is kept."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.reader: asyncio.StreamReader | None = None
        self.writer: asyncio.StreamWriter | None = None

    async def ask(self, data: bytes) -> tuple[int, bytes, bytes]:
        """Status, head and body of the answer."""
        if self.writer is None or self.writer.is_closing() or self.reader is None or self.reader.at_eof():
            self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        self.writer.write(data)
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
        body = await self.reader.readexactly(int(length[1]) if length else 0)
        return int(head[9:12]), head, body

    def close(self) -> None:
        """Give the connection up."""
        if self.writer is not None:
            self.writer.close()


async def load(port: int, texts: list[str], n_clients: int, beam: int) -> tuple[float, list[str | None], float, int]:
    """Requests per second, the answers, the longest time of /health in seconds, how many were told to come again."""
    answers: list[str | None] = [None] * len(texts)
    left = iter(range(len(texts)))
    n_refused, slowest, is_done = 0, 0.0, False

    async def client() -> None:
        nonlocal n_refused
        one = Client(port)
        for number in left:
            body = json.dumps({"q": texts[number], "beam": beam}).encode()
            while True:
                status, head, answer = await one.ask(request("POST", "/translate", body))
                if status == 200:
                    answers[number] = json.loads(answer)["translatedText"]
                    break
                assert status == 503, (status, answer)
                assert b"retry-after" in head.lower()
                n_refused += 1
                await asyncio.sleep(1)
        one.close()

    async def health() -> None:
        nonlocal slowest
        one = Client(port)
        while not is_done:
            begun = time.perf_counter()
            assert (await one.ask(request("GET", "/health")))[0] == 200
            slowest = max(slowest, time.perf_counter() - begun)
            await asyncio.sleep(0.05)
        one.close()

    watching = asyncio.create_task(health())
    begun = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(n_clients)))
    seconds = time.perf_counter() - begun
    is_done = True
    await watching
    return len(texts) / seconds, answers, slowest, n_refused


def memory(process: int) -> float:
    """Resident megabytes of a process."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text("utf-8"))
    return int(found[1]) / 1024 if found else 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("file", type=Path)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--beam", type=int, default=5)
    given = parser.parse_args()
    lines = given.file.read_text("utf-8").split("\n")[:-1]
    texts = [lines[number % len(lines)] for number in range(given.requests)]
    translator = Translator.load(given.run)
    expected = translator.translate(texts, beam=given.beam)
    call = [sys.executable, "-m", "s2s", "serve", str(given.run), "--port", "0"]
    with subprocess.Popen(call, stderr=subprocess.PIPE, text=True, env={**os.environ}) as server:
        assert server.stderr is not None
        said = ""
        while not (address := re.search(r"http://127\.0\.0\.1:(\d+)", said)):
            said += server.stderr.readline()
        port = int(address[1])
        asyncio.run(load(port, texts[:200], 20, given.beam))
        before = memory(server.pid)
        rates: dict[int, list[float]] = {1: [], given.clients: []}
        is_good = True
        for _ in range(2):
            for n_clients, few in ((1, given.requests // 5), (given.clients, given.requests)):
                rate, answers, slowest, n_refused = asyncio.run(load(port, texts[:few], n_clients, given.beam))
                rates[n_clients].append(rate)
                is_good &= slowest < 1
                n_wrong = sum(answer != wanted for answer, wanted in zip(answers, expected, strict=False))
                is_good &= not n_wrong
                print(
                    f"{n_clients:4} clients: {rate:6.1f} requests/s, {n_wrong} of {few} wrong or lost, "
                    f"{n_refused} told to come again, /health at most {1000 * slowest:.0f} ms"
                )
        print(f"together / alone: {statistics.mean(rates[given.clients]) / statistics.mean(rates[1]):.2f}")
        print(f"memory: {before:.0f} MB before, {memory(server.pid):.0f} MB after")
        server.terminate()
    if not is_good:
        sys.exit("a wrong answer, or /health took over a second")


if __name__ == "__main__":
    main()
