"""A real kernel and a real terminal, as a test drives them: code in, what the user would see out."""

import contextlib
import fcntl
import os
import pty
import re
import signal
import subprocess
import sys
import termios
import time
from dataclasses import dataclass, field
from queue import Empty

import zmq
from jupyter_client.manager import KernelManager
from pexpect import TIMEOUT
from pexpect.fdpexpect import fdspawn

from tests.environment import PATIENCE, clean_environment


@dataclass(frozen=True, slots=True)
class Error:
    """How a cell failed: the exception's name and value, and the lines that the front-end shows."""

    name: str
    value: str
    traceback: list[str]


@dataclass(frozen=True, slots=True)
class Result:
    """A cell after it ran.

    `status` is the reply's ("ok", "error", "aborted"). `outputs` stand in order, in the notebook format, updates and
    clearing applied. `payload` is what the reply asks of the front-end (`set_next_input`). `messages` are all of the
    cell's iopub messages but its status ones, as (type, content); `bytes` is their size on the wire.
    """

    status: str
    outputs: list[dict]
    error: Error | None
    payload: list[dict]
    messages: list[tuple[str, dict]]
    bytes: int

    @property
    def stdout(self):
        """Everything printed."""
        return "".join(output["text"] for output in self.outputs if output.get("name") == "stdout")

    @property
    def stderr(self):
        """Everything printed to stderr."""
        return "".join(output["text"] for output in self.outputs if output.get("name") == "stderr")

    def mime(self, kind):
        """The values that the outputs hold for one MIME type, in order."""
        return [output["data"][kind] for output in self.outputs if kind in output.get("data", {})]

    def count(self, kind):
        """How many messages of a type (`display_data`, `update_display_data`, …) there were."""
        return sum(1 for found, _ in self.messages if found == kind)


def shown(result):
    """The plain text of all outputs of a cell."""
    return "\n".join(result.mime("text/plain"))


@dataclass(slots=True)
class Page:
    """A cell's outputs, folded from messages as a front-end folds them. `handles` are shared by all cells."""

    handles: dict[str, list[dict]]
    outputs: list[dict] = field(default_factory=list)
    _clear_next: bool = False

    def take(self, kind, content):
        """Apply one message."""
        match kind:
            case "clear_output" if content["wait"]:
                self._clear_next = True
            case "clear_output":
                self.outputs.clear()
            case "update_display_data":
                for output in self.handles.get(content["transient"]["display_id"], []):
                    output.update(data=content["data"], metadata=content["metadata"])
            case "stream" | "display_data" | "execute_result" | "error":
                self._append({"output_type": kind, **content})

    def _append(self, output):
        if self._clear_next:
            self.outputs.clear()
            self._clear_next = False
        handle = output.pop("transient", {}).get("display_id")
        last = self.outputs[-1] if self.outputs else {}
        if output["output_type"] == "stream" and last.get("name") == output["name"]:
            last["text"] += output["text"]
            return
        self.outputs.append(output)
        if handle is not None:
            self.handles.setdefault(handle, []).append(output)


class Run:
    """A cell that is running. `page.outputs` is what shows so far."""

    def __init__(self, kernel, code, answers, cell_id=None):
        self.page = Page(kernel.handles)
        self.messages = []
        self.bytes = 0
        self._kernel = kernel
        self._answers = list(answers)
        self.idle = False
        """Whether the kernel has done with it. The reply may come later, or, where ipykernel gives up a cell, never."""
        self._reply = None
        session = kernel.client.session
        content = {"code": code, "silent": False, "store_history": True, "user_expressions": {}, "stop_on_error": True}
        metadata = {} if cell_id is None else self.metadata(cell_id)
        message = session.msg("execute_request", {**content, "allow_stdin": True}, metadata=metadata)
        kernel.client.shell_channel.send(message)
        self.id = message["header"]["msg_id"]

    @staticmethod
    def metadata(cell_id):
        """Where the front end writes the cell's id: here as JupyterLab does."""
        return {"cellId": cell_id}

    @property
    def done(self):
        """Whether the reply has come and everything that belongs to the cell."""
        return self.idle and self._reply is not None

    def wait(self, timeout=PATIENCE):
        """The `Result`, once the cell has ended."""
        self.until(lambda run: run.done, timeout)
        failed = self._reply["status"] == "error"
        error = Error(self._reply["ename"], self._reply["evalue"], self._reply["traceback"]) if failed else None
        payload = self._reply.get("payload", [])
        return Result(self._reply["status"], self.page.outputs, error, payload, self.messages, self.bytes)

    def until(self, reached, timeout=PATIENCE):
        """Receive messages until `reached(run)`; returns the run."""
        deadline = time.monotonic() + timeout
        while not reached(self):
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"The cell did not get there within {timeout:g} s; it shows {self.page.outputs!r}")
            self._kernel.receive(self, left)
        return self

    def take(self, channel, message, size):
        """Take one message of this cell."""
        content = message["content"]
        match channel, message["msg_type"]:
            case "shell", "execute_reply":
                self._reply = content
            case "stdin", "input_request":
                self._kernel.client.input(self._answers.pop(0))
            case "iopub", "status":
                self.idle = content["execution_state"] == "idle"
            case "iopub", kind:
                self.bytes += size
                self.messages.append((kind, content))
                self.page.take(kind, content)


class Kernel:
    """A Python kernel of its own process, driven as a front-end drives it.

    `stray` holds the (type, content) of messages that belong to no running cell of this object; `comms` those of
    widgets, whatever they belong to, in order.
    """

    def __init__(self, home, name="python3"):
        work = home / "work"
        work.mkdir(exist_ok=True)
        self.home = home
        self.handles = {}
        self.stray = []
        self.comms = []
        self._manager = KernelManager(kernel_name=name)
        self._manager.start_kernel(env=clean_environment(home), cwd=str(work))
        self.client = self._manager.client()
        self.client.start_channels()
        self._wait_for_ready()

    def _wait_for_ready(self):
        """Wait until it answers and is heard on iopub. The client's own `wait_for_ready` adds 0.2 s of silence."""
        asked = set()
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                message = self.client.get_iopub_msg(timeout=0.05)
            except Empty:
                asked.add(self.client.kernel_info(reply=True, timeout=PATIENCE)["parent_header"]["msg_id"])
            else:
                done = message["content"].get("execution_state") == "idle"
                if done and message["parent_header"].get("msg_id") in asked:
                    return
        raise TimeoutError(f"The kernel was not heard within {PATIENCE:g} s")

    def run(self, code, answers=(), timeout=PATIENCE, cell_id=None):
        """Run a cell to its end. `answers` are typed when it asks (`input`, `getpass`)."""
        return self.start(code, answers, cell_id).wait(timeout)

    def start(self, code, answers=(), cell_id=None):
        """Run a cell without waiting for it: returns the `Run`. `cell_id` is the front end's; None = it gives none."""
        return Run(self, code, answers, cell_id)

    def complete(self, code, position=None):
        """What Tab offers at a position of the code (None = its end)."""
        reply = self.client.complete(code, position, reply=True, timeout=PATIENCE)
        return reply["content"]["matches"]

    def info(self):
        """What the kernel says of itself."""
        return self.client.kernel_info(reply=True, timeout=PATIENCE)["content"]

    def open_subshell(self):
        """A further shell beside the main one (ipykernel 7 and later): its id."""
        message = self.client.session.msg("create_subshell_request")
        self.client.control_channel.send(message)
        return self.client.get_control_msg(timeout=PATIENCE)["content"]["subshell_id"]

    def interrupt(self):
        """Interrupt, as the front-end's button does."""
        self._manager.interrupt_kernel()

    def restart(self):
        """A fresh process; names and extensions are gone."""
        self._manager.restart_kernel(now=True)
        self._wait_for_ready()
        self.handles.clear()
        self.stray.clear()
        self.comms.clear()

    def crash(self):
        """End the process at once, with no interrupt before; `restart` brings another."""
        os.kill(self._manager.provisioner.pid, signal.SIGKILL)

    def kill(self):
        """End the process as a crash would; `restart` brings another."""
        self._manager.shutdown_kernel(now=True)

    def close(self):
        """End the process and close every socket."""
        self.client.stop_channels()
        if self._manager.has_kernel:
            self._manager.shutdown_kernel(now=True)
        self._manager.cleanup_resources()

    def receive(self, run, timeout):
        """Wait for messages, and hand each to the run that it belongs to."""
        names = {_plain(getattr(self.client, f"{name}_channel").socket): name for name in ("iopub", "shell", "stdin")}
        poller = zmq.Poller()
        for channel in names:
            poller.register(channel, zmq.POLLIN)
        for channel, _ in poller.poll(timeout * 1000):
            frames = channel.recv_multipart()
            _, parts = self.client.session.feed_identities(frames)
            message = self.client.session.deserialize(parts)
            if message["msg_type"].startswith("comm_"):
                self.comms.append((message["msg_type"], message["content"]))
            if message["parent_header"].get("msg_id") == run.id:
                run.take(names[channel], message, sum(map(len, frames)))
            else:
                self._take_stray(message["msg_type"], message["content"])

    def _take_stray(self, kind, content):
        """A display may be updated from anywhere: from a callback, a thread, or another cell's late task."""
        self.stray.append((kind, content))
        if kind == "update_display_data":
            Page(self.handles).take(kind, content)


def _plain(socket):
    """The socket as a blocking one: jupyter_client 7 makes asyncio's, whose reading gives a future."""
    return zmq.Socket.shadow(socket.underlying)


PROMPT = re.compile(r"In \[\d+\]: ")
_OWN_TERMINAL = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
)


class Terminal:
    """IPython in a terminal of its own, driven by keys.

    Not pexpect's `spawn`: it forks, which Python warns about in a process with threads.
    """

    def __init__(self, home, *options):
        (home / "work").mkdir(exist_ok=True)
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, b"\x32\x00\xc8\x00\x00\x00\x00\x00")  # 50 rows of 200 columns
        ipython = ["-m", "IPython", "--simple-prompt", "--no-banner", "--no-confirm-exit", "--colors=NoColor", *options]
        self._process = subprocess.Popen(
            [sys.executable, "-c", _OWN_TERMINAL, sys.executable, *ipython],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            cwd=home / "work",
            env={**clean_environment(home), "TERM": "xterm-256color"},
            start_new_session=True,
        )
        os.close(slave)
        self.child = fdspawn(master, encoding="utf-8", timeout=PATIENCE)
        self.child.delaybeforesend = None
        self.child.expect(PROMPT)

    def start(self, cell):
        """Type a cell and run it; its output is for `child.expect` or `rest`."""
        blank = 2 if cell.startswith("%%") else 1 if "\n" in cell else 0  # lines that tell IPython of a cell's end
        self.child.send(cell + "\n" * (1 + blank))

    def run(self, cell, timeout=PATIENCE):
        """Type a cell, run it, and return what the terminal shows until the next prompt."""
        self.start(cell)
        return self.rest(timeout)

    def rest(self, timeout=PATIENCE):
        """What the terminal shows from here to the next prompt."""
        self.child.expect(PROMPT, timeout=timeout)
        return self.child.before.replace("\r\n", "\n")

    def interrupt(self):
        """Ctrl-C."""
        self.child.send("\x03")

    def close(self):
        """Close the terminal; IPython ends with it."""
        self._process.kill()
        self._process.wait()
        with contextlib.suppress(TIMEOUT, OSError):
            self.child.close()
