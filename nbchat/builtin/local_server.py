"""The local model's process: `xllamacpp`'s server on loopback, which ends with the kernel that started it.

Run by `nbchat.builtin.local_model`: one line of JSON comes in on standard input (`path`, `alias`, `key`, `context`,
`threads`), one goes out on standard output (`url` or `error`). The end of standard input ends the process.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Mapping
from typing import Any

__all__ = ["main"]

PARALLEL = 4
"""Most answers generated concurrently; others wait. A request's `n` can't be larger."""

MOST_TOKENS = 1024
"""Most tokens of an answer whose request sets no limit: a small model may repeat itself until its context is full."""

PARENT_CHECK_SECONDS = 1.0


def main() -> None:
    """Serve until the parent process ends."""
    out = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # llama.cpp prints its log
    parent = os.getppid()
    settings = json.loads(sys.stdin.readline())
    try:
        server = _started(settings)
        answer = {"url": server.listening_address}
    except (ImportError, RuntimeError, ValueError, OSError) as error:
        answer = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer), file=out, flush=True)
    if "url" in answer:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
        sys.stdin.read()
    os._exit(0)  # a regular exit would wait for llama.cpp's threads, whose answers nobody reads


def _started(settings: Mapping[str, Any]) -> Any:
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = settings["path"]
    params.model_alias = {settings["alias"]}
    params.hostnames, params.port = ["127.0.0.1"], 0
    params.api_keys = [settings["key"]]
    params.n_ctx = settings["context"]
    params.n_parallel, params.kv_unified = PARALLEL, True
    params.n_predict = MOST_TOKENS
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = settings["threads"]
    params.verbosity = -1
    params.warmup = params.ui = params.endpoint_slots = False
    return xllamacpp.Server(params)


def _end_with(parent: int) -> None:
    """Exit once the parent has ended: a process it forked may keep standard input open."""
    while os.getppid() == parent:
        time.sleep(PARENT_CHECK_SECONDS)
    os._exit(0)


if __name__ == "__main__":
    main()
