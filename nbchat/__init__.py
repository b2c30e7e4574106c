"""Talk to a language model from a notebook: `%load_ext nbchat`, then `%%chat`; or `from nbchat import Session`.

Importing nbchat is cheap: `__init__.pyi` lists the public names, and each is imported on first use.
"""


def __getattr__(name: str) -> object:
    match name:
        case "__version__":
            from importlib.metadata import version

            value: object = version("jupyter-nbchat")
        case "__all__":
            value = sorted(_homes())
        case _ if not name.startswith("_") and (home := _homes().get(name)):
            from importlib import import_module

            value = getattr(import_module(home), name)
        case _:
            raise AttributeError(f"module 'nbchat' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*sorted(_homes()), "__version__"]


def _homes() -> dict[str, str]:
    """The module of each public name."""
    import ast
    from pathlib import Path

    stub = ast.parse(Path(__file__).with_suffix(".pyi").read_text(encoding="utf-8"))
    imports = [node for node in stub.body if isinstance(node, ast.ImportFrom)]
    return {name.name: node.module or "" for node in imports for name in node.names}
