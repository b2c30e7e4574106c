"""The adapter around the kernel, with shells of every kind: those that lack something, and those that raise."""

import sys
from types import ModuleType
from types import SimpleNamespace as Thing

import psutil
import pytest
import zmq
from IPython.core.displaypub import CapturingDisplayPublisher
from jupyter_client.session import Session

from nbchat.display import kernel
from nbchat.display.canvas import PinnedCanvas
from nbchat.display.kernel import choose_display, parent_of, reaches_ended_cells, running_cell_id, takes_updates


class Raising:
    """A kernel whose every attribute raises."""

    def __getattr__(self, name):
        raise AttributeError(name) if name.startswith("__") else RuntimeError(name)


def request(**metadata):
    return {"header": {"msg_id": "1"}, "metadata": metadata}


@pytest.mark.parametrize(
    ("shell", "cell_id"),
    [
        (Thing(parent_header=request(cellId="a")), "a"),
        (Thing(parent_header={"msg_id": "1"}, get_parent=lambda: request(cellId="b")), "b"),
        (Thing(kernel=Thing(get_parent=lambda channel: request(cellId="c"))), "c"),
        (Thing(kernel=Thing(get_parent=lambda: request(cellId="d"))), "d"),
        (Thing(kernel=Thing(get_parent=lambda channel: request(colab={"cell_id": "e"}))), "e"),
        (Thing(kernel=Thing()), None),
        (Thing(kernel=None), None),
        (Thing(), None),
        (Thing(kernel=Raising()), None),
        (Raising(), None),
        (Thing(parent_header=request(cellId=5)), None),
        (Thing(parent_header={"metadata": None}), None),
        (Thing(parent_header={"metadata": "odd"}), None),
        (Thing(parent_header=request(colab="odd")), None),
    ],
)
def test_the_cell_is_found_in_every_kernel_and_nothing_raises(shell, cell_id):
    assert running_cell_id(shell) == cell_id
    assert parent_of(shell) is not None
    assert takes_updates(shell) in (True, False)


class Plain:
    """A publisher that can publish, and nothing else: xeus-python's."""

    def __init__(self):
        self.published = []

    def publish(self, data, metadata=None, *, transient=None, update=False):
        self.published.append((data, transient["display_id"], update))


def test_a_publisher_without_messages_publishes_as_it_can():
    publisher = Plain()
    canvas = PinnedCanvas(Thing(display_pub=publisher))
    output = canvas.show({"text/plain": "one"})
    canvas.update(output, {"text/plain": "two"})
    assert publisher.published == [({"text/plain": "one"}, output, False), ({"text/plain": "two"}, output, True)]


def test_under_capture_outputs_are_captured():
    publisher = CapturingDisplayPublisher()
    canvas = PinnedCanvas(Thing(display_pub=publisher))
    canvas.update(canvas.show({"text/plain": "one"}), {"text/plain": "two"})
    assert [output["data"]["text/plain"] for output in publisher.outputs] == ["one", "two"]


def test_text_is_chosen_by_the_environment(monkeypatch):
    shell = Thing(kernel=Thing())
    assert takes_updates(shell)
    monkeypatch.setenv("NBCHAT_DISPLAY", "text")
    assert not takes_updates(shell)
    monkeypatch.setenv("NBCHAT_DISPLAY", "odd")
    assert takes_updates(shell)
    assert not takes_updates(Thing(kernel=None))


def test_text_is_chosen_in_the_kernel():
    shell = Thing(kernel=Thing())
    with pytest.raises(ValueError, match="display is auto or text; got 'loud'"):
        choose_display("loud")
    try:
        choose_display("text")
        assert not takes_updates(shell)
        choose_display("auto")
        assert takes_updates(shell)
    finally:
        kernel._Chosen.display = None


@pytest.mark.parametrize("parent", [{"msg_id": "one"}, {"header": {"msg_id": "one"}, "metadata": {}}])
def test_a_pinned_output_stays_with_the_cell_that_ran_when_it_was_pinned(parent):
    """ipykernel 6 gives a publisher the request's header, others give it the whole request."""
    with zmq.Context() as context, context.socket(zmq.PAIR) as sent, context.socket(zmq.PAIR) as received:
        sent.bind("inproc://iopub")
        received.connect("inproc://iopub")
        session = Session(key=b"k")
        publisher = Thing(session=session, pub_socket=sent, topic=b"topic", parent_header=parent)
        canvas = PinnedCanvas(Thing(display_pub=publisher))
        publisher.parent_header = {"msg_id": "two"}
        output = canvas.show({"text/plain": "one"})
        canvas.update(output, {"text/plain": "two"})
        for kind, text in (("display_data", "one"), ("update_display_data", "two")):
            topic, message = session.recv(received, mode=0)
            assert topic == [b"topic"]
            assert message["msg_type"] == kind
            assert message["parent_header"] == {"msg_id": "one"}
            assert message["content"] == {
                "data": {"text/plain": text},
                "metadata": {},
                "transient": {"display_id": output},
            }


@pytest.fixture
def other_parent():
    """What started this kernel is looked up anew in this test, and in the next."""
    kernel._is_text_only.cache_clear()
    yield
    kernel._is_text_only.cache_clear()


def test_spyder_is_known_by_its_kernel(monkeypatch, other_parent):
    monkeypatch.setitem(sys.modules, "spyder_kernels", ModuleType("spyder_kernels"))
    assert not takes_updates(Thing(kernel=Thing()))


@pytest.mark.parametrize(
    ("command", "updates"),
    [
        (["/usr/bin/python", "/usr/bin/jupyter-lab"], True),
        (["/usr/bin/python", "/usr/bin/Jupyter-Console"], False),
        (["python", "-m", "qtconsole"], False),
        (["python", "a", "b", "c", "spyder"], True),
        (PermissionError("no"), True),
    ],
)
def test_programs_that_ignore_updates_are_known_by_their_commands(monkeypatch, other_parent, command, updates):
    def cmdline(process):
        if isinstance(command, Exception):
            raise command
        return command

    monkeypatch.setattr(psutil.Process, "cmdline", cmdline)
    assert takes_updates(Thing(kernel=Thing())) is updates


def test_without_psutil_a_front_end_takes_updates(monkeypatch, other_parent):
    monkeypatch.setitem(sys.modules, "psutil", None)
    assert takes_updates(Thing(kernel=Thing()))


@pytest.mark.parametrize(
    ("publisher", "reaches"),
    [(Plain(), False), (CapturingDisplayPublisher(), True), (Thing(session=1, pub_socket=2), True)],
)
def test_whether_a_cell_that_has_ended_can_be_written_into_is_known(publisher, reaches):
    assert reaches_ended_cells(Thing(display_pub=publisher)) is reaches
