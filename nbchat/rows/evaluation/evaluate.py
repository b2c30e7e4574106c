"""`evaluate`: ask settings over rows whose answers are known, and compare them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from nbchat.rows.evaluation.labels import Kind
from nbchat.rows.evaluation.result import Evaluation
from nbchat.rows.evaluation.run import EvaluationRun, Question
from nbchat.rows.evaluation.scoring import scorer_of
from nbchat.rows.evaluation.truths import Truths, cases_of, items_of, measure_of
from nbchat.rows.progress import Progress
from nbchat.tuning.grid import Grid
from nbchat.values.arguments import checked
from nbchat.values.errors import ParameterError
from nbchat.values.numbers import whole_number

if TYPE_CHECKING:
    from nbchat.conversation.session import Session

__all__ = ["evaluate"]


@checked
def evaluate(
    session: Session,
    data: Any,
    template: str | Sequence[str],
    *,
    truth: Any = None,
    second_truth: Any = None,
    kind: Kind | None = None,
    labels: Iterable[Any] | None = None,
    score: Callable[..., Any] | str | None = None,
    judge_model: str | None = None,
    models: Iterable[str] | None = None,
    schema: Any = None,
    stop_early: bool = True,
    pilot: int | None = None,
    on_progress: Callable[[Progress], None] = lambda _progress: None,
    result_type: type[Evaluation] = Evaluation,
    **options: Any,
) -> Evaluation:
    """Ask `template` for each row with every combination of the parameters given as lists, and compare the answers.

    `data` and `template` are those of `map`; a list of templates is an axis too. `truth` is the column with the right
    answers, or a list of them; `truth=["label_a", "label_b"]` or `second_truth` names a second annotator's, who is only
    compared with the first. Rows without a truth are not asked. `kind` None = by the truths: "labels" (compared with
    the truths' labels, the schema's or `labels`), or "numbers". With `score`, a function of the answer (and the truth),
    or a judge's prompt with `{answer}`, `{truth}` and columns, sent to `judge_model` (None = the session's model),
    answers get a score instead, higher is better; then `truth` may be omitted.

    A setting that is plainly worse at one of four looks is no longer asked, unless `stop_early` is False: see
    `early_stopping`. Rows are asked in a random order, which is the same every time. Answers are journalled as those of
    `map`, so that nothing is paid twice between the two. With a `pilot`, only that many rows are asked, spread over the
    truths, and a note projects the cost of the others.

    `budget` holds for the whole evaluation. Further options are `map`'s (`concurrency`, `cache`, `retries`, `names`) and
    request parameters, `system` included: a list is an axis. Raises ParameterError, ConfigError, PromptError and
    GuardError before anything is sent; EvaluationInterrupted; and BudgetExceeded, or an error that ended every setting,
    with the `.result` so far.

    ```python
    result = evaluate(session, df, "Is this a complaint? Answer yes or no: {text}", truth="complaint", model=["a", "b"])
    print(result.verdict())
    ```
    """
    items = items_of(data)
    truths = Truths.of(items, truth, second_truth)
    if models is not None:
        if "model" in options:
            raise ParameterError("Give either model or models, not both.")
        options["model"] = [models] if isinstance(models, str) else list(models)
    if not isinstance(template, str):
        options["message"] = list(template)
    if options.get("repeat", 1) != 1:
        raise ParameterError("An evaluation asks each row once with each setting: there is no repeat.")
    options.pop("repeat", None)
    grid, fixed = Grid.split(options)
    if schema is not None:
        fixed["schema"] = schema
    scorer = scorer_of(score, judge_model, fixed, truths=truths.column != "")
    measure = measure_of(truths, kind, labels, schema, scored=scorer is not None)
    prompt = template if isinstance(template, str) else ""
    question = Question(items, cases_of(data, truths, measure), truths.first, prompt, measure, scorer)
    evaluation = EvaluationRun(session, question, grid, fixed)
    if pilot is not None:
        evaluation.sample(whole_number("pilot", pilot))
    evaluation.check()
    evaluation.run(stop_early=stop_early and pilot is None, on_progress=on_progress, result_type=result_type)
    return evaluation.result(result_type)
