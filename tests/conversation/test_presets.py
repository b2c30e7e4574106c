"""Presets: the shipped ones, the user's own, those of a file."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from nbchat.conversation.presets import (
    SHIPPED,
    delete_preset,
    find_preset,
    import_presets,
    presets,
    presets_file,
    save_preset,
)
from nbchat.values.errors import ConfigError
from nbchat.values.params import Params
from tests.strategies import scaled, set_parameters


@pytest.mark.parametrize("name", ["precise", "balanced", "inventive"])
def test_each_shipped_preset_is_explained_and_leaves_the_rest_alone(name):
    preset = SHIPPED[name]
    assert len(preset.meaning) > 40
    before = Params(model="m", max_tokens=50, stop=("x",), temperature=2, top_p=0.1)
    after = preset.apply(before)
    assert (after.model, after.max_tokens, after.stop) == ("m", 50, ("x",))
    assert after == preset.apply(after)


@given(
    st.lists(set_parameters, max_size=6).map(dict), st.dictionaries(st.sampled_from(["top_k", "min_p"]), st.integers())
)
@scaled(0.4, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_saved_preset_is_restored_whatever_was_set_meanwhile(params, extra):
    kept = Params(**params, extra=extra)
    save_preset("mine", kept)
    after = find_preset("mine").apply(Params(model="now", temperature=0.123, stop=("elsewhere",), extra={"other": 1}))
    assert after.replace(model=None, extra={"other": None}) == kept.replace(model=None)
    assert after.model == "now"


def test_own_presets_are_in_the_user_s_configuration_and_none_of_it_is_a_model_or_key(environment):
    save_preset("careful", Params(model="m", temperature=0.1))
    assert presets_file().is_relative_to(environment)
    assert "careful" in presets()
    assert '"model"' not in presets_file().read_text()
    delete_preset("careful")
    assert "careful" not in presets()


def test_a_users_preset_may_have_a_built_in_name():
    """Written into the file by hand it comes first, and deleted it gives way; `save_preset` would hide the other."""
    with pytest.raises(ConfigError, match=r"'precise' is a built-in preset\. Choose another name\."):
        save_preset("precise", Params(temperature=0.2))
    presets_file().parent.mkdir(parents=True, exist_ok=True)
    presets_file().write_text('{"precise": {"temperature": 0.2}}')
    assert find_preset("precise").params["temperature"] == 0.2
    delete_preset("precise")
    assert find_preset("precise") is SHIPPED["precise"]


def test_presets_are_taken_in_from_json_and_toml(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps({"cold": {"params": {"temperature": 0}, "meaning": "no heat"}}))
    (tmp_path / "b.toml").write_text('[warm]\ntemperature = 1.5\ntop_p = "unset"\n')
    assert [preset.name for preset in import_presets(tmp_path / "a.json")] == ["cold"]
    assert [preset.name for preset in import_presets(str(tmp_path / "b.toml"))] == ["warm"]
    assert find_preset("cold").meaning == "no heat"
    assert find_preset("warm").apply(Params(top_p=0.5)) == Params(temperature=1.5)


@pytest.mark.parametrize(
    "content",
    [
        None,
        "{",
        "{}",
        "[]",
        '{"a": 1}',
        '{"a": {"params": []}}',
        '{"a": {"temperature": 9}}',
        '{"a": {"warmth": 1}}',
        '{"": {}}',
        "[" * 10**5,
    ],
)
def test_a_bad_file_is_refused_as_a_whole(tmp_path, content):
    path = tmp_path / "bad.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ConfigError) as caught:
        import_presets(path)
    assert "\n" not in str(caught.value)
    assert presets() == SHIPPED


def test_a_broken_presets_file_is_not_overwritten():
    presets_file().parent.mkdir(parents=True)
    presets_file().write_text("{ half")
    with pytest.raises(ConfigError, match="can't be read"):
        save_preset("x", Params())
    assert presets_file().read_text() == "{ half"
    assert find_preset("precise") == SHIPPED["precise"]


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "x" * 61])
def test_a_name_is_visible(name):
    with pytest.raises(ConfigError):
        save_preset(name, Params())


def test_presets_saved_concurrently_are_all_kept():
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: save_preset(f"mine {number}", Params(seed=number)), range(32)))
    assert {f"mine {number}" for number in range(32)} <= presets().keys()
    assert [path.name for path in presets_file().parent.iterdir()] == ["presets.json"]


def test_a_lone_surrogate_is_kept():
    save_preset("half", Params(stop=("\ud800",)))
    assert find_preset("half").params["stop"] == ["\ud800"]
    assert [path.name for path in presets_file().parent.iterdir()] == ["presets.json"]
