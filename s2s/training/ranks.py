"""Ranks: the processes that train one model together, started by torchrun (`docs/ranks.md`).

torchrun starts the same command once for every device and numbers the processes in the environment. Rank 0 leads: it
alone prepares the data, validates, writes, prints and decides when to stop. The others compute their share of the
gradient. What they need to know comes in two ways:

- with the one small sum over all ranks of every update (`exchange`): the losses, rank 0's clock, whether to stop;
- as news over the lifelines (`tell`, `hear`): what happens now and then, and may take rank 0 long.

Without torchrun there is one rank, and nothing here costs anything or imports `torch.distributed`.
"""

import contextlib
import os
import secrets
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from s2s.console import say
from s2s.errors import DivergedError, Interrupted, S2SError, UsageError
from s2s.runtime import choose_device, set_threads
from s2s.training.lifeline import Center, Member, Outpost
from s2s.training.signals import StopSignal

if TYPE_CHECKING:
    import torch
    from torch.distributed.distributed_c10d import Store

_RENDEZVOUS = timedelta(minutes=5)
_COLLECTIVE = timedelta(minutes=10)  # nobody waits for rank 0's longer work in one: only for a rank that hangs
_AGAIN_SECONDS = 5.0  # torchrun, Slurm and the terminal may each send the same signal


@dataclass(frozen=True)
class Place:
    """A process among those that torchrun started.

    Attributes:
        number: Rank, from 0.
        n: Ranks in all.
        local: Rank on this host, from 0: the number of its CUDA device.
        n_local: Ranks on this host.
    """

    number: int = 0
    n: int = 1
    local: int = 0
    n_local: int = 1

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Place":
        """Where torchrun put this process; the only place if it did not start it.

        LOCAL_RANK decides: some clusters set RANK and WORLD_SIZE in every container, for torchrun itself.

        Raises:
            UsageError: If the variables make no sense.
        """
        if "LOCAL_RANK" not in environment:
            return cls()
        try:
            names = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
            place = cls(*(int(environment[name]) for name in names))
        except (KeyError, ValueError) as error:
            raise UsageError(f"LOCAL_RANK is set, but not all of what torchrun sets: {error}") from None
        if not (0 <= place.number < place.n and place.local >= 0 and 1 <= place.n_local <= place.n):
            raise UsageError(f"the environment names rank {place.number} of {place.n}, which cannot be")
        return place


class Ranks:
    """This process and the others that train with it.

    Args:
        place: Which one it is.
        center: The lifelines, if this is rank 0 of several.
        outpost: The lifeline, if this is another rank.
        store: torch's key-value store, if there are several.
    """

    def __init__(
        self,
        place: Place | None = None,
        center: Center | None = None,
        outpost: Outpost | None = None,
        store: "Store | None" = None,
    ) -> None:
        self.place = place or Place()
        self.number, self.n = self.place.number, self.place.n
        self.stop_number = 0
        """Signal by which rank 0 was asked to stop, as all ranks know it; 0 for none."""
        self._center, self._outpost, self._store = center, outpost, store
        self._clock = time.monotonic()
        self._stop: StopSignal | None = None
        self._connected = False

    @property
    def leads(self) -> bool:
        """Whether this is rank 0."""
        return self.number == 0

    @property
    def members(self) -> list[Member]:
        """Every rank with its host; none if there is but one."""
        line = self._center or self._outpost
        return [member for _, member in sorted(line.members.items())] if line else []

    # --- the machine ------------------------------------------------------------------------------------------------

    def device(self, name: str) -> "torch.device":
        """The device that this rank computes on: with several, the CUDA device of its number, or the CPU.

        Raises:
            UsageError: If there is none for it.
        """
        device = choose_device(name)
        if self.n == 1:
            return device
        import torch

        if device.index is not None:
            raise UsageError(
                f"--device {name} would put {self.place.n_local} ranks on one device",
                hint="each rank takes the device of its own number: use --device cuda, or CUDA_VISIBLE_DEVICES",
            )
        if device.type not in ("cpu", "cuda"):
            raise UsageError(f"ranks cannot share the device {device}", hint="use --device cpu, or leave out torchrun")
        if device.type == "cpu":
            return device
        n_devices = torch.cuda.device_count()
        if self.place.local >= n_devices:
            raise UsageError(
                f"{self.place.n_local} ranks were started on this host, which has {n_devices} CUDA devices",
                hint=f"use torchrun --nproc-per-node {n_devices}, or --device cpu",
            )
        device = torch.device("cuda", self.place.local)
        torch.cuda.set_device(device)
        return device

    def set_threads(self, n_threads: int | None) -> int:
        """Use so many processor threads, or this rank's share of the host's cores."""
        return set_threads(n_threads, self.place.n_local)

    def connect(self, device: "torch.device") -> None:
        """Make collective operations possible; all ranks call it at the same time."""
        if self.n == 1 or self._store is None:
            return
        from torch.distributed.distributed_c10d import PrefixStore, init_process_group

        init_process_group(
            "nccl" if device.type == "cuda" else "gloo",
            store=PrefixStore("s2s", self._store),
            rank=self.number,
            world_size=self.n,
            timeout=_COLLECTIVE,
            device_id=device if device.type == "cuda" else None,
        )
        self._connected = True

    def _disconnect(self) -> None:
        """The end of `connect`; all ranks call it at the same time."""
        if self._connected:
            from torch.distributed import destroy_process_group

            destroy_process_group()
            self._connected = False

    # --- what all ranks know ----------------------------------------------------------------------------------------

    def now(self) -> float:
        """Seconds on rank 0's clock: as all ranks last heard it, so that all decide alike."""
        return time.monotonic() if self.n == 1 else self._clock

    def exchange(self, sums: "torch.Tensor") -> list[float]:
        """Sums over all ranks, and with them news of rank 0's clock and of signals.

        Args:
            sums: Numbers of this rank, float64, on its device.
        """
        import torch

        stop = (self._stop and self._stop.number) or 0
        lead = [time.monotonic(), float(stop)] if self.leads else [0.0, 0.0]
        values = torch.cat([sums, torch.tensor(lead, dtype=sums.dtype, device=sums.device)])
        torch.distributed.all_reduce(values)
        *found, self._clock, stop_number = values.tolist()
        self.stop_number = int(stop_number)
        return found

    def wait_for_all(self, device: "torch.device") -> None:
        """Go on when every rank has come here."""
        import torch

        if self.n > 1:
            self.exchange(torch.zeros(1, dtype=torch.float64, device=device))

    def tell(self, **content: Any) -> None:
        """As rank 0, give the others news, which they wait for in `hear`."""
        if self._center is not None:
            self._clock = time.monotonic()
            self._center.tell({**content, "clock": self._clock})

    def hear(self) -> dict[str, Any]:
        """As another rank, wait for news from rank 0, however long.

        Raises:
            SystemExit: If rank 0 ended the job.
        """
        if self._outpost is None:
            raise RuntimeError("rank 0 has nobody to listen to")
        news = self._outpost.hear()
        self._clock = news["clock"]
        return news

    def stop_signal(self) -> StopSignal:
        """The context in which signals are only noted: rank 0's decide, the others' are passed on to it."""
        if self.n == 1:
            return StopSignal()
        self._stop = _SharedStopSignal(self._center, self._outpost)
        return self._stop

    def undisturbed(self) -> contextlib.AbstractContextManager[Any]:
        """A block that the loss of another rank does not cut off, unless it takes long."""
        return self._center.writing if self._center is not None else contextlib.nullcontext()

    # --- the end ----------------------------------------------------------------------------------------------------

    def release(self) -> None:
        """Training is over: rank 0 goes on alone, and for the others this does not return.

        They stay until rank 0 is done: with the last process on a host its torchrun leaves too, and takes along what
        the others need to find each other.

        Raises:
            SystemExit: In the other ranks, with the exit code of the job.
        """
        self._disconnect()
        if self._center is not None:
            self._center.release()
        if self._outpost is not None:
            self._outpost.wait_for_end()

    def end(self) -> None:
        """All is done: let the other ranks leave too."""
        self.release()
        if self._center is not None:
            self._center.end(0)

    def give_up(self, error: BaseException) -> None:
        """An error ends the job: rank 0's with its exit code, another rank's by telling rank 0."""
        if self._center is not None:
            if isinstance(
                error, RuntimeError
            ):  # maybe only because another rank is lost, which takes the watcher a moment
                self._center.lost.wait(5)
            self._center.end(_exit_code(error))
        if self._outpost is not None and not isinstance(error, SystemExit):
            # what ends all ranks alike is rank 0's to say, and what is lost with another rank too; after a signal that
            # takes as long as it takes to save
            alike = isinstance(error, DivergedError | Interrupted | KeyboardInterrupt)
            self._outpost.wait_for_end(None if isinstance(error, Interrupted) else 60 if alike else 3)
            text = str(error) if isinstance(error, S2SError) else f"{type(error).__name__}: {error}"
            self._outpost.report(" ".join(text.split()), _exit_code(error))
            self._outpost.wait_for_end(60)


class _SharedStopSignal(StopSignal):
    """Signals of ranks: the same one comes to each, and often more than once."""

    def __init__(self, center: Center | None, outpost: Outpost | None) -> None:
        super().__init__()
        self._center, self._outpost = center, outpost
        self._noted_at: float | None = None
        self._is_said = threading.Lock()  # by the first of the handler and the threads: is never given back
        if center is not None:
            center.on_signal = self._note_of

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self._outpost is not None:
            self._outpost.pass_on(number)
        elif self._center is None or self._center.lost.is_set():
            return  # torchrun ends who is left: the watcher does that, when all is written
        elif self._noted_at is None:  # of this process: the same signal may have come to others long before
            self._noted_at = time.monotonic()
            self._first(number)
        elif time.monotonic() - self._noted_at > _AGAIN_SECONDS:
            self._restore()
            signal.raise_signal(number)

    def _note_of(self, number: int, member: Member) -> None:
        """Note what another rank was sent; called by a thread, which may not touch handlers."""
        self._first(number, f"{member} was sent {signal.Signals(number).name}\n")

    def _first(self, number: int, before: str = "") -> None:
        if self._is_said.acquire(blocking=False):
            self.number = number
            say(f"{before}finishing this update, then saving; a second signal after some seconds stops at once")

    def __exit__(self, *error: Any) -> None:
        if self._outpost is None:  # which leaves when rank 0 does, and may be sent a signal until then
            super().__exit__(*error)


@contextlib.contextmanager
def together() -> Iterator[Ranks]:
    """Join the other ranks that torchrun started, if it did; end with them.

    Ranks other than 0 are silent, and never come out of a block that ended well: `Ranks.release` ends them.

    Raises:
        UsageError: If the others do not come.
    """
    place = Place.from_environment()
    if place.n == 1:
        yield Ranks()
        return
    with contextlib.ExitStack() as quiet:
        if place.number:
            silence = quiet.enter_context(Path(os.devnull).open("w", encoding="utf-8"))
            quiet.enter_context(contextlib.redirect_stderr(silence))
        ranks = _join(place)
        try:
            yield ranks
            ranks.end()
        except BaseException as error:
            if os.environ.get("S2S_DEBUG") and not isinstance(error, SystemExit):
                import traceback

                traceback.print_exc(file=sys.__stderr__)
            ranks.give_up(error)
            raise


def refuse_several(command: str) -> None:
    """Refuse to be started by torchrun as several ranks, for what one process does.

    Raises:
        UsageError: In rank 0.
        SystemExit: In the others, some seconds later: torchrun ends the job when the first leaves.
    """
    place = Place.from_environment()
    if place.number:
        time.sleep(_AGAIN_SECONDS)
        raise SystemExit(UsageError.exit_code)
    if place.n > 1:
        raise UsageError(
            f"{command} runs in one process, not in {place.n}", hint="leave out torchrun: it is for s2s train"
        )


def _join(place: Place) -> Ranks:
    """Find the other ranks by torch's store, and tie lifelines to rank 0."""
    from torch.distributed.rendezvous import rendezvous

    try:
        store, _, _ = next(rendezvous("env://", timeout=_RENDEZVOUS))
        if place.number == 0:
            token = secrets.token_hex(16)
            center = Center(place.n, place.n_local < place.n, token)
            store.set("s2s/lifeline", f"{center.port} {token}")
            center.wait_for_all()
            return Ranks(place, center=center, store=store)
        port, token = store.get("s2s/lifeline").decode().split()
        host = "127.0.0.1" if place.n_local == place.n else os.environ["MASTER_ADDR"]
        return Ranks(place, outpost=Outpost(place.number, (host, int(port)), token), store=store)
    except (RuntimeError, ValueError, OSError) as error:  # torch's network errors are RuntimeErrors
        raise UsageError(f"rank {place.number} of {place.n} cannot join the others: {error}") from None


def _exit_code(error: BaseException) -> int:
    match error:
        case S2SError():
            return error.exit_code
        case KeyboardInterrupt():
            return 130
        case SystemExit():
            return error.code if isinstance(error.code, int) else 1
    return 1
