"""A qtconsole that runs the cells it is given as JSON, and prints what stands in its window."""

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
replies = []
console.executed.connect(replies.append)
client.kernel_info()
while not console._prompt:
    application.processEvents()
for number, cell in enumerate(json.loads(sys.argv[1])):
    console.execute(cell)
    while len(replies) == number:
        application.processEvents()
print(console._control.toPlainText(), flush=True)
manager.shutdown_kernel(now=True)
os._exit(0)
