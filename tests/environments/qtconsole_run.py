"""A qtconsole that runs the cells it is given as JSON, and prints what stands in its window after each."""

import json
import os
import sys

from qtconsole.manager import QtKernelManager
from qtconsole.rich_jupyter_widget import RichJupyterWidget
from qtpy.QtWidgets import QApplication

application = QApplication([])
manager = QtKernelManager(kernel_name="python3")
manager.start_kernel()
client = manager.client()
client.start_channels()
console = RichJupyterWidget()
console.kernel_manager, console.kernel_client = manager, client
ended = set()


def take(message):
    """Notice the end of a request's output; the console makes silent requests of its own beside the cells."""
    if message["content"].get("execution_state") == "idle":
        ended.add(message["parent_header"]["msg_id"])


client.iopub_channel.message_received.connect(take)
client.kernel_info()
while not console._prompt:
    application.processEvents()
for number, cell in enumerate(json.loads(sys.argv[1])):
    console.execute(cell)
    (asked,) = (name for name, request in console._request_info["execute"].items() if request.kind == "user")
    while asked not in ended or console._executing or console._control.toPlainText().count("In [") < number + 2:
        application.processEvents()
    print(console._control.toPlainText(), flush=True)  # now: output behind the next prompt goes with the next cell
manager.shutdown_kernel(now=True)
os._exit(0)
