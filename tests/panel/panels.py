"""A panel without a kernel, as a test drives it: found by its labels, moved, typed into, clicked."""

import time

from ipywidgets import Button, ToggleButton, Widget

from nbchat.panel.panel import Panel
from tests.environment import PATIENCE


def walk(widget):
    """A widget and all below it."""
    yield widget
    for child in getattr(widget, "children", ()):
        if isinstance(child, Widget):
            yield from walk(child)


def tip(widget):
    """The tooltip of a widget, which ipywidgets 7 calls by another name."""
    return widget.tooltip if widget.has_trait("tooltip") else widget.description_tooltip


def posts(server):
    """The messages that a scripted server was sent; a panel also asks for its models."""
    return [request for request in server.requests if request.method == "POST"]


def until(condition):
    """Wait for something another thread does; a failure is a failed test, not a hang."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.005)


class Hand:
    """Operates a panel like a user."""

    def __init__(self, panel):
        self.panel = panel
        panel.unfold()

    def labelled(self, label):
        """The widget with this label."""
        (found,) = (w for w in walk(self.panel) if getattr(w, "description", None) == label)
        return found

    def box(self, name):
        """The box to type a parameter's value into."""
        row = self.panel.controls[name].row
        return next(w for w in row.children if type(w).__name__ in ("Text", "Combobox"))

    def type(self, name, text):
        """Type a parameter's value, and Enter."""
        self.box(name).value = text

    def unset(self, name):
        """Click a parameter's ×."""
        next(w for w in self.panel.controls[name].row.children if isinstance(w, Button)).click()

    def click(self, label):
        """Click a button, or one that stays pressed."""
        button = self.labelled(label)
        if isinstance(button, ToggleButton):
            button.value = not button.value
        else:
            button.click()

    def send(self, text):
        """Write a message and send it."""
        self.labelled("Message").value = text
        self.click("Send")

    def type_message(self, text):
        """Write a message without sending it, as the front end reports it; return the text about its size."""
        sizing = self.panel.sizing
        sizing.draft.value = text
        sizing.wait(PATIENCE)
        return sizing.line.value

    def wait(self):
        """Wait until nothing is being asked."""
        self.panel.conversation.wait(PATIENCE)
        assert not self.panel.conversation.busy

    def notes(self, name):
        """Return the notes beside a parameter."""
        return [w.value for w in self.panel.controls[name].row.children if "nbchat-note" in w._dom_classes and w.value]

    def said(self):
        """Return the status beside Send."""
        return next(w.value for w in walk(self.panel) if "nbchat-status" in w._dom_classes)

    def asked(self):
        """Whether a tool call is waiting for approval."""
        return "nbchat-none" not in self.panel.conversation.approval.widget._dom_classes

    def replied(self):
        """What stands in the reply area, as plain text where there is such."""
        outputs = (output for widget in self.panel.conversation.area.widget.children for output in widget.outputs)
        return "\n".join(out["data"].get("text/plain") or out["data"].get("text/markdown", "") for out in outputs)


__all__ = ["Hand", "Panel", "posts", "until", "walk"]
