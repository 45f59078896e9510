"""What each side of a lifeline does about messages and deaths; here both sides are in one process."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from s2s.errors import UsageError
from s2s.training import lifeline
from s2s.training.lifeline import LOST_CODE, Center, Outpost


class Line:
    """A center, its outposts, and the exit codes with which sides would have left their process, in order."""

    def __init__(self, n: int) -> None:
        self.left: list[int] = []
        self.center = Center(n, everywhere=False, token="secret")
        joining = threading.Thread(target=self.center.wait_for_all)
        joining.start()
        self.outposts: dict[int, Outpost] = {}
        calls = [threading.Thread(target=self._call, args=(number,)) for number in range(1, n)]
        for call in calls:
            call.start()
        for thread in (joining, *calls):
            thread.join()

    def _call(self, number: int) -> None:
        self.outposts[number] = Outpost(number, ("127.0.0.1", self.center.port), "secret")

    def cut(self, number: int) -> None:
        """As the kernel does when a process dies."""
        with contextlib.suppress(OSError):
            self.outposts[number]._center._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.center._released = True
        for number, outpost in self.outposts.items():
            outpost._released.set()
            self.cut(number)
        wait_for(lambda: not any("_watch" in thread.name for thread in threading.enumerate()))
        for connection in [*self.center._others.values(), *(outpost._center for outpost in self.outposts.values())]:
            connection.close()


@pytest.fixture
def line(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], Line]]:
    lines: list[Line] = []

    def make(n: int) -> Line:
        lines.append(Line(n))
        monkeypatch.setattr(lifeline, "_leave", lines[-1].left.append)
        return lines[-1]

    yield make
    for one in lines:
        one.close()


def wait_for(condition: Callable[[], Any]) -> None:
    until = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.005)


def test_news_come_in_order_and_the_end_after_them(line: Callable[[int], Line]) -> None:
    three = line(3)
    assert sorted(three.center.members) == sorted(three.outposts[2].members) == [0, 1, 2]
    three.center.tell({"score": 0.1 + 0.2})
    three.center.tell({"score": float("inf")})
    three.center.end(0)
    for outpost in three.outposts.values():
        assert [outpost.hear()["score"] for _ in range(2)] == [0.1 + 0.2, float("inf")]  # every bit of them
        with pytest.raises(SystemExit) as leaving:
            outpost.wait_for_end()
        assert leaving.value.code == 0
    assert three.left == []


def test_a_dead_rank_is_named_and_ends_all(line: Callable[[int], Line], capsys: pytest.CaptureFixture[str]) -> None:
    three = line(3)
    three.outposts[2]._released.set()  # its own side shall not notice: it is dead
    three.cut(2)
    wait_for(lambda: three.left)
    assert three.left[0] == LOST_CODE
    said = capsys.readouterr().err
    assert said.startswith(f"error: {three.center.members[2]} is gone: killed")
    assert said.count("error:") == 1
    three.left.clear()
    three.center.end(0)  # too late to end well
    assert LOST_CODE in three.left


def test_a_loss_waits_for_what_is_being_written(line: Callable[[int], Line]) -> None:
    two = line(2)
    with two.center.writing:
        two.cut(1)
        assert two.center.lost.wait(10)
        time.sleep(0.05)
        assert LOST_CODE not in two.left[1:]  # the outpost's own end may be there already
        n_left = len(two.left)
    wait_for(lambda: len(two.left) > n_left)


def test_a_rank_that_fails_gives_reason_and_code(
    line: Callable[[int], Line], capsys: pytest.CaptureFixture[str]
) -> None:
    two = line(2)
    two.outposts[1].report("no such device", 2)
    wait_for(lambda: two.left)
    assert two.left[0] == 2
    assert capsys.readouterr().err == f"error: {two.center.members[1]} failed: no such device\n"


def test_a_signal_is_passed_on(line: Callable[[int], Line]) -> None:
    two = line(2)
    noted: list[tuple[int, int]] = []
    two.center.on_signal = lambda number, member: noted.append((number, member.number))
    two.outposts[1].pass_on(15)
    wait_for(lambda: noted)
    assert noted == [(15, 1)]


def test_when_rank_0_is_dead_one_rank_of_the_host_says_so(
    line: Callable[[int], Line], capfd: pytest.CaptureFixture[str]
) -> None:
    three = line(3)
    three.center._released = True  # its side is dead
    for other in three.center._others.values():
        other._socket.shutdown(socket.SHUT_RDWR)
    wait_for(lambda: len(three.left) == 2)
    assert three.left == [LOST_CODE] * 2
    said = capfd.readouterr().err
    assert said.startswith(f"error: {three.center.members[0]} is gone")
    assert said.count("\n") == 1


def test_who_is_not_one_of_us_is_not_let_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifeline, "_JOIN_SECONDS", 0.2)
    center = Center(2, everywhere=True, token="secret")
    with socket.create_connection(("127.0.0.1", center.port)) as stranger:
        stranger.sendall(b'{"kind": "hello", "token": "guess", "number": 1, "host": "h", "pid": 1}\n')
        with pytest.raises(UsageError, match=r"of 2 ranks these did not come within .* s: 1"):
            center.wait_for_all()
        assert stranger.recv(1) == b""


def test_who_is_released_is_not_missed_and_stays_until_the_end(line: Callable[[int], Line]) -> None:
    three = line(3)
    three.center.release()
    three.outposts[1].wait_for_end(0.05)  # it returns: the end has not come
    three.outposts[2]._released.set()
    three.cut(2)
    three.outposts[1].pass_on(15)  # nobody asks for it: it is no error
    time.sleep(0.05)
    assert not three.center.lost.is_set()
    three.center.end(0)
    with pytest.raises(SystemExit) as leaving:
        three.outposts[1].wait_for_end()
    assert leaving.value.code == 0
    assert three.left == []
