"""From launch to a page that answers, over what importing Gradio costs anyway."""

import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

from benchmarks.base import Benchmark, Measured, compare, environment

ROUNDS = 5
PATIENCE_SECONDS = 120


def measure() -> Measured:
    # The fastest run is the one that others disturbed least.
    return compare(import_gradio, page_answers, ROUNDS, min)


def import_gradio() -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import gradio"], check=True, env=environment("bare"))
    return time.perf_counter() - began


def page_answers() -> float:
    """Seconds until a fresh `studio run` hands out its page."""
    port = free_port()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        command = [sys.executable, "-m", "studio", "run", "--home", home, "--port", str(port)]
        began = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment())
        try:
            wait_for_page(port, process)
            return time.perf_counter() - began
        finally:
            process.terminate()
            process.communicate()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for_page(port: int, process: "subprocess.Popen[bytes]") -> None:
    """Return as soon as the page answers with 200."""
    give_up = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < give_up:
        if process.poll() is not None:
            raise RuntimeError(process.stderr.read().decode() if process.stderr else "studio run ended")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.02)
    raise TimeoutError(f"the page did not answer in {PATIENCE_SECONDS} s")


BENCHMARK = Benchmark("launch to page answering / python -c 'import gradio'", 0.75, 1.2, measure)
