"""A studio that is served, asked by this process for what costs it nothing: idle, while people generate, in a crowd.

A line of 0 is a round of such events while nothing else is asked for, of 1 one while eight people follow their
pictures, of 2 one in a crowd of programs that ask for a picture each, some of which leave or stop reading. The answer
tells the 95th percentile of the events, and the most memory that the studio held meanwhile.
"""

import http.client
import json
import math
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Self

import psutil

PEOPLE, CROWD, EVENTS = 8, 200, 200
MEGABYTE = 2**20
PICTURES = {"prompt": "a house by the sea", "steps": 30, "count": 8}
PICTURE = {"prompt": "a house by the sea", "steps": 2, "count": 1, "width": 64, "height": 64}
PATIENCE = 600


class Caller:
    """One person, known by a secret, on a connection that stays open."""

    def __init__(self, address: str, number: int) -> None:
        host, port = address.removeprefix("http://").rstrip("/").split(":")
        self.lines = http.client.HTTPConnection(host, int(port), timeout=PATIENCE)
        self.secret = f"the-secret-of-person-{number:04}-of-many"

    def ask(self, method: str, path: str, payload: Any = None) -> Any:
        """What the studio answers; RuntimeError where it refuses."""
        headers = {"Authorization": f"Bearer {self.secret}", "Content-Type": "application/json"}
        self.lines.request(method, path, None if payload is None else json.dumps(payload), headers)
        answer = self.lines.getresponse()
        text = answer.read()
        if answer.status >= 300:
            raise RuntimeError(f"{path}: {answer.status} {text[:200]!r}")
        return json.loads(text)

    def begin(self, recipe: dict[str, Any]) -> str:
        """A job's id."""
        return str(self.ask("POST", "/api/jobs", {"recipe": recipe})["id"])

    def follow(self, job: str, until: Callable[[bytes], bool]) -> None:
        """Read the job's events to its end, or until one is enough."""
        self.lines.request("GET", f"/api/jobs/{job}/events", headers={"Authorization": f"Bearer {self.secret}"})
        answer = self.lines.getresponse()
        while line := answer.readline():
            if until(line):
                return


class Peak:
    """The most memory that a process held while the block lasted, in megabytes."""

    def __init__(self, process: psutil.Process) -> None:
        self._process = process
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.before = self.most = self._now()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _now(self) -> float:
        return float(self._process.memory_info().rss) / MEGABYTE

    def _watch(self) -> None:
        while not self._over.wait(0.05):
            self.most = max(self.most, self._now())


def events(address: str) -> float:
    """The 95th percentile of what an event takes that asks for nothing but the page's status line, in seconds."""
    caller = Caller(address, 9999)
    listeners = caller.ask("GET", "/config")["dependencies"]
    # The status line's own, the one that waits in no line of Gradio's.
    status = next(one["id"] for one in listeners if not one["queue"] and [at[1] for at in one["targets"]] == ["again"])
    event = {"data": [], "fn_index": status, "session_hash": "bench"}
    took = []
    for _ in range(EVENTS):
        begun = time.perf_counter()
        caller.ask("POST", "/gradio_api/run/predict", event)
        took.append(time.perf_counter() - begun)
    return sorted(took)[math.ceil(0.95 * len(took)) - 1]


@contextmanager
def people(address: str) -> Iterator[None]:
    """Eight people whose pictures are being made, and who follow them."""
    callers = [Caller(address, number) for number in range(PEOPLE)]
    jobs = [caller.begin(PICTURES) for caller in callers]
    running = threading.Event()

    def follow(caller: Caller, job: str) -> None:
        def seen(line: bytes) -> bool:
            if line.startswith(b"event: step"):
                running.set()
            return False

        with suppress(OSError, http.client.HTTPException):
            caller.follow(job, seen)

    threads = [threading.Thread(target=follow, args=pair, daemon=True) for pair in zip(callers, jobs, strict=True)]
    for thread in threads:
        thread.start()
    running.wait(PATIENCE)
    yield
    for number, job in enumerate(jobs):
        Caller(address, number).ask("POST", f"/api/jobs/{job}/cancel")
    for thread in threads:
        thread.join(PATIENCE)


@contextmanager
def crowd(address: str) -> Iterator[None]:
    """Programs that wait for a picture each; of these every fourth stops reading, and every fifth leaves."""

    def come(number: int) -> None:
        caller = Caller(address, number)
        with suppress(OSError, http.client.HTTPException):
            job = caller.begin(PICTURE)
            caller.follow(job, lambda _: number % 5 == 0 or number % 4 == 0)
            if number % 5:
                over.wait()
            caller.lines.close()

    over = threading.Event()
    threads = [threading.Thread(target=come, args=(number,), daemon=True) for number in range(100, 100 + CROWD)]
    for thread in threads:
        thread.start()
    yield
    over.set()
    for thread in threads:
        thread.join(PATIENCE)


@contextmanager
def served(home: str) -> Iterator[tuple[str, psutil.Process]]:
    """The address of a studio in a process of its own, which is warm."""
    command = [sys.executable, "-m", "studio", "run", "--port", "0", "--home", home]
    settings = {"STUDIO_MAX_WAITING": "1000", "STUDIO_MAX_WAITING_EACH": "1000"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, **settings}) as process:
        try:
            assert process.stdout
            found = re.search(r"http://\S+", process.stdout.readline())
            assert found
            caller = Caller(found[0], 0)
            caller.follow(caller.begin(PICTURE), lambda _: False)
            yield found[0], psutil.Process(process.pid)
        finally:
            process.terminate()


def measured(work: int, address: str, process: psutil.Process) -> dict[str, float]:
    """The figures of one round."""
    cpu = sum(process.cpu_times()[:2])
    with Peak(process) as peak:
        if work == 0:
            seconds = events(address)
        else:
            with people(address) if work == 1 else crowd(address):
                seconds = events(address)
    taken = sum(process.cpu_times()[:2]) - cpu
    return {"seconds": seconds, "cpu_seconds": taken, "before_mb": peak.before, "most_mb": peak.most}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder, served(folder) as (place, program):
        print("ready", flush=True)
        for text in sys.stdin:
            print(json.dumps(measured(int(text), place, program)), flush=True)
