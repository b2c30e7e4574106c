"""The plots: what they show, that both libraries take it, and what is said without them."""

import itertools
import json

import pytest

from nbchat.testing import Say, Status, error
from nbchat.tuning.plot import Figures, Point, draw, figures, plot
from nbchat.tuning.sweep import sweep
from nbchat.values.errors import NbchatError, ParameterError


@pytest.fixture
def result(server, session):
    """Two models by two temperatures, three repeats, one run failed; every answer is scored by its length."""
    server.add(Status(400, error("No.")))
    server.default = lambda request: Say("x" * int(4 + request.json["temperature"]))
    return sweep(session, "Hi", model=["a", "$b$"], temperature=[0, 1.5], repeat=3, at_once=1, score=len)


def test_quality_is_drawn_against_temperature_with_intervals_and_a_colour_for_each_model(result):
    drawn = figures(result)
    assert (drawn.x_title, drawn.y_title, drawn.numeric) == ("temperature", "score", True)
    assert [(point.x, point.y, point.series) for point in drawn.means] == [
        (0, 4, "model=a"),
        (1.5, 5, "model=a"),
        (0, 4, "model=$b$"),
        (1.5, 5, "model=$b$"),
    ]
    assert (len(drawn.runs), len(drawn.trade), drawn.trade_title) == (11, 11, "completion tokens")


def test_without_scores_agreement_is_drawn_and_names_are_no_scale(session):
    drawn = figures(sweep(session, "Hi", models=["a", "b"], repeat=3))
    assert (drawn.x_title, drawn.y_title, drawn.numeric) == ("model", "agreement", False)
    assert [point.low is not None for point in drawn.means] == [True, True]


@pytest.mark.parametrize("axes", [{}, {"temperature": [0, 1]}, {"temperature": [None, 1]}, {"models": ["a", "_b"]}])
@pytest.mark.parametrize("backend", ["altair", "matplotlib"])
def test_both_libraries_draw_any_sweep(session, backend, axes):
    chart = plot(sweep(session, "Hi", repeat=2, **axes), backend=backend)
    if backend == "altair":
        assert json.dumps(chart.to_dict())
    else:
        chart.canvas.draw()
        assert len(chart.axes) == 2


@pytest.mark.parametrize("backend", ["altair", "matplotlib"])
def test_a_sweep_in_which_all_failed_is_drawn_empty(server, session, backend):
    server.default = Status(400, error("No."))
    chart = plot(sweep(session, "Hi", temperature=[0, 1]), backend=backend)
    assert chart.to_dict() if backend == "altair" else chart.axes


@pytest.mark.parametrize(
    ("count", "second"), [(2, "some-vendor/a-model…xxxxxxxxxxxxxxxxx-1"), (30, "some-vend…xxxxxxx-2")]
)
def test_names_and_numbers_can_be_read_and_cover_nothing(count, second):
    """Long names are slanted and cut, the legend lies below both plots, and close values get no more digits than fit."""
    names = [f"some-vendor/a-model-with-a-long-name-{'x' * 40}-{number}" for number in range(count)]
    points = [Point(name, 0.5, name, "", 0.4, 0.6) for name in names]
    trade = [Point(0.3665 + number / 1e4, 40, name, "") for number, name in enumerate(names)]
    chart = draw(lambda: Figures("model", "score", False, points, trade=trade), backend="matplotlib")
    chart.draw_without_rendering()
    left, right = chart.axes
    (legend,) = chart.legends
    assert all(label.get_rotation() for label in left.get_xticklabels())
    assert all(len(text.get_text()) <= 40 for text in (*left.get_xticklabels(), *legend.get_texts()))
    assert len(legend.get_texts()) == min(count, 20)
    assert not any(legend.get_window_extent().overlaps(axes.bbox) for axes in chart.axes)
    assert left.get_xticklabels()[1].get_text() == second
    ticks = [label.get_window_extent() for label in right.get_xticklabels()]
    assert not any(one.overlaps(other) for one, other in itertools.pairwise(ticks))
    assert (right.get_xlim()[0], right.get_ylim()[0]) == (0, 0)
    assert max(point.x for point in trade) < right.get_xlim()[1]


@pytest.mark.parametrize("backend", ["altair", "matplotlib"])
def test_an_interval_of_two_repeats_leaves_the_values_in_sight(backend):
    """By Student, two values of 100 and 200 say "between -485 and 785"; drawn whole, nothing else could be read."""
    points = [Point("a", 150, "a", "", -485, 785), Point("b", 300, "b", "", 290, 310)]
    chart = draw(lambda: Figures("model", "score", False, points), backend=backend)
    if backend == "matplotlib":
        assert chart.axes[0].get_ylim() == (0, 450)
    else:
        assert '"domain": [0, 450]' in json.dumps(chart.to_dict())


def test_models_and_errors_are_drawn_as_they_are_written(result):
    plot(result, backend="matplotlib").canvas.draw()


def test_a_page_of_either_colour_shows_through(result):
    assert plot(result, backend="altair").to_dict()["config"]["background"] == "transparent"
    assert plot(result, backend="matplotlib").patch.get_alpha() == 0


def test_without_a_library_it_says_what_to_install(result, monkeypatch):
    monkeypatch.setattr("nbchat.tuning.plot.find_spec", lambda name: None)
    with pytest.raises(NbchatError, match="needs Altair or Matplotlib"):
        result.plot()
    with pytest.raises(ParameterError, match="gnuplot"):
        result.plot(backend="gnuplot")


def test_an_altair_chart_shows_itself_without_fetching_anything(result):
    """By the front end's own Vega: no HTML, no address but that of the schema."""
    bundle = plot(result, backend="altair")._repr_mimebundle_()
    ((kind, specification), (plain, _)) = bundle.items()
    assert (kind, plain) == ("application/vnd.vegalite.v5+json", "text/plain")
    assert [word for word in str(specification).split("'") if word.startswith("http")] == [specification["$schema"]]
