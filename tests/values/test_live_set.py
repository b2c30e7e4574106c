"""Objects kept in sight while others hold them."""

import gc
import weakref

from nbchat.values.threads import LiveSet


class Thing:
    pass


def test_it_yields_the_objects_that_still_exist():
    one, two = Thing(), Thing()
    things = LiveSet()
    for thing in (one, two, one):
        things.add(thing)
    assert list(things) == [two, one]
    things.discard(two)
    things.discard(two)
    del one, thing
    gc.collect()
    assert list(things) == []


def test_no_code_runs_when_an_object_is_freed():
    """An interrupt would be lost in it."""
    thing, things = Thing(), LiveSet()
    things.add(thing)
    assert [known.__callback__ for known in weakref.getweakrefs(thing)] == [None]
