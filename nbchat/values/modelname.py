"""Model names: whether two mean the same model, and whether one means a model file."""

from __future__ import annotations

import re

__all__ = ["SMOLLM2", "is_model_file", "same_model"]

SMOLLM2 = "smollm2"
"""The model whose weights come in a package: SmolLM2-135M-Instruct, 98 MB, Apache-2.0."""

_VERSION = r"[-@:_](?:\d{3,8}|\d{4}-\d\d-\d\d|\d\d-\d\d|\d\d-\d{4})"
"""A date or build number: -0613, @20240620, -2024-08-06, -04-17. One or two digits usually name another model."""


def same_model(asked: str, answered: str) -> bool:
    """Whether two names mean the same model: they differ at most in vendor, tag (`:free`), `-latest`, or a version one lacks.

    gpt-4o-latest matches gpt-4o-2024-08-06, and openai/gpt-4o matches gpt-4o; gpt-4o-mini, gpt-4 and gpt-4o are three
    models, and two versions of one model are two. An empty name matches nothing.
    """
    short, long = sorted((_plain(asked), _plain(answered)), key=len)
    more = long.removeprefix(short) if short and long.startswith(short) else None
    return more == "" or (more is not None and re.fullmatch(_VERSION, more) is not None)


def is_model_file(name: str) -> bool:
    """Whether the name of a server means a model in a file: `smollm2`, or a path that ends in `.gguf`."""
    return name.lower() == SMOLLM2 or name.lower().endswith(".gguf")


def _plain(name: str) -> str:
    name = name.rpartition("/")[2].strip().lower()
    return re.sub(r":[a-z]+$", "", name).removesuffix("-latest")
