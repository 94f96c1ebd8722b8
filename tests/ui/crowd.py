"""Many windows of one person that follow the same jobs."""

import asyncio
import json
import os
from collections import Counter
from typing import Any

import httpx

SECRET = "a-secret-that-all-of-these-windows-keep"
# Followers in one stream of news, as of a page that has so many listeners open.
IN_STREAM = 100


class Crowd:
    """So many listeners of one page's server that follow the owner's jobs, and what their streams told."""

    def __init__(self, client: httpx.AsyncClient, count: int) -> None:
        self.client, self.count = client, count
        self.first: set[str] = set()
        self.told: Counter[str] = Counter()

    async def join(self) -> list[asyncio.Task[None]]:
        """Let all of them follow; returns the readers of their streams, which end when all is over."""
        config = (await self.client.get("config")).json()
        watch = next(one["id"] for one in config["dependencies"] if one["trigger_after"] is not None and one["queue"])
        readers = []
        for stream in range(self.count // IN_STREAM):
            said = {"data": [], "fn_index": watch, "session_hash": f"window{stream}"}
            for _ in range(IN_STREAM):
                (await self.client.post("gradio_api/queue/join", json=said)).raise_for_status()
            readers.append(asyncio.create_task(self._read(f"window{stream}")))
        while len(self.first) < self.count:  # noqa: ASYNC110 - many readers say it, a little at a time
            await asyncio.sleep(0.1)
        return readers

    async def _read(self, session: str) -> None:
        params = {"session_hash": session}
        async with self.client.stream("GET", "gradio_api/queue/data", params=params, timeout=None) as answer:
            async for line in answer.aiter_lines():
                if line.startswith("data:"):
                    said = json.loads(line.removeprefix("data:"))
                    self.told[said["msg"]] += 1
                    if said["msg"] == "process_generating":
                        self.first.add(said["event_id"])


def client_of(address: str) -> httpx.AsyncClient:
    limits = httpx.Limits(max_connections=None)
    return httpx.AsyncClient(
        base_url=address, headers={"Authorization": f"Bearer {SECRET}"}, timeout=120, limits=limits
    )


def crowd(count: int) -> int:
    """How many come in a long test: `count`, or the share of it that SOAK_SCALE in the environment says."""
    return max(IN_STREAM, int(count * float(os.environ.get("SOAK_SCALE", "1"))))


def tick_of(config: dict[str, Any]) -> int:
    """The listener that tells the page's status line."""
    status = next(one["id"] for one in config["components"] if one["props"].get("elem_id") == "status")
    return int(next(one["id"] for one in config["dependencies"] if [status, "again"] in one["targets"]))


def figures(told: str) -> None:
    """Say what a long test measured: pytest -s shows it."""
    print(told)  # noqa: T201
