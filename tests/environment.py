"""The environment of a test: this machine's, without what is the user's own."""

import os
from pathlib import Path

import nbchat

ROOT = Path(__file__).parent.parent
"""The checkout, so that processes of the tests run its code whether or not nbchat is installed."""

PACKAGE = Path(nbchat.__file__).parent
"""The package that is tested: the checkout's, or an installed one where the tests lie without it."""

PATIENCE = 120.0
"""Seconds until a wait for anything fails, however busy the machine is: a wait ends as soon as the thing comes."""

_FOREIGN = ("NBCHAT_", "OPENAI_", "ANTHROPIC_", "JUPYTER", "JPY_", "IPYTHON")
_FOREIGN_ENDS = ("_API_KEY", "_TOKEN", "_PROXY")


def clean_environment(home):
    """Variables for a test at home in `home`: no key, no proxy and no settings of the user's."""
    kept = {name: value for name, value in os.environ.items() if not _foreign(name.upper())}
    return {
        **kept,
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / "config"),
        "XDG_DATA_HOME": str(home / "data"),
        "XDG_CACHE_HOME": str(home / "cache"),
        "XDG_STATE_HOME": str(home / "state"),
        "IPYTHONDIR": str(home / "ipython"),
        "JUPYTER_CONFIG_DIR": str(home / "jupyter-config"),
        "JUPYTER_DATA_DIR": str(home / "jupyter-data"),
        "JUPYTER_RUNTIME_DIR": str(home / "jupyter-runtime"),
        "NBCHAT_STORE": str(home / "nbchat.sqlite"),
        "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
        "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])),
        "NO_PROXY": "*",
    }


def _foreign(name):
    return name.startswith(_FOREIGN) or name.endswith(_FOREIGN_ENDS)
