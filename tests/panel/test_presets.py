"""Presets on the line and in the panel."""

import json

import pytest
from IPython.core.error import UsageError

import nbchat
from nbchat.conversation.presets import (
    find_preset,
    presets,
    presets_file,
    save_preset,
)
from nbchat.conversation.session import Session
from nbchat.values.errors import ConfigError
from nbchat.values.params import Params
from tests.lines import said
from tests.panel.panels import walk


def test_a_preset_of_a_later_version_is_skipped_alone(hand):
    """The others work, it is said what is wrong with it, and saving another keeps it in the file."""
    later = {"params": {"warmth": 3}, "since": "2.0"}
    presets_file().parent.mkdir(parents=True)
    presets_file().write_text(json.dumps({"cold": {"temperature": 0.1}, "later": later}))
    assert find_preset("cold").params == {"temperature": 0.1}
    with pytest.raises(ConfigError, match="warmth"):
        find_preset("later")
    assert "later" not in presets()
    assert "warmth" in said("presets")
    here = hand(Session())
    assert any("warmth" in w.value for w in walk(here.panel) if "nbchat-note" in w._dom_classes)
    save_preset("mine", Params(seed=1))
    assert json.loads(presets_file().read_text())["later"] == later
    assert {"cold", "mine"} <= presets().keys()


def test_the_words_of_the_line():
    session = nbchat.session().set(temperature=0.3)
    assert "saved as mine" in said("save-preset mine")
    session.set(temperature=1)
    assert said("preset mine") == "-t 0.3"
    with pytest.raises(ConfigError, match="Did you mean precise"):
        said("preset precis")
    for word in ("preset", "save-preset"):
        with pytest.raises(UsageError):
            said(word)


def test_a_preset_is_chosen_kept_and_named_in_the_panel(hand):
    session = Session()
    here = hand(session)
    here.labelled("Preset").value = "precise"
    assert session.params == Params(temperature=0)
    here.type("temperature", "0.1")
    assert here.labelled("Preset").value == ""
    name = next(w for w in walk(here.panel) if "nbchat-name" in getattr(w, "_dom_classes", ()))
    name.value = "mine"
    here.click("Save")
    assert here.labelled("Preset").value == "mine"
    here.unset("temperature")
    here.labelled("Preset").value = "mine"
    assert session.params == Params(temperature=0.1)


def test_presets_saved_and_deleted_in_one_panel_are_so_in_another(hand):
    here, there = hand(Session()), hand(Session(temperature=0.3))
    next(w for w in walk(there.panel) if "nbchat-name" in getattr(w, "_dom_classes", ())).value = "shared"
    there.click("Save")
    here.panel.refresh()
    assert "shared" in dict(here.labelled("Preset").options)
    here.labelled("Preset").value = "precise"
    assert here.labelled("Delete").disabled
    here.labelled("Preset").value = "shared"
    here.click("Delete")
    there.panel.refresh()
    assert "shared" not in dict(there.labelled("Preset").options)
    assert there.labelled("Preset").value == ""
