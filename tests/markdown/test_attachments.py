"""An answer's pictures and sources under it."""

import pytest

from nbchat.markdown.attachments import attachments_markdown, attachments_plain, picture_data
from nbchat.values.messages import ImagePart, Source

DATA = {"png": "iVBORw0KGgoAAAAA", "jpeg": "/9j/AAAAAAAAAAAA", "gif": "R0lGODlhAAAAAAAA", "webp": "UklGRgAAAABXRUJQ"}
PICTURE = ImagePart(f"data:image/png;base64,{DATA['png']}")


@pytest.mark.parametrize("media", DATA)
def test_a_picture_is_what_it_says_it_is(media):
    for other, data in DATA.items():
        found = picture_data(ImagePart(f"data:image/{media};base64,{data}"))
        assert found == ((f"image/{media}", data) if other == media else None)
    assert picture_data(ImagePart(f"data:image/{media};base64,{DATA[media][:15]}")) is None


def test_a_picture_may_be_folded_and_named_otherwise():
    assert picture_data(ImagePart("data:image/jpg;base64,/9j/AAAA\nAAAAAAAA")) == ("image/jpeg", DATA["jpeg"])
    assert picture_data(ImagePart("http://a.b/c.png")) is None
    assert picture_data(ImagePart("data:image/svg+xml;base64," + "A" * 16)) is None


def test_pictures_come_before_sources():
    pictures, sources = (
        (PICTURE, ImagePart("http://a.b/c.png")),
        (Source("http://a.b", "*A*"), Source("", "B"), Source("/c", "")),
    )
    assert attachments_markdown(pictures, sources) == (
        f"![picture]({PICTURE.url})\n\n*(a picture that can't be shown)*\n\n"
        "**Sources**\n\n1. [&#42;A&#42;](http://a.b)\n2. B\n3. /c"
    )
    assert (
        attachments_plain(pictures, sources) == "[a picture]\n\n[a picture]\n\nSources\n1. *A*: http://a.b\n2. B\n3. /c"
    )
    assert attachments_markdown((), ()) == attachments_plain((), ()) == ""


@pytest.mark.parametrize("count", [11, 12, 13, 20])
def test_of_many_sources_a_dozen_are_listed(count):
    sources = [Source(f"http://a.b/{number}", f"T{number}") for number in range(count)]
    more = f"\n\nand {count - 12} more in reply.sources" if count > 12 else ""
    for shown in (attachments_markdown((), sources), attachments_plain((), sources)):
        lines = shown.removesuffix(more).splitlines()
        assert shown.endswith(more)
        assert len([line for line in lines if line[0:1].isdigit()]) == min(count, 12)
        assert lines[-1].startswith(f"{min(count, 12)}. ")
