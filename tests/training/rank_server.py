"""Starts ranks for `test_ranks.py`: imports everything once, then forks two processes for each request.

A request is a line of JSON on standard input: `arguments` (of `s2s`, or after `script` of `rank_script.py`; `RANK` in
them becomes the number), `first` (a function of `rank_script.py` to call before), `port`, and `folder` for what they
print. Answers, a line each: their process numbers, then their exit codes.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

import rank_script
import torch._dynamo  # the optimiser would import it
import torch.distributed.rendezvous  # noqa: F401

import s2s.cli

N = 2


def start(request: dict[str, Any], number: int) -> int:
    """Fork rank `number`; it runs as if torchrun had started it."""
    pid = os.fork()
    if pid:
        return pid
    output = os.open(Path(request["folder"]) / f"rank-{number}.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(output, stream)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    names = {
        "RANK": number,
        "LOCAL_RANK": number,
        "WORLD_SIZE": N,
        "LOCAL_WORLD_SIZE": N,
        "MASTER_PORT": request["port"],
    }
    os.environ.update({name: str(value) for name, value in names.items()}, MASTER_ADDR="127.0.0.1")
    sys.argv = ["s2s", *(argument.replace("RANK", str(number)) for argument in request["arguments"])]
    code: Any = 0
    try:
        if request["first"]:
            getattr(rank_script, request["first"])()
        if request["arguments"][0] == "script":
            rank_script.main(*request["arguments"][1:])
        else:
            s2s.cli.main()
    except SystemExit as leaving:
        code = leaving.code or 0
    except BaseException:
        sys.excepthook(*sys.exc_info())
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def main() -> None:
    for line in sys.stdin:
        pids = [start(json.loads(line), number) for number in range(N)]
        print(json.dumps(pids), flush=True)
        print(json.dumps([os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]), flush=True)


if __name__ == "__main__":
    main()
