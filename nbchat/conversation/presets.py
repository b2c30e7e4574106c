"""Presets: named sets of parameters, built-in ones and the user's own in a file."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from nbchat.store.private_file import write_private
from nbchat.values.errors import ConfigError, ParameterError
from nbchat.values.key_shapes import holds_key
from nbchat.values.params import PARAMETERS, Params
from nbchat.values.wording import nearest

__all__ = [
    "SHIPPED",
    "Preset",
    "delete_preset",
    "find_preset",
    "import_presets",
    "presets",
    "presets_file",
    "presets_version",
    "save_preset",
    "unusable",
]

LONGEST_NAME = 60


class Preset(Struct, frozen=True):
    """A named set of parameters. None unsets a parameter; those not named stay unchanged."""

    name: str
    params: Mapping[str, Any] = field(default_factory=dict)
    meaning: str = ""

    def apply(self, params: Params) -> Params:
        """Return the parameters with the preset applied. Raises ParameterError."""
        changes = dict(self.params)
        if changes.get("extra", {}) is None:
            changes["extra"] = dict.fromkeys(params.extra)
        return params.replace(**changes)


_SHAPE = ("temperature", "top_p", "presence_penalty", "frequency_penalty")


def _shipped(name: str, meaning: str, **params: float) -> Preset:
    return Preset(name, {**dict.fromkeys(_SHAPE), **params}, meaning)


SHIPPED: dict[str, Preset] = {
    preset.name: preset
    for preset in (
        _shipped(
            "precise",
            "nearly always the likeliest token: for extraction, labels and code, where one answer is right",
            temperature=0,
        ),
        _shipped(
            "balanced",
            "some variety without the unlikeliest tenth of the tokens: for explanations and prose",
            temperature=0.7,
            top_p=0.9,
        ),
        _shipped(
            "inventive",
            "less likely words and fewer repetitions: for ideas and names; check what it says",
            temperature=1.2,
            top_p=0.95,
            presence_penalty=0.4,
        ),
    )
}
"""The built-in presets. Each sets temperature, top_p and both penalties, and nothing else."""


def presets_file() -> Path:
    """Return the path of the user's presets file."""
    import platformdirs

    return Path(platformdirs.user_config_dir("nbchat", appauthor=False)) / "presets.json"


def presets_version() -> object:
    """Return a value that changes whenever the user's presets file does."""
    try:
        state = presets_file().stat()
    except OSError:
        return None
    return state.st_mtime_ns, state.st_size, state.st_ino


def presets() -> dict[str, Preset]:
    """Return all presets by name: the built-in ones, then the user's own, which take precedence.

    Unusable ones, such as those from a later version, are left out; see `unusable`. Raises ConfigError if the file can't
    be read.
    """
    return {**SHIPPED, **_sorted_out()[0]}


def unusable() -> list[str]:
    """Return why presets were left out, one sentence each. They stay in the file. Raises ConfigError."""
    return _sorted_out()[1]


def _sorted_out() -> tuple[dict[str, Preset], list[str]]:
    path, good, bad = presets_file(), {}, []
    for name, entry in _own(path).items():
        try:
            good[name] = _preset(path, name, entry)
        except ConfigError as error:
            bad.append(str(error))
    return good, bad


def find_preset(name: str) -> Preset:
    """Return a preset by name. Built-in ones work even if the user's file can't be read. Raises ConfigError."""
    path = presets_file()
    try:
        own = _own(path)
    except ConfigError:
        if name not in SHIPPED:
            raise
        return SHIPPED[name]
    if name in own:
        return _preset(path, name, own[name])
    if name not in SHIPPED:
        known = [*SHIPPED, *own]
        raise ConfigError(f"There is no preset {name!r}.{nearest(name, known) or ' %chat presets lists them.'}")
    return SHIPPED[name]


def save_preset(name: str, params: Params) -> Preset:
    """Save these parameters, except the model, as a preset; unset sampling parameters are saved as unset.

    Raises ConfigError, also for the name of a built-in preset, which it would hide.
    """
    preset = Preset(_checked_name(name), _settings_of(params))
    if preset.name in SHIPPED:
        raise ConfigError(f"{preset.name!r} is a built-in preset. Choose another name.")
    _store([preset])
    return preset


def _settings_of(params: Params) -> dict[str, Any]:
    """Return the settings that a preset of these parameters holds."""
    params_set = dict(params.items())
    own = {name: params_set[name] for name in PARAMETERS if name in params_set}
    unset = {name: None for name, row in PARAMETERS.items() if row.sampling and name not in own}
    kept = {**unset, **own, **({"extra": dict(params.extra)} if params.extra else {})}
    kept.pop("model", None)
    return kept


def delete_preset(name: str) -> None:
    """Delete one of the user's presets. Raises ConfigError."""
    path = presets_file()
    with _alone(path):
        own = _own(path)
        if name not in own:
            raise ConfigError(f"You have no preset {name!r}.{nearest(name, own)}")
        del own[name]
        _write(path, own)


def import_presets(path: str | Path) -> list[Preset]:
    """Import the presets of a `.json` or `.toml` file, replacing the user's own ones of the same names.

    Raises ConfigError, and imports none, if any of them can't be used.
    """
    path = Path(path).expanduser()
    found = [_preset(path, name, entry) for name, entry in _read(path).items()]
    if not found:
        raise ConfigError(f"{path} has no presets in it.")
    _store(found)
    return found


def _store(new: Iterable[Preset]) -> None:
    path = presets_file()
    with _alone(path):
        _write(path, {**_own(path), **{one.name: {"meaning": one.meaning, "params": one.params} for one in new}})


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Lock out other kernels during a read and write, so that no update is lost.

    Locks the folder, because the file is replaced. A no-op on systems without such locks.
    """
    folder = None
    with contextlib.suppress(ImportError, OSError):
        import fcntl

        path.parent.mkdir(parents=True, exist_ok=True)
        folder = os.open(path.parent, os.O_RDONLY)
        fcntl.flock(folder, fcntl.LOCK_EX)
    try:
        yield
    finally:
        if folder is not None:
            os.close(folder)


def _own(path: Path) -> dict[str, Any]:
    return _read(path) if path.exists() else {}


def _read(path: Path) -> dict[str, Any]:
    """Return a file's entries by name, not yet validated. Raises ConfigError."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"The presets in {path} can't be read: {getattr(error, 'strerror', None) or error}."
        ) from None
    try:
        content = _parsed(path, text)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"The presets in {path} can't be read: {error}. Fix the file or move it away.") from None
    if not isinstance(content, dict):
        example = '{"careful": {"params": {"temperature": 0.1}}}'
        raise ConfigError(f"{path} must hold presets by name, such as {example}.")
    return content


def _parsed(path: Path, text: str) -> Any:
    if path.suffix.lower() != ".toml":
        return json.loads(text)
    import tomllib

    return tomllib.loads(text)


def _preset(path: Path, name: str, entry: Any) -> Preset:
    """Validate a file's entry as a preset. Raises ConfigError."""
    if not isinstance(entry, dict):
        raise ConfigError(f"The preset {name!r} in {path} must hold its parameters by name; got {entry!r:.60}.")
    params, meaning = (entry["params"], entry.get("meaning", "")) if "params" in entry else (entry, "")
    if not isinstance(params, dict):
        raise ConfigError(f"The preset {name!r} in {path} must hold its parameters by name; got {params!r:.60}.")
    checked = {key: None if value == "unset" else value for key, value in params.items()}  # TOML has no null
    preset = Preset(_checked_name(name), checked, str(meaning))
    try:
        preset.apply(Params())
    except (ParameterError, TypeError) as error:
        raise ConfigError(f"The preset {name!r} in {path} can't be used: {error}") from None
    return preset


def _checked_name(name: str) -> str:
    name = name.strip()
    if holds_key(name):
        raise ConfigError("A preset's name is shown and saved, and this one looks like a key. Choose another.")
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise ConfigError(f"A preset's name is 1 to {LONGEST_NAME} visible characters; got {name[:70]!r}.")
    return name


def _write(path: Path, own: Mapping[str, Any]) -> None:
    text = json.dumps(own, indent=2, ensure_ascii=False) + "\n"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Lone surrogates exist only as JSON escapes.
        write_private(path.resolve(), text.encode("utf-8", "backslashreplace"))
    except OSError as error:
        raise ConfigError(f"Presets can't be written to {path}: {error.strerror or error}.") from None
