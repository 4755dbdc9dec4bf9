"""Trainings in processes of their own, forked from this one, which has imported all before.

Each line of stdin is one: the module whose ``main`` it is, its arguments, and how many processes it
has. A line of stdout tells how each of them ended, and what they said.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import tempfile
import traceback
from typing import IO, Any

import killed_training
import many_processes
import torch

MAINS = {"killed": killed_training.main, "many": many_processes.main}
SECONDS = 300
"""After which a process is ended, so that one that waits for ever fails its test."""


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def begin(main: str, words: list[str], said: IO[str]) -> int:
    """Fork a process, and give its number."""
    child = os.fork()
    if child:
        return child
    os.dup2(said.fileno(), sys.stdout.fileno())
    code = 99
    signal.alarm(SECONDS)
    try:
        code = MAINS[main](*words)
    except BaseException:
        traceback.print_exc(file=sys.stdout)
    finally:
        sys.stdout.flush()
        os._exit(code)


def run(main: str, words: list[str], processes: int) -> dict[str, Any]:
    with tempfile.TemporaryFile("w+") as said:
        if processes > 1:
            group = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": free_port()}
            os.environ |= {name: str(each) for name, each in group.items()}
            os.environ["WORLD_SIZE"] = str(processes)
        children = []
        for rank in range(processes):
            if processes > 1:
                os.environ["RANK"] = str(rank)
            children.append(begin(main, words, said))
        codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
        for name in ("RANK", "WORLD_SIZE"):
            os.environ.pop(name, None)
        said.seek(0)
        return {"codes": codes, "said": said.read()}


if __name__ == "__main__":
    torch.set_num_threads(1)
    for line in sys.stdin:
        print(json.dumps(run(**json.loads(line))), flush=True)
