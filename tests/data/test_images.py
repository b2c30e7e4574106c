"""Encoding figures and images for a message."""

from __future__ import annotations

import base64
import io
import random
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Pillow

from nbchat.data import images
from nbchat.data.describe import describe
from nbchat.data.images import image_of, load_image, measure
from nbchat.data.interpolation.interpolate import interpolate
from nbchat.values.errors import PromptError

mpl.use("agg")


def encoded(file_format: str = "PNG", size: tuple[int, int] = (30, 20), mode: str = "RGB") -> bytes:
    target = io.BytesIO()
    Pillow.new(mode, size).save(target, file_format)
    return target.getvalue()


def opened(url: str) -> Any:
    return Pillow.open(io.BytesIO(base64.b64decode(url.partition(",")[2])))


@pytest.mark.parametrize(
    ("file_format", "media_type"),
    [("PNG", "image/png"), ("JPEG", "image/jpeg"), ("GIF", "image/gif"), ("WEBP", "image/webp")],
)
def test_files_within_the_limits_pass_as_they_are(file_format: str, media_type: str) -> None:
    data = encoded(file_format)
    assert measure(data) == (media_type, 30, 20)
    image = image_of(data, "shot")
    assert image is not None
    assert image.url == f"data:{media_type};base64,{base64.b64encode(data).decode()}"
    assert (image.name, image.width, image.height, image.size) == (
        "shot",
        30,
        20,
        len(data),
    )


@pytest.mark.parametrize("lossless", [True, False])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_every_kind_of_webp_is_measured(lossless: bool, mode: str) -> None:
    target = io.BytesIO()
    Pillow.effect_noise((33, 21), 50).convert(mode).save(target, "WEBP", lossless=lossless)
    assert measure(target.getvalue()) == ("image/webp", 33, 21)


def test_large_pictures_are_scaled_to_the_longest_side() -> None:
    for source in (encoded(size=(4000, 1000)), Pillow.new("P", (4000, 1000)), encoded("BMP", (4000, 1000))):
        image = image_of(source) if not isinstance(source, bytes) else images._fit(source, "x")
        assert image is not None
        assert (image.width, image.height) == (1568, 392)
        assert opened(image.url).size == (1568, 392)


def test_what_is_too_many_bytes_as_png_becomes_a_jpeg() -> None:
    noise = Pillow.frombytes("RGBA", (1500, 1500), random.Random(0).randbytes(1500 * 1500 * 4))
    image = image_of(noise)
    assert image is not None
    assert image.url.startswith("data:image/jpeg;")
    assert image.size <= images.LARGEST


def test_a_figure_is_drawn_within_the_limit_and_stays_as_it_was() -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(40, 20), dpi=100)
    axes = figure.subplots()
    axes.plot([1, 2])
    result = interpolate("See {fig} and {ax}.", {"fig": figure, "ax": axes})
    assert result.text == "See [image: fig] and [image: ax]."
    assert len(result.images) == 1  # the same picture goes along once
    assert result.images[0].width == 1568
    assert str(result.inserted[0]).startswith("fig: image of 1,568 × 784 pixels, ")
    assert str(result.inserted[0]).count("kB") == 1
    assert figure.dpi == 100
    assert describe(figure) == describe(figure)


def test_other_values_are_no_images() -> None:
    assert image_of(b"plain bytes") is None
    assert image_of("text") is None
    assert describe(b"plain").text == "b'plain'"


def test_an_image_is_named_by_variable_path_or_data_address(tmp_path: Path) -> None:
    file = tmp_path / "shot.png"
    file.write_bytes(encoded())
    names: dict[str, object] = {"raw": encoded(), "where": file, "n": 3}
    url = f"data:image/png;base64,{base64.b64encode(encoded()).decode()}"
    assert load_image("raw", names).name == "raw"
    assert load_image("where", names).url == load_image(str(file), {}).url == load_image(url, {}).url == url
    assert load_image(str(file), {}).name == "shot.png"
    assert interpolate("{where:image}", names).images[0].url == url


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("https://example.com/a.png", "not fetched"),
        ("n", "is a int, not a figure"),
        ("none.png", "no readable file"),
        ("data:image/png;base64,@@", "valid base64"),
        ("data:text/plain,hello", "must have the form"),
        ("\0", "no readable file"),
        ("data:image/png;base64,aGVsbG8=", "not an image that can be read"),
        ("/", "no readable file"),
    ],
)
def test_what_can_not_be_attached_fails_in_one_sentence(source: str, says: str) -> None:
    with pytest.raises(PromptError, match=says) as caught:
        load_image(source, {"n": 3})
    assert "\n" not in str(caught.value)


def test_a_picture_of_too_many_pixels_is_refused_before_it_is_unpacked() -> None:
    header = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + (100_000).to_bytes(4, "big") * 2
    with pytest.raises(PromptError, match="100,000 × 100,000 pixels, too large"):
        image_of(header)


@given(
    st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF89a", b"RIFF0000WEBPVP8 "]),
    st.binary(max_size=60),
)
def test_no_bytes_fail_to_be_measured(head: bytes, rest: bytes) -> None:
    found = measure(head + rest)
    assert found is None or min(found[1:]) > 0
