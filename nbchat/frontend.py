"""The public `Session`, with display, panel and sweeps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

from nbchat.conversation import session as conversation
from nbchat.conversation.exchange.exchange import Exchange
from nbchat.conversation.process import process
from nbchat.conversation.registry import DEFAULT, Registry
from nbchat.values.arguments import checked, checked_methods
from nbchat.values.errors import ConfigError
from nbchat.values.messages import Message, Question
from nbchat.values.presenter import Presenter
from nbchat.values.threads import require_threads

if TYPE_CHECKING:
    from nbchat.panel.panel import Panel
    from nbchat.rows.results.past_runs import PastRuns  # imported with the first of them
    from nbchat.views.evaluation import Evaluation
    from nbchat.views.explorer import Sweep

__all__ = ["Session", "make_panel", "registry", "session"]


@checked_methods
class Session(conversation.Session):
    """A multi-turn conversation, displayed in a notebook or IPython, and not in a script."""

    __doc__ = conversation.Session.__doc__

    @classmethod
    def named(cls, name: str) -> Self:
        """Reopen this notebook's session of this name from the journal, with a notice, or create one.

        Where cells have no ids, as in a notebook that nbclient or papermill runs, the default session starts afresh: its
        cells can't be matched to the turns of the last run, which every further run would repeat.
        """
        return cls(name=name) if name == DEFAULT and not _has_cell_ids() else super().named(name)

    def _presenter(self, display: bool | Presenter | None, exchange: Exchange) -> Presenter | None:
        if display is not None and not isinstance(display, bool):
            return display
        from nbchat.display.presenting import make_presenter

        ask = exchange.ask
        return make_presenter(display, choices=ask.params.n or 1, waiting=ask.params.model or ask.endpoint.title)

    def panel(self) -> Any:
        """Show this session as a panel of widgets. Raises ConfigError without widgets or threads, or outside a notebook."""
        return make_panel(self)

    def sweep(
        self,
        message: Question | Sequence[str | Message],
        *,
        repeat: int = 1,
        score: Any = None,
        **axes: Any,
    ) -> Sweep:
        """Ask a message concurrently with every combination of the parameter values given as lists, `repeat` times each.

        A list is an axis, a single value applies to all runs: `chat.sweep("…", temperature=[0, 0.5, 1], repeat=3)`. A
        list of messages is one too. `score` is a function from the answer to a number, or a judge's prompt with
        `{answer}`. No run joins the history until `Sweep.apply`. Further options as for `ask`, and `judge_model`,
        `at_once` (most requests at a time) and `on_progress`. Raises ParameterError and ConfigError before anything is
        sent, GuardError, and Interrupted, whose `.sweep` has the finished runs.
        """
        from nbchat.views.watched_sweep import watched_sweep

        return watched_sweep(self, message, repeat=repeat, score=score, **axes)

    def compare(self, message: Question, models: Sequence[str], **options: Any) -> Sweep:
        """Ask several models the same message. Options as for `sweep`."""
        return self.sweep(message, models=models, **options)

    def map(self, data: Any, template: str, **options: Any) -> Any:
        """Ask one prompt for each row of `data`, and return the answers in its order, index and type.

        `df["label"] = chat.map(df["comment"], "Is this a complaint? {item}", schema="label: yes|no")`. Shows the progress and
        the result; `display=False` does not. Options and errors are those of `nbchat.rows.mapping.map_rows`.
        """
        from nbchat.views.watched_rows import watched_rows

        return watched_rows(self, data, template, **options)

    def maps(self) -> PastRuns:
        """Return the runs of `map` in this session, oldest first, with template, parameters and figures.

        Raises SessionError if the journal can't be read.
        """
        from nbchat.rows.results.past_runs import past_runs

        return past_runs(self)

    def evaluate(
        self, data: Any, template: str | Sequence[str], *, truth: Any = None, score: Any = None, **options: Any
    ) -> Evaluation:
        """Ask one prompt for each row of `data` with every combination of settings, and compare the answers with the truth.

        A list is an axis: `chat.evaluate(df, "Label: {text}", truth="label", model=["a", "b"], temperature=[0, 1])`. A list
        of prompts is one too, and so is `system`. `truth` is the column of right answers: labels give accuracy, macro-F1
        and a confusion matrix, numbers the mean absolute error. `score` is a function of the answer (and the truth) to a
        number, or a judge's prompt with `{answer}`. The result says which setting is best and whether that is settled;
        `apply()` makes it the session's. Settings that are clearly worse are stopped early, unless
        `stop_early=False`. Further options as for `map`, and those of `nbchat.rows.evaluation.evaluate.evaluate`, which
        lists the errors raised.
        """
        from nbchat.views.evaluation import watched_evaluation

        return watched_evaluation(self, data, template, truth=truth, score=score, **options)


def _has_cell_ids() -> bool:
    """Whether the front end gives its cells ids, or there is none."""
    from nbchat.display.kernel import running_cell_id, running_shell

    shell = running_shell()
    return shell is None or running_cell_id(shell) is not None


def make_panel(session: Session | None = None) -> Panel:
    """Make a panel of a session; None = of the current one, also when that becomes another.

    Raises ConfigError where it can't be shown, before any widget is made, since a text console warns about each one.
    """
    from nbchat.display.kernel import running_shell
    from nbchat.display.presenting import is_notebook

    if not is_notebook(running_shell()):
        raise ConfigError("A panel needs a Jupyter notebook; this is not one.")
    require_threads()
    try:
        from nbchat.panel.panel import Panel
    except ImportError as error:
        raise ConfigError(f"A panel is made of widgets, which are missing here: {error}. Install ipywidgets.") from None
    return Panel(registry(), session)


def registry() -> Registry[Session]:
    """Return the registry of this process's named sessions, which the magics use."""
    return process.registry(Session.named)


@checked
def session(name: str | None = None) -> Session:
    """Return the session of this name as the magics use it; None = the current one. A new name creates a session."""
    return registry().open(name)
