"""`nbchat`, or `python -m nbchat`: run the built-in model for any client, open a notebook, export its answers."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from nbchat.values.errors import ConfigError, NbchatError

PORT = 8302
"""The default port of `serve`."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return the exit code."""
    parser = _parser()
    given = parser.parse_args(arguments)
    if given.command is None:
        parser.print_help()
        return 0
    try:
        return {"serve": _serve, "open": _open, "cache": _cache}[given.command](given)
    except NbchatError as error:
        print(f"nbchat: {error}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m nbchat", description="Talk to a language model from a notebook.")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    serve = commands.add_parser("serve", help="run the built-in model's server, for any client of the OpenAI API")
    serve.add_argument("--host", default="127.0.0.1", help="the address to listen at (default: %(default)s)")
    serve.add_argument("--port", type=_port, default=PORT, help="0 = any free one (default: %(default)s)")
    serve.add_argument(
        "--pace", type=_pace, default=120.0, help="tokens per second of a stream, or none (default: 120)"
    )
    serve.add_argument(
        "--cors",
        nargs="?",
        const="*",
        metavar="ORIGIN",
        help="allow web pages from this origin, or from any (default: none)",
    )
    serve.add_argument(
        "--api-key-env", "--key-env", metavar="VAR", help="ask clients for the key in this environment variable"
    )
    show = commands.add_parser(
        "open", help="open a notebook in JupyterLab, or run and print it where there is no screen"
    )
    show.add_argument("notebook", nargs="?", type=Path, help="default: notebooks/quickstart.ipynb")
    show.add_argument("--execute", action="store_true", help="run and print it even where there is a screen")
    cache = commands.add_parser("cache", help="what a notebook needs to run again without a server")
    export = cache.add_subparsers(dest="action", metavar="ACTION", required=True).add_parser(
        "export", help="write the answers that a notebook's requests had to a file beside it"
    )
    export.add_argument("notebook", type=Path, help="the notebook whose cells were run with %%chat cache on")
    export.add_argument("-o", "--output", type=Path, help="default: NOTEBOOK.nbchat-cache.jsonl beside it")
    return parser


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) < 65536):
        raise argparse.ArgumentTypeError(f"a port is a number from 0 to 65535, not {text!r}")
    return int(text)


def _pace(text: str) -> float | None:
    if text == "none":
        return None
    try:
        pace = float(text)
    except ValueError:
        pace = 0.0
    if not 0 < pace < float("inf"):
        raise argparse.ArgumentTypeError(f"the pace is a number of tokens per second above 0, or none, not {text!r}")
    return pace


def _serve(given: argparse.Namespace) -> int:
    from nbchat.builtin.http.server import BuiltinServer

    key = _key(given.api_key_env)
    server = BuiltinServer(given.port, host=given.host, pace=given.pace, api_key=key, cors=given.cors)
    try:
        url = server.start()
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        message = f"Can't listen at {given.host}, port {given.port}: {reason}. Try another --port, or 0 for a free one."
        raise ConfigError(message) from error
    try:
        _announce(url, given)
        _wait()
    except KeyboardInterrupt:
        print()
    finally:
        server.stop()
    return 0


def _announce(url: str, given: argparse.Namespace) -> None:
    from nbchat.builtin.http.access import is_loopback

    header = f' -H "Authorization: Bearer ${given.api_key_env}"' if given.api_key_env else ""
    body = '{"model": "nbchat-demo", "messages": [{"role": "user", "content": "What is a list?"}]}'
    print(f"nbchat's built-in model listens at {url} (Ctrl-C ends it)")
    print(f"curl {url}/chat/completions{header} -H 'Content-Type: application/json' -d '{body}'", flush=True)
    if not (given.api_key_env or is_loopback(given.host)):
        warning = f"anybody who reaches {given.host} can use it: set a key with --api-key-env VAR"
        print(f"nbchat: {warning}", file=sys.stderr, flush=True)


def _key(variable: str | None) -> str | None:
    if variable is None:
        return None
    key = os.environ.get(variable)
    if not key:
        raise ConfigError(
            f"The environment variable {variable} is not set: put the key there, or leave out --api-key-env."
        )
    return key


def _wait() -> None:
    """Wait for Ctrl-C or a request to terminate."""
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    while not ended.wait(0.5):  # in steps, because on Windows an unlimited wait ignores Ctrl-C
        pass


def _open(given: argparse.Namespace) -> int:
    from nbchat.magics import notebook_runner as execute

    notebook = given.notebook.expanduser() if given.notebook else execute.DEFAULT
    if execute.has_screen() and not given.execute:
        return execute.open_in_lab(notebook)
    return 0 if execute.run_and_print(notebook, sys.stdout) else 1


def _cache(given: argparse.Namespace) -> int:
    from nbchat.store.opening import journal
    from nbchat.store.replay import SUFFIX, cell_ids, write_file

    notebook = given.notebook.expanduser().absolute()
    if (file := journal()) is None or not file.exists():
        raise ConfigError("There is no journal with answers to export; NBCHAT_STORE sets its path.")
    tapes = file.replays.of_notebook(str(notebook), cell_ids(notebook))
    if not tapes:
        raise ConfigError(
            f"The journal has no answers to replay for {notebook.name}: run it once with NBCHAT_CACHE=on, or with"
            " %chat cache on in its first cell."
        )
    output = given.output or notebook.with_name(notebook.name + SUFFIX)
    count = write_file(output, tapes)
    print(f"wrote {count} {'answer' if count == 1 else 'answers'} to {output}: NBCHAT_CACHE=on replays them from there")
    return 0


if __name__ == "__main__":
    sys.exit(main())
