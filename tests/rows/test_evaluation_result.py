"""An evaluation's tables, verdict and files, from graded that are given."""

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbchat.conversation.session import Session
from nbchat.rows.evaluation.early_stopping import Stopped
from nbchat.rows.evaluation.grading import Case, Graded, Measure
from nbchat.rows.evaluation.labels import Labels
from nbchat.rows.evaluation.plot import figures
from nbchat.rows.evaluation.result import Design, Evaluation
from nbchat.tuning.grid import Axis, Grid
from nbchat.tuning.statistics import Difference
from nbchat.values.errors import ParameterError, SessionError

LABELS = Measure("labels", "label", Labels(["good", "bad"]))
GRID = Grid((Axis.of("model", ["a", "b"]), Axis.of("temperature", [0.5])))


def grade(value, truth, **more):
    quality = LABELS.quality(value, truth, more.get("status", "complete"))
    return Graded(**{"status": "complete", "answer": str(value), "value": value, "quality": quality, **more})


def evaluate(right=(0.95, 0.6), rows=120, second=False, session=None, **design):
    """Two models that give the right label with these probabilities; the second one costs less."""
    chance = random.Random(1)
    truths = chance.choices(["good", "bad"], k=rows)
    other = {"good": "bad", "bad": "good"}
    cases = [
        Case(i, f"r{i}", t, (t if chance.random() < 0.9 else other[t]) if second else None)
        for i, t in enumerate(truths)
    ]
    each = [
        [
            grade(
                t if chance.random() < share else other[t],
                t,
                cost=price,
                seconds=0.5,
                prompt_tokens=9,
                completion_tokens=1,
            )
            for t in truths
        ]
        for share, price in zip(right, (0.002, 0.001), strict=True)
    ]
    return Evaluation(
        Design("Label: {text}", GRID, {"top_p": 0.9, "base_url": "http://secret"}, LABELS, **design),
        cases,
        each,
        session=session,
    )


def test_the_better_setting_is_named_with_its_lead():
    found = evaluate().verdict()
    assert found.best == {"model": "a", "temperature": 0.5}
    assert str(found).startswith("Settled: model=a, temperature=0.5 beats model=b, temperature=0.5 in accuracy by 0.")
    assert str(evaluate().verdict(by="macro_f1")).startswith("Settled: model=a, temperature=0.5 beats")


def test_settings_of_long_values_are_named_by_their_number(monkeypatch):
    grid = Grid((Axis.of("message", ["Is this good or bad, in one word? {text}", "Say good or bad of: {text}"]),))
    monkeypatch.setattr("tests.rows.test_evaluation_result.GRID", grid)
    evaluation = evaluate()
    assert str(evaluation.verdict()).startswith("Settled: setting 0 beats setting 1 in accuracy by 0.")
    assert list(evaluation.disagreements().columns) == ["row", "index", "truth", "setting 0", "setting 1"]
    assert evaluation.number(evaluation.verdict().best) == 0


def test_the_confusion_matrix_is_a_table_of_counts():
    matrix = evaluate((1.0, 0.6)).confusion(0)
    frame = matrix.to_frame()
    assert list(frame.columns) == ["truth", "good", "bad"]
    assert frame["good"].tolist()[1] == frame["bad"].tolist()[0] == 0
    assert frame["good"].tolist()[0] + frame["bad"].tolist()[1] == matrix.total == 120
    assert repr(matrix).splitlines()[0].split() == ["truth", "\\", "answer", "good", "bad"]


def test_an_open_comparison_says_how_many_more_rows_would_tell():
    assert "more rows would tell" in str(evaluate((0.9, 0.8), rows=40).verdict())


def test_quality_cost_and_time_stand_side_by_side():
    first, second = evaluate().table_rows()
    assert first["accuracy"] > second["accuracy"] > second["low"]
    assert (first["cost_per_1000"], second["cost_per_1000"], first["seconds_per_1000"]) == (2, 1, 500)
    assert (first["frontier"], second["frontier"]) == (True, True)
    assert list(evaluate().to_frame()["model"]) == ["a", "b"]


def test_each_row_of_each_setting_is_a_row_and_disagreements_are_found():
    result = evaluate()
    rows = result.rows()
    assert len(rows) == 240
    differing = result.disagreements()
    assert list(differing.columns) == ["row", "index", "truth", "model=a, temperature=0.5", "model=b, temperature=0.5"]
    assert all(row.iloc[3] != row.iloc[4] for _, row in differing.iterrows())
    assert 0 < len(differing) < 120


def test_missing_truths_failures_and_foreign_answers_are_counted_and_said():
    cases = [Case(0, 0, "good"), Case(1, 1, None), Case(2, 2, "bad"), Case(3, 3, "bad")]
    one = [
        grade("good", "good"),
        grade("good", None),
        grade(None, "bad", answer="I can't say."),
        grade(None, "bad", status="failed", answer="", error="The server is down."),
    ]
    result = Evaluation(Design("{text}", Grid((Axis.of("model", ["a"]),)), {}, LABELS), cases, [one])
    (standing,) = result.standings
    assert (standing.counted, standing.failed, standing.unread) == (3, 1, 1)
    assert standing.quality.mean == pytest.approx(1 / 3)
    told = " · ".join(result.notes())
    assert "1 row without a truth left out" in told
    assert "1 failed: counted as wrong" in told
    assert 'none of the labels in 1 answer, counted as wrong: "I can\'t say."' in told
    assert result.confusion(0).table_rows() == [
        {"truth": "good", "good": 1, "bad": 0, "(none of the labels)": 0},
        {"truth": "bad", "good": 0, "bad": 0, "(none of the labels)": 2},
    ]
    assert str(result.verdict()).startswith("One setting only: accuracy 0.33 (95 % interval: 0.061 to 0.79), n = 3.")


def test_numbers_have_an_error_a_bias_and_a_verdict_where_less_is_better():
    measure = Measure("numbers", "price")
    chance = random.Random(2)
    truths = [chance.uniform(0, 100) for _ in range(60)]
    each = [
        [
            Graded("complete", value=v, quality=measure.quality(v, t, "complete"))
            for t in truths
            for v in (t + bias + chance.gauss(0, 1),)
        ]
        for bias in (5, 0)
    ]
    cases = [Case(i, i, t, t + 1) for i, t in enumerate(truths)]
    result = Evaluation(Design("", GRID, {}, measure), cases, each)
    assert str(result.verdict()).startswith(
        "Settled: model=b, temperature=0.5 beats model=a, temperature=0.5 in mean absolute error by 4"
    )
    assert result.standings[0].bias.mean == pytest.approx(5, abs=0.5)
    assert 0 < result.standings[1].quality.mean < 1.2
    assert result.annotators.agreement.mean == pytest.approx(1)
    with pytest.raises(ParameterError, match="by must be None"):
        result.verdict(by="macro_f1")
    with pytest.raises(ParameterError, match="needs labels"):
        result.confusion()


def test_two_annotators_put_a_ceiling_beside_the_scores():
    result = evaluate(second=True)
    assert 0.8 < result.annotators.agreement.mean < 0.97
    assert "The two annotators agree in 0." in str(result.annotators)
    assert evaluate().annotators is None


def test_the_winner_becomes_the_sessions_settings():
    session = Session(model="z", top_p=0.1, presence_penalty=1)
    result = evaluate(session=session)
    assert result.apply() == {"model": "a", "temperature": 0.5}
    assert (session.params.model, session.params.temperature, session.params.top_p) == ("a", 0.5, 0.9)
    assert session.params.presence_penalty == 1
    result.apply({"model": "b"})
    assert session.params.model == "b"
    for wrong in (2, -1, True, {"model": "c"}, {"temperature": 0.5}, "a"):
        with pytest.raises(ParameterError, match=r"There is no setting|setting must be"):
            result.apply(wrong)
    with pytest.raises(SessionError, match="loaded without a session"):
        evaluate().apply(0)


@pytest.mark.parametrize("ending", ["jsonl", "parquet"])
def test_a_saved_evaluation_is_the_same_when_loaded(tmp_path, ending):
    gap = Difference(0.3, 20, 0.1, 0.5, True, None, 0.999)
    whole = evaluate(second=True, looks=3, notes=("rows were asked in a random order",))
    stopped = [Stopped(whole.settings[1], 20, whole.settings[0], gap)]
    result = Evaluation(whole.design, whole.cases, whole.graded, stopped)
    path = result.save(tmp_path / f"run.{ending}")
    back = Evaluation.load(path)
    assert back.records() == result.records()
    assert back.table_rows() == result.table_rows()
    assert str(back.verdict()) == str(result.verdict())
    assert back.notes() == result.notes()
    assert str(back.annotators) == str(result.annotators)
    assert b"secret" not in path.read_bytes()


def test_settings_stopped_early_are_not_compared_again_and_leave_less_chance_of_a_wrong_claim():
    """Of 5 %, 1 % is for the looks; the level allows for the three settings that there were."""
    grid = Grid((Axis.of("model", ["a", "b", "c"]),))
    two = evaluate()
    third = [*two.graded[1][:20], *[Graded()] * 100]
    stopped = [Stopped({"model": "c"}, 20, {"model": "a"}, Difference(0.3, 20, 0.1, 0.5, True, None))]
    design = Design("", grid, {}, LABELS, looks=3)
    found = Evaluation(design, two.cases, [*two.graded, third], stopped).verdict()
    ((other, gap),) = found.differences
    assert (other, gap.level) == ({"model": "b"}, pytest.approx(1 - 0.04 / 2))
    whole = Evaluation(Design("", grid, {}, LABELS), two.cases, [*two.graded, two.graded[0]]).verdict()
    assert [gap.level for _, gap in whole.differences] == pytest.approx([1 - 0.05 / 2] * 2)


def test_what_was_paid_earlier_is_no_cost_of_this_run_but_a_cost_of_the_setting():
    case, paid = Case(0, 0, "good"), grade("good", "good", cost=0.5)
    stored = grade("good", "good", cost=0.25, stored=True)
    result = Evaluation(Design("", GRID, {}, LABELS), [case], [[paid], [stored]])
    assert result.cost == 0.5
    assert [one.cost_per_1000 for one in result.standings] == [500, 250]


@pytest.mark.parametrize("ending", ["jsonl", "parquet"])
@given(
    st.lists(
        st.tuples(
            st.none() | st.integers(-9, 9) | st.text(max_size=4),
            st.sampled_from(["good", "bad", None]),
            st.text(st.characters(codec=None), max_size=8) | st.text('\\"{}\n\u2028,', max_size=4),
        ),
        min_size=1,
        max_size=6,
    )
)
def test_whatever_was_answered_comes_back(tmp_path_factory, ending, rows):
    cases = [Case(row, index, truth) for row, (index, truth, _) in enumerate(rows)]
    each = [[grade(None, truth, answer=answer) for _, truth, answer in rows]] * 2
    result = Evaluation(Design("", GRID, {"system": "Be\nbrief."}, LABELS), cases, each)
    path = tmp_path_factory.mktemp("run") / f"run.{ending}"
    back = Evaluation.load(result.save(path))
    assert back.table_rows() == result.table_rows()
    if ending == "jsonl":
        assert back.records() == result.records()


def test_others_can_read_the_files(tmp_path):
    pd = pytest.importorskip("pandas")
    result = evaluate(rows=10)
    lines = result.save(tmp_path / "run.jsonl").read_text().splitlines()
    assert json.loads(lines[0])["evaluation"]["template"] == "Label: {text}"
    assert json.loads(lines[1])["model"] == "a"
    assert len(lines) == 21
    frame = pd.read_parquet(result.save(tmp_path / "run.parquet"))
    assert list(frame.columns)[:5] == ["row", "index", "setting", "model", "temperature"]
    assert len(frame) == 20


@pytest.mark.parametrize(
    "content",
    [
        "",
        "not json",
        "[]",
        '{"evaluation": {}}',
        '{"evaluation": {"version": 2}}',
        '{"a": 1}',
        '{"evaluation": ' * 5000,
    ],
)
def test_a_file_that_is_none_is_refused_in_one_sentence(tmp_path, content):
    path = tmp_path / "run.jsonl"
    path.write_text(content)
    with pytest.raises(SessionError) as refused:
        Evaluation.load(path)
    assert "\n" not in str(refused.value)


def test_a_cut_file_and_other_endings_are_refused(tmp_path):
    path = evaluate(rows=5).save(tmp_path / "run.jsonl")
    path.write_text("\n".join(path.read_text().splitlines()[:-1]))
    with pytest.raises(SessionError, match="rows"):
        Evaluation.load(path)
    with pytest.raises(SessionError, match=r"saved as \.jsonl or \.parquet; got \.csv"):
        evaluate().save(tmp_path / "run.csv")
    with pytest.raises(SessionError, match="can't be read"):
        Evaluation.load(tmp_path / "missing.jsonl")


@pytest.mark.parametrize("backend", ["altair", "matplotlib"])
def test_quality_is_drawn_against_cost_with_the_frontier(backend):
    drawn = figures(evaluate())
    assert [point.x for point in drawn.frontier] == [1, 2]
    assert (drawn.trade_x_title, drawn.heading) == ("cost of 1,000 rows (US$)", "accuracy against cost")
    chart = evaluate().plot(backend=backend)
    if backend == "altair":
        assert json.dumps(chart.to_dict())
        assert "http" not in str(chart._repr_mimebundle_().keys())
    else:
        chart.canvas.draw()
