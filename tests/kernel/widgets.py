"""The widgets of a kernel, as a front-end holds them: folded from comm messages, moved by comm messages."""

PREFIX = "IPY_MODEL_"


class Widgets:
    """A widget that a cell shows and all below it; `states` are by id, those of the kernel's other widgets too.

    Messages go to the main shell, or to a `subshell` where the kernel has such: JupyterLab sends widgets' messages there.
    """

    def __init__(self, kernel, root, subshell=None):
        self.states = {}
        self._root = root
        self._kernel = kernel
        self._subshell = subshell
        self._seen = 0

    def fold(self):
        """Take in what has come since."""
        for kind, content in self._kernel.comms[self._seen :]:
            data = content["data"]
            if kind == "comm_open" and content["target_name"] == "jupyter.widget":
                self.states[content["comm_id"]] = dict(data["state"])
            elif kind == "comm_msg" and data.get("method") == "update" and content["comm_id"] in self.states:
                self.states[content["comm_id"]].update(data["state"])  # others are of an earlier panel
            elif kind == "comm_close":
                self.states.pop(content["comm_id"], None)
        self._seen = len(self._kernel.comms)
        return self

    def labelled(self, label):
        """The id of the widget with this label."""
        (found,) = (key for key in self.fold().below(self._root) if self.states[key].get("description") == label)
        return found

    def state(self, label):
        """The state of the widget with this label."""
        return self.states[self.labelled(label)]

    def classed(self, name):
        """The id of the widget with this class name."""
        (found,) = (key for key in self.fold().below(self._root) if name in self.states[key].get("_dom_classes", ()))
        return found

    def texts(self, name):
        """What the output widgets below a box with this class name show: Markdown, else plain text."""
        outputs = (out for key in self.below(self.classed(name)) for out in self.states[key].get("outputs", ()))
        return [out["data"].get("text/markdown") or out["data"].get("text/plain", "") for out in outputs]

    def below(self, root):
        """A widget and all below it, by their ids."""
        todo = [root]
        while todo:
            key = todo.pop(0)
            yield key
            todo += (child.removeprefix(PREFIX) for child in self.states[key].get("children", ()))

    def type(self, label, text):
        """Put a text into a box."""
        self._send(label, {"method": "update", "state": {"value": text}, "buffer_paths": []})

    def click(self, label):
        """Click a button."""
        self._send(label, {"method": "custom", "content": {"event": "click"}})

    def _send(self, label, data):
        message = self._kernel.client.session.msg("comm_msg", {"comm_id": self.labelled(label), "data": data})
        if self._subshell is not None:
            message["header"]["subshell_id"] = self._subshell
        self._kernel.client.shell_channel.send(message)
