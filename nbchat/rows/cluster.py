"""`map` over a Dask data frame or column: the worker that computes a partition asks its rows.

Answers are lazy: `df["label"] = chat.map(df["text"], …)` sends nothing until Dask computes it, partition by partition, or
writes it (`df.to_parquet(…)`), so that a table of any size goes through in bounded memory.

- **Keys** never travel: a worker reads its own environment variable of the same name. **Limits**: `concurrency` holds for
  the whole cluster, by a semaphore of Dask's that a lost worker's partitions leave free.
- **Nothing twice**: a worker journals each answered row in its machine's file (`NBCHAT_STORE` on the worker names
  another one), by the hash of the row's request. A partition that is computed again on the same machine, after a lost
  worker or a second `compute`, sends only what is missing; on another machine it is paid again. The file must not
  lie on a network file system, where SQLite's locks don't hold.
- **Partitions**: a worker holds the rows and answers of its partitions in memory, about 6 kB a row, and a lost one has
  only its rows in flight to pay again. 1,000 to 10,000 rows are a good size: 10⁸ rows are then 10⁴ to 10⁵ partitions,
  which Dask's scheduler handles.
- **Throughput**: min(workers × 1,000, concurrency ÷ seconds for an answer) rows a second, as one core writes, sends and
  reads about a thousand small requests a second (`python -m tests.bench_map`). With 512 at once and 1 s for an
  answer, 10⁸ rows take 54 hours, however many workers there are; at 1,000 rows a second, 28 hours.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from nbchat.conversation.session import Session
from nbchat.data.tables.table import table_of
from nbchat.rows.form import Form
from nbchat.rows.results.details import Mapped
from nbchat.rows.source import TableSource
from nbchat.rows.template import Template
from nbchat.store.ledger.entries import Entry
from nbchat.values.answer.reply import Timing
from nbchat.values.answer.usage import Usage
from nbchat.values.errors import ConfigError, ParameterError

if TYPE_CHECKING:
    from nbchat.api.endpoints import Endpoint
    from nbchat.conversation.schemas.schema import Schema

__all__ = ["map_partitions"]

CONCURRENCY = 64
"""Default number of concurrent requests on the whole cluster."""

ERROR = "error"
"""The column of reasons."""

OWN_OPTIONS = ("names", "cache", "repeat", "retries")
"""Options of `map` that are not part of a request."""

INSTEAD = {
    "budget": "Independent workers can't keep a budget: try a sample first.",
    "pilot": "A pilot needs rows in memory: try a sample of them, such as data.head(100).",
    "out": "The answers to a Dask frame are lazy: Dask writes them, with to_parquet().",
}
"""Options of `map` that no cluster can keep, and what to do instead."""


class Recipe(Struct, frozen=True):
    """What a worker needs to ask the rows of a partition. It contains no key: workers read theirs from the environment.

    A partition has at most `most` requests at once. On a cluster, at most `slots` partitions run at once, counted by a
    semaphore named `run`, under which workers also report their costs.
    """

    run: str
    template: str
    where: str
    key_env: str | None
    settings: Mapping[str, Any]
    options: Mapping[str, Any]
    most: int
    slots: int
    types: Sequence[Any]
    """The dtypes of the answers' columns, the same in every partition."""

    def session(self) -> Session:
        """Return a session for a partition."""
        return Session(name="dask", base_url=self.where, key_env=self.key_env, **self.settings)


def map_partitions(
    session: Session,
    data: Any,
    template: str,
    ask: Callable[..., Mapped],
    *,
    concurrency: int | None = None,
    errors: bool = False,
    **options: Any,
) -> Any:
    """Return the answers as a lazy Dask column or frame, with the partitions and index of `data`.

    Workers call `ask`, which is `map_rows`, for each partition. At most `concurrency` requests (None = 64) run at once on
    the whole cluster. `errors` adds a column `error`: why a row has no answer. `options` are those of `map`; progress is
    Dask's own. Raises as `map_rows` before anything is computed, and ConfigError for a key that workers can't read.
    """
    for name, instead in INSTEAD.items():
        if name in options:
            raise ParameterError(instead)
    most = concurrency or CONCURRENCY
    form = _form(session, data, template, options)
    client = _client()
    threads = sum(client.nthreads().values()) if client is not None else os.cpu_count() or 1
    slots = max(1, min(threads, most))
    endpoint = session.endpoint
    recipe = Recipe(
        f"nbchat-{os.urandom(8).hex()}",
        template,
        endpoint.name if endpoint.is_own else endpoint.base_url,
        _key_variable(endpoint),
        {**session.params.to_dict(), "system": session.system, "timeout": session.timeout},
        options,
        most // slots,
        slots,
        _types(form.schema),
    )
    if client is not None:
        client.subscribe_topic(recipe.run, _Ledger(session, endpoint.title, recipe))
    empty = _plain(ask(session, data._meta, template, **options), recipe.types, errors=errors)  # noqa: SLF001  # Dask's name
    return data.map_partitions(_answers, ask, recipe, errors, meta=empty)


def _form(session: Session, data: Any, template: str, options: Mapping[str, Any]) -> Form:
    """Return the form of the requests. Raises as `map_rows`, also for private columns, whose marks partitions lack."""
    table = table_of(data._meta)  # noqa: SLF001  # Dask's name for an empty partition
    if table is None:
        raise ParameterError(f"Only Dask frames of pandas can be asked; got {type(data).__name__} of another library.")
    source = TableSource(data._meta, data)  # noqa: SLF001  # Dask's empty frame of the same columns
    parsed = Template.of(template, source.columns, single=source.single, names=options.get("names") or {})
    request_options = {name: value for name, value in options.items() if name not in OWN_OPTIONS}
    form = Form.of(session, request_options)
    form.check(source, parsed)
    return form


def _types(schema: Schema | None) -> list[Any]:
    """Return the dtypes of the answers' columns, each with room for missing values."""
    from nbchat.rows.results.pandas_results import dtype_of

    if schema is None:
        return [dtype_of("string")]
    fields = schema.json_schema.get("properties", {})
    return [dtype_of(field.get("type") if isinstance(field, Mapping) else None) for field in fields.values()]


def _key_variable(endpoint: Endpoint) -> str | None:
    """Return the variable of the key; None = the server needs none. Raises ConfigError if the key has no variable."""
    if endpoint.headers:
        raise ConfigError("Headers of a session don't reach Dask workers. Put the key into a variable and use key_env.")
    if endpoint.key is None:
        return None
    if endpoint.key_env is None:
        raise ConfigError(
            "The key was given in Python or comes from the keyring, and is not sent to Dask workers. Put it into an"
            " environment variable that the workers have, and name that: Session(key_env='…')."
        )
    return endpoint.key_env


def _client() -> Any:
    """Return the client of the current cluster; None = Dask computes in this process."""
    with contextlib.suppress(ImportError, ValueError):
        from distributed import get_client

        return get_client()
    return None


def _worker() -> Any:
    """Return the worker that runs this task; None = not on a cluster."""
    with contextlib.suppress(ImportError, ValueError):
        from distributed import get_worker

        return get_worker()
    return None


def _answers(part: Any, ask: Callable[..., Mapped], recipe: Recipe, errors: bool) -> Any:
    """Ask the rows of a partition, and return the answers as plain pandas."""
    session = recipe.session()
    with _slot(recipe):
        started = time.time()
        result = ask(session, part, recipe.template, concurrency=recipe.most, **recipe.options)
    if (worker := _worker()) is not None:
        details, seconds = result.details, time.time() - started
        about = {
            "usage": details.usage.to_dict(),
            "cost": details.cost,
            "requests": details.requests,
            "seconds": seconds,
        }
        worker.log_event(recipe.run, about)
    return _plain(result, recipe.types, errors=errors)


@contextlib.contextmanager
def _slot(recipe: Recipe) -> Iterator[None]:
    """Wait for a slot among the partitions that may run at once. A lost worker's slot is freed automatically."""
    if _worker() is None:
        yield
        return
    from distributed import Semaphore

    with Semaphore(max_leases=recipe.slots, name=recipe.run):
        yield


def _plain(result: Any, types: Sequence[Any], *, errors: bool) -> Any:
    """Return the answers as ordinary pandas of these types, with the reasons if wanted."""
    import pandas as pd

    frame = pd.DataFrame(result)
    for name, dtype in zip(list(frame.columns), types, strict=True):
        frame[name] = frame[name].astype(dtype)
    if errors:
        reasons = [outcome.reason or None for outcome in result.details.outcomes]
        frame[ERROR] = pd.Series(reasons, index=frame.index, dtype=object)
    elif not isinstance(result, pd.DataFrame):
        return frame.iloc[:, 0].rename(result.name)
    return frame


class _Ledger:
    """Adds the workers' reports to a session. The ledger's rows are in the workers' own journals."""

    def __init__(self, session: Session, server: str, recipe: Recipe) -> None:
        self._session = session
        self._server = server
        self._recipe = recipe

    def __call__(self, event: tuple[float, Mapping[str, Any]]) -> None:
        at, report = event
        usage, cost = Usage.from_dict(report["usage"]), report["cost"]
        entry = Entry(
            self._server,
            self._recipe.settings.get("model"),
            "complete",
            usage,
            cost,
            Timing(None, report["seconds"]),
            at=at,
            requests=report["requests"],
        )
        self._session.enter(entry, ())
