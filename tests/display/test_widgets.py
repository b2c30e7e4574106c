"""Widgets that share layouts and styles, notes below controls, and the area in which a panel shows its answers."""

import gc
import weakref

import pytest
from ipywidgets import HTML, Button, IntSlider, Label, VBox
from ipywidgets.widgets import Widget

from nbchat.display.reply_area import ReplyArea
from nbchat.display.widget_factory import WidgetFactory, mark
from nbchat.display.widget_style import KEYS, STYLE, WIDGETS_CLASS, script_outputs, style_sheet, style_widgets


@pytest.fixture
def factory():
    """A factory that is closed at the end; no widget outlives the test."""
    factory = WidgetFactory()
    yield factory
    factory.close()


def texts(area):
    return [[shown["data"]["text/plain"] for shown in output.outputs] for output in area.widget.children]


def test_widgets_of_a_kind_share_layout_and_style(factory):
    first, second, other = factory.make(Button), factory.make(Button, description="go"), factory.make(IntSlider)
    assert first.layout is second.layout is other.layout
    assert first.style is second.style is not other.style
    assert second.description == "go"
    assert factory.make(HTML, "words", classes="a b").value == "words"
    assert factory.make(Label, classes="a b")._dom_classes == ("a", "b")


@pytest.mark.parametrize("kind", [Button, IntSlider])
def test_a_tooltip_has_the_name_that_the_kind_knows(factory, kind):
    name = "tooltip" if kind.class_traits().get("tooltip") else "description_tooltip"  # in ipywidgets 7
    assert getattr(factory.make(kind, tooltip="why"), name) == "why"


def test_all_widgets_close_together_also_those_made_later():
    factory = WidgetFactory()
    made = [factory.make(Button), factory.make(VBox)]
    parts = [*made, made[0].style, made[0].layout]
    factory.close()
    assert all(widget.comm is None for widget in parts)
    late = factory.make(Button)
    assert late.comm is late.style.comm is late.layout.comm is None
    assert late.layout is not made[0].layout
    kept = [weakref.ref(widget) for widget in (*made, late)]
    del made, parts, late
    gc.collect()
    assert [widget() for widget in kept] == [None] * 3


def test_a_note_is_made_when_it_has_something_to_say(factory):
    box = factory.make(VBox)
    note = factory.note(box)
    note.say("")
    assert box.children == ()
    note.say("<b> wrong", wrong=True)
    [line] = box.children
    assert line.value == '<div class="nbchat-words" title="&lt;b&gt; wrong">&lt;b&gt; wrong</div>'
    assert set(line._dom_classes) == {"nbchat-note", "nbchat-wrong"}
    note.say("")
    assert box.children == (line,)
    assert line.value == ""
    assert set(line._dom_classes) == {"nbchat-note", "nbchat-none"}
    mark(line, "nbchat-none", False)
    assert line._dom_classes == ("nbchat-note",)


def test_the_area_shows_one_answer_and_reuses_its_outputs(factory):
    area = ReplyArea(factory)
    old = area.fresh()
    first, second = (old.show({"text/plain": text}) for text in ("one", "two"))
    old.update(first, {"text/plain": "ONE"})
    assert texts(area) == [["ONE"], ["two"]]
    outputs = area.widget.children
    new = area.fresh()
    assert texts(area) == [[], []]
    old.update(second, {"text/plain": "late"})
    assert old.show({"text/plain": "late"}) == ""
    assert texts(area) == [[], []]
    for text in "abc":
        new.show({"text/plain": text})
    assert texts(area) == [["a"], ["b"], ["c"]]
    assert area.widget.children[:2] == outputs
    shown = area.widget.children[0].outputs[0]
    assert shown == {"output_type": "display_data", "data": {"text/plain": "a"}, "metadata": {}}


def test_what_is_shown_later_only_is_emptied():
    """Clearing what nothing is shown in would cost a message for each output."""
    factory = WidgetFactory()
    area = ReplyArea(factory)
    sheet = area.fresh()
    for text in "ab":
        sheet.show({"text/plain": text})
    area.fresh().show({"text/plain": "c"})
    changed = []
    for output in area.widget.children:
        output.observe(changed.append, "outputs")
    area.fresh()
    assert len(changed) == 1
    factory.close()


def test_style_and_keys_are_two_widgets_that_take_no_room():
    sheet, keys = widgets = style_widgets()
    assert sheet.value == style_sheet() == f"<style>{STYLE}</style>"
    assert f".{WIDGETS_CLASS} " in STYLE
    assert sheet.layout.display == "none"
    assert keys.layout.height == keys.layout.margin == "0"
    assert keys.layout.overflow == "hidden"
    assert keys.outputs == script_outputs()
    [output] = script_outputs("go(element)")
    assert output["data"]["application/javascript"] == (
        "(element => {go(element)})(element.jquery ? element[0] : element);"
    )
    assert KEYS.strip().startswith("(function attach")
    for widget in widgets:
        widget.close()
    assert isinstance(keys, Widget)
