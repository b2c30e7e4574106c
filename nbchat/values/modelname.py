"""Names of models: whether two mean one model, and whether one means a model in a file."""

from __future__ import annotations

import re

__all__ = ["SMOLLM2", "is_model_file", "same_model"]

SMOLLM2 = "smollm2"
"""The model whose weights come in a package: SmolLM2-135M-Instruct, 98 MB, Apache-2.0."""

_VERSION = re.compile(r"[-@:_](?:\d{3,8}|\d{4}-\d\d-\d\d|\d\d-\d\d|\d\d-\d{4})")
"""A date or build number: -0613, @20240620, -2024-08-06, -04-17. One or two digits are rather another model's name."""


def same_model(asked: str, answered: str) -> bool:
    """Whether the names differ in a vendor, a tag such as `:free`, `-latest`, a version that one lacks, or nothing.

    gpt-4o-latest is gpt-4o-2024-08-06, and openai/gpt-4o is gpt-4o; gpt-4o-mini, gpt-4 and gpt-4o are three models, and
    so are two versions of one. An empty name is no model's.
    """
    short, long = sorted((_plain(asked), _plain(answered)), key=len)
    return bool(short) and long.startswith(short) and (long == short or bool(_VERSION.fullmatch(long[len(short) :])))


def is_model_file(name: str) -> bool:
    """Whether the name of a server means a model in a file: `smollm2`, or a path that ends in `.gguf`."""
    return name.lower() == SMOLLM2 or name.lower().endswith(".gguf")


def _plain(name: str) -> str:
    name = name.rpartition("/")[2].strip().lower()
    return re.sub(r":[a-z]+$", "", name).removesuffix("-latest")
