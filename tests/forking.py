"""Runs Python programs as forks of one process, in which the large libraries are loaded once; see tests/forks.py.

`forking.py serve FOLDER` is that process; it ends with the last who uses it. `forking.py PLACE ...` is what a test
starts, with arguments as Python's own: it hands its directory, environment and standard streams to a fork, passes
signals on and ends as the fork does. So do the programs that this starts by `sys.executable`. After `--anew` it loads
the studio's modules itself, from where it finds them.
"""

import json
import os
import select
import shutil
import signal
import socket
import sys
from contextlib import suppress
from typing import Any

PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
PARTS = {
    "diffusers": "AutoencoderKL ControlNetModel StableDiffusionPipeline UNet2DConditionModel",
    "transformers": "CLIPImageProcessor CLIPTextModel CLIPTokenizer",
    "gradio": "Blocks",
    "huggingface_hub": "constants",
}
# What most programs load of the studio. Not its page: that changes Gradio.
STUDIO = ("studio.studio", "studio.cli", "studio.backends.local", "studio.engine.manager", "studio.engine.render")
Program = dict[str, Any]
# In how many rows a network is measured where no test asks for more.
FEW_SIZES = (1, 2, 4)


def main(place: str, *arguments: str) -> None:
    if place == "serve":
        run(serve(arguments[0]))
    else:
        sys.exit(asked(place, arguments))


def asked(place: str, arguments: tuple[str, ...]) -> int:
    """Have a fork run this, and return its exit code."""
    program = {"arguments": arguments, "directory": os.getcwd(), "environment": dict(os.environ)}  # noqa: PTH109 - quick
    message = json.dumps(program).encode()
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(place)
        socket.send_fds(server, [len(message).to_bytes(4, "big")], [0, 1, 2])
        server.sendall(message)
        for number in PASSED_ON:
            signal.signal(number, lambda number, _: server.sendall(bytes([number])))
        ended = server.recv(1)
    return ended[0] if ended else 1


def serve(folder: str) -> Program:
    """Fork for everybody who comes, while somebody uses it; returns in each fork, with what that is to run.

    Who began it uses it until standard input ends, all others as long as they hold a connection.
    """
    sys.executable = f"{folder}/python"
    _load()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as programs, socket.socket(socket.AF_UNIX) as coming:
        for name, listener in (("programs", programs), ("users", coming)):
            listener.bind(f"{folder}/{name}")
            listener.listen()
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        users: list[Any] = [sys.stdin]
        while users:
            for one in select.select([programs, coming, *users], [], [])[0]:
                if one is coming:
                    users.append(coming.accept()[0])
                elif one is not programs:
                    users.remove(one)
                elif (program := _forked(programs)) is not None:
                    return program
    shutil.rmtree(folder)
    sys.exit()


def _forked(programs: socket.socket) -> Program | None:
    """In a fork, what it is to run; else None."""
    connection, _ = programs.accept()
    with connection:
        if os.fork():
            return None
        programs.close()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        return _kept(connection)


def _load() -> None:
    import gc
    import importlib

    gc.disable()
    for library, names in PARTS.items():
        for name in names.split():
            getattr(importlib.import_module(library), name)
    sys.path[0] = os.path.dirname(os.path.dirname(__file__))  # noqa: PTH120 - quick
    for module in STUDIO:
        importlib.import_module(module)
    measure_little()
    gc.enable()
    gc.collect()
    gc.freeze()


def measure_little() -> None:
    """Have networks measured in few sizes, if the engine is there."""
    if profile := sys.modules.get("studio.engine.profile"):
        profile.SIZES = FEW_SIZES


def _kept(connection: socket.socket) -> Program:
    """Fork once more and return there; here, pass signals on to it, and its exit code back."""
    header, streams, *_ = socket.recv_fds(connection, 4, 3)
    message = b""
    while len(message) < int.from_bytes(header, "big"):
        message += connection.recv(1 << 16)
    child = os.fork()
    if not child:
        # What a shell starts in the background ignores it, and so would all that are forked from here.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
        # Made anew: those that are there know what kind of files theirs were.
        sys.stdin, sys.stdout = (open(number, mode, closefd=False) for number, mode in ((0, "r"), (1, "w")))  # noqa: SIM115
        sys.stderr = open(2, "w", buffering=1, errors="backslashreplace", closefd=False)  # noqa: SIM115
        connection.close()
        return json.loads(message)
    for number in (0, 1, *streams):  # else their other ends would not see the program's end
        os.close(number)
    ended = os.pidfd_open(child)
    while ended not in select.select([connection, ended], [], [])[0]:
        # Who asked is gone, where nothing comes.
        for number in connection.recv(16) or [signal.SIGKILL]:
            os.kill(child, number)
    _, status = os.waitpid(child, 0)
    with suppress(OSError):
        connection.sendall(bytes([os.waitstatus_to_exitcode(status) % 256]))
    os._exit(0)


def run(program: Program) -> None:
    """As Python itself runs -c CODE, -m MODULE or a file."""
    import importlib
    import random
    import runpy

    import huggingface_hub.constants

    first, *rest = program["arguments"]
    os.chdir(program["directory"])
    os.environ.clear()
    os.environ.update(program["environment"])
    importlib.reload(huggingface_hub.constants)  # which are read from the environment
    random.seed()
    if first == "--anew":
        first, *rest = rest
        sys.executable += "-anew"
        for name in [name for name in sys.modules if name.partition(".")[0] == "studio"]:
            del sys.modules[name]
    sys.path[:1] = ["", *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    if first == "-c":
        sys.argv = ["-c", *rest[1:]]
        exec(compile(rest[0], "<string>", "exec"), {"__name__": "__main__"})
    elif first == "-m":
        sys.argv = rest
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    else:
        sys.argv = [first, *rest]
        sys.path[0] = os.path.dirname(first)  # noqa: PTH120 - quick
        runpy.run_path(first, run_name="__main__")


if __name__ == "__main__":
    main(*sys.argv[1:])
