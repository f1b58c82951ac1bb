import math
import os
import signal

import numpy as np
import pytest
import torch
from PIL import Image

from gan_utils.data.pictures import picture_tensor
from gan_utils.data.waves import draw_waves
from gan_utils.style import optimization, transfer
from gan_utils.style.colors import COLOR_AXES, with_colors_of
from gan_utils.style.objective import (
    CONTENT_LAYERS,
    PUBLISHED_CONTENT,
    PUBLISHED_STYLE,
    STYLE_LAYERS,
    TRAINED_CONTENT_LAYERS,
    balanced_objective,
    standardised,
    style_objective,
    total_variation,
)
from gan_utils.style.optimization import optimize_picture
from gan_utils.style.statistics import STATISTICS
from gan_utils.style.transfer import transfer_style
from gan_utils.style.vgg import VGGFeatures

NOTHING = dict(content_weight=0.0, coarse_weight=0.0, style_weight=0.0, variation_weight=0.0)
SHALLOW = dict(content_layers=["relu2_1"], style_layers=["relu1_1", "relu2_1"], progress=False)


@pytest.fixture(scope="module")
def network():
    return VGGFeatures([*STYLE_LAYERS, *CONTENT_LAYERS, *PUBLISHED_CONTENT], "random")


@pytest.fixture(scope="module")
def shallow():
    return VGGFeatures(["relu1_1", "relu2_1"], "random")


@pytest.fixture(scope="module")
def content():
    y, x = torch.meshgrid(torch.linspace(0, 1, 64), torch.linspace(0, 1, 80), indexing="ij")
    return torch.stack([x, y, ((x - 0.5) ** 2 + (y - 0.5) ** 2 < 0.1).float()])


@pytest.fixture(scope="module")
def waves():
    return draw_waves(64, 64)


def test_total_variation():
    picture = torch.zeros(1, 3, 2, 2)
    picture[..., 0, 0] = 1.0  # one of two neighbouring pairs differs by 1, in either direction
    assert total_variation(picture).item() == pytest.approx(0.5 + 0.5)
    assert total_variation(torch.full((1, 3, 5, 5), 0.3)) == 0


def test_the_published_objective(network, content, waves):
    objective = style_objective(network, content, waves)
    picture = torch.rand(1, 3, 64, 80)
    terms, features = objective(picture), network(picture)
    wanted = {"content conv4_2": torch.nn.functional.mse_loss(
        features["conv4_2"], network(content[None])["conv4_2"])}  # fmt: skip
    for name, channels in zip(STYLE_LAYERS, (64, 128, 256, 512, 512), strict=True):
        ours, theirs = features[name], network(waves[None])[name]
        gram = torch.einsum("nihw,njhw->nij", ours, ours) / ours[0, 0].numel()
        target = torch.einsum("nihw,njhw->nij", theirs, theirs) / theirs[0, 0].numel()
        wanted[f"style {name}"] = 1e3 / channels**2 * torch.nn.functional.mse_loss(gram, target)
    assert list(terms) == list(wanted)
    assert all(torch.allclose(terms[name], wanted[name], rtol=1e-4) for name in wanted)


def test_the_targets_themselves_cost_nothing(network, content):
    terms = style_objective(network, content, content)(content[None])
    assert sum(terms.values()) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("standardise", [False, True])
@pytest.mark.parametrize("statistic", STATISTICS)
def test_balanced_terms_do_not_depend_on_the_size_of_the_filters(
    content, waves, statistic, standardise
):
    weak, strong = (VGGFeatures(["relu1_1"], "random") for _ in range(2))
    strong.layers[0].weight.mul_(10)
    weights = dict(content_weights={"relu1_1": 1.0}, style_weights={"relu1_1": 3.0})
    kind = dict(statistic=statistic, standardise=standardise)
    picture = torch.rand(1, 3, 64, 80)
    for balanced in (True, False):
        objectives = [
            style_objective(n, content, waves, **weights, **kind, balanced=balanced)
            for n in (weak, strong)
        ]
        old, new = (objective(picture) for objective in objectives)
        same = [math.isclose(old[name], new[name], rel_tol=1e-2) for name in old]
        assert all(same) if balanced else not same[1] and same[0] == standardise
    objective = style_objective(strong, content, waves, **weights, **kind, balanced=True)
    start = objective(content[None])
    assert start["style relu1_1"].item() == pytest.approx(3.0, rel=1e-3)


def test_standardised_maps_differ_by_what_their_correlation_lacks():
    first, second = torch.randn(2, 1, 3, 20, 30)
    second = 5 * second + 2 * first + 7
    error = (standardised(first) - standardised(second)).square().mean((2, 3))[0]
    for channel in range(3):
        both = torch.stack([first[0, channel].flatten(), second[0, channel].flatten()])
        rho = torch.corrcoef(both)[0, 1]
        assert error[channel].item() == pytest.approx(2 - 2 * rho.item(), rel=1e-2)


@pytest.mark.parametrize("value", [0.0, 1e-9, 0.3, 1e4])
def test_a_flat_map_stays_flat(value):
    flat = torch.full((1, 2, 6, 6), value, requires_grad=True)
    maps = standardised(flat)
    maps.square().sum().backward()
    assert maps.abs().max() < 1e-2 and flat.grad.isfinite().all()


def test_the_coarse_content_sees_blocks_of_pixels(network, content, waves):
    objective = balanced_objective(
        network, content, waves, content_weight=0.0, style_weight=0.0, variation_weight=0.0
    )
    assert list(objective(content[None])) == ["content coarse"]
    blocks = content.unflatten(2, (-1, 8)).unflatten(1, (-1, 8))
    mixed = blocks.transpose(2, 4).reshape(3, 64, 80)  # every block turned over
    assert not torch.equal(mixed, content)
    assert objective(mixed[None])["content coarse"].item() == pytest.approx(0, abs=1e-6)
    paler = objective(0.5 * content[None] + 0.2)["content coarse"]
    assert paler.item() == pytest.approx(0, abs=1e-2)  # where it is bright counts, not how bright
    assert objective(1 - content[None])["content coarse"].item() == pytest.approx(0.75 * 4, rel=0.1)


def test_the_content_layer_fits_the_filters(network, content, waves):
    assert "content conv3_1" in balanced_objective(network, content, waves)(content[None])
    trained = VGGFeatures([*STYLE_LAYERS, *TRAINED_CONTENT_LAYERS], "random")
    trained.weights = "trained"
    assert "content relu4_2" in balanced_objective(trained, content, waves)(content[None])


def test_two_pictures_of_one_style_are_not_magnified(network, content):
    """Each style term would be divided by almost nothing."""
    near = (content + 1e-5 * torch.rand_like(content)).clamp(0, 1)
    result = transfer_style(content, near, network, calls=4, sizes=1, progress=False)
    assert (result.picture - content).abs().max() < 0.1


def test_other_content_for_the_same_style(network, content, waves):
    objective = style_objective(network, content, waves)
    pictures = torch.rand(2, 3, 64, 80)
    terms = objective.with_content(pictures)(pictures)
    assert terms["content conv4_2"] == pytest.approx(0, abs=1e-9) and terms["style relu1_1"] > 0
    assert objective(content[None])["content conv4_2"] == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
def test_optimising_lowers_the_objective_and_counts_calls(shallow, content, waves, optimizer):
    objective = style_objective(shallow, content, waves, content_weights={"relu2_1": 1.0},
                                style_weights={"relu1_1": 1.0}, balanced=True)  # fmt: skip
    calls = 0

    def counted(picture):
        nonlocal calls
        calls += 1
        return objective(picture)

    result = optimize_picture(counted, content, calls=25, optimizer=optimizer, progress=False)
    assert calls == len(result.records) == 25 and 0 < result.iterations <= 25
    assert result.lowest == pytest.approx(result.totals.min().item())
    assert result.lowest < 0.7 * result.totals[0]
    again = sum(objective(result.picture[None]).values())
    assert again.item() == pytest.approx(result.lowest, rel=1e-3)
    assert result.picture.min() >= 0 and result.picture.max() <= 1
    assert torch.allclose(result["style relu1_1"] + result["content relu2_1"], result.totals)
    with pytest.raises(KeyError, match="no term"):
        result["style"]


def test_a_step_changes_brightness_more_than_colour():
    axes = torch.tensor(COLOR_AXES)
    assert torch.allclose(axes @ axes.T, (axes @ axes.T).diag().diag(), atol=1e-6)  # right angles
    assert axes.square().sum() == pytest.approx(3, abs=0.05)  # as for the picture itself
    grey = torch.full((3, 8, 8), 0.5)
    red_alone = lambda picture: {"redness": -picture[:, 0].mean()}  # noqa: E731
    result = optimize_picture(red_alone, grey, calls=2, progress=False)
    red, green, blue = (result.picture - grey).mean((1, 2))
    assert red > green > blue > 0


def test_from_small_to_large(shallow, content, waves):
    seen = []
    settings = SHALLOW | dict(on_snapshot=lambda r: seen.append(len(r.records)))
    result = transfer_style(content, waves, shallow, sizes=2, calls=20, snapshots=2, **settings)
    assert result.picture.shape == content.shape and len(result.records) == 20
    assert [s.call for s in result.snapshots] == [10, 20] == seen  # 64 pixels stay one size
    large = transfer_style(torch.rand(3, 128, 150), waves, shallow, sizes=2, calls=20, snapshots=2,
                           **SHALLOW)  # fmt: skip
    assert [s.picture.shape[1:] for s in large.snapshots] == [(64, 75)] * 2 + [(128, 150)] * 2
    assert [s.call for s in large.snapshots] == [5, 10, 15, 20]
    odd = transfer_style(torch.rand(3, 70, 90), waves, shallow, calls=3, **SHALLOW)
    assert odd.picture.shape == (3, 70, 90)


def test_a_small_style_is_not_made_smaller_than_the_network_can_see(network):
    tiny = torch.rand(3, 20, 20)
    result = transfer_style(
        torch.rand(3, 128, 128), tiny, network, sizes=2, calls=2, progress=False
    )
    assert result.picture.shape == (3, 128, 128)


def test_it_starts_from_a_picture_file(shallow, waves):
    """Pillow's pixels lie channel by channel in memory, which L-BFGS cannot lay out in a row."""
    picture = picture_tensor(Image.fromarray(np.full((70, 80, 3), 100, dtype=np.uint8)), 80)
    result = transfer_style(picture, waves, shallow, calls=8, sizes=1, **SHALLOW)
    assert result.lowest < result.totals[0]


def test_style_moves_the_picture_and_content_holds_it(network, content, waves):
    light, heavy = (
        transfer_style(content, waves, network, style_weight=w, calls=15, progress=False)
        for w in (0.01, 100)
    )
    distances = [(r.picture - content).square().mean() for r in (light, heavy)]
    assert distances[0] < distances[1]


def test_the_start(shallow, content, waves):
    torch.manual_seed(0)
    noise = transfer_style(content, waves, shallow, start="noise", calls=1, sizes=1, **SHALLOW)
    assert (noise.picture - content).abs().mean() > 0.2
    same = transfer_style(content, waves, shallow, calls=1, sizes=1, **SHALLOW)
    assert (same.picture - content).abs().max() <= optimization.EDGE + 1e-5


def test_the_stop_button_keeps_the_best(shallow, content, waves):
    def stop(_):
        os.kill(os.getpid(), signal.SIGINT)

    result = transfer_style(content, waves, shallow, sizes=1, calls=40, snapshots=4,
                            on_snapshot=stop, **SHALLOW)  # fmt: skip
    assert result.interrupted and len(result.records) == 10
    assert result.lowest < result.totals[0] and result.picture.shape == content.shape


def test_numbers_that_are_not_finite_stop_it(content):
    with pytest.raises(FloatingPointError, match="objective became nan at call 1"):
        optimize_picture(lambda p: {"a": p.sum() * torch.nan}, content, calls=5, progress=False)


def test_colours_can_be_kept(content):
    picture = content.mean(0, keepdim=True).expand(3, -1, -1) * 0.5 + 0.25
    mixed = with_colors_of(picture, content * 0.4 + 0.3)
    y, cb, cr = ycc(mixed)
    assert np.abs(y - ycc(picture)[0]).max() < 1e-3
    for ours, theirs in zip((cb, cr), ycc(content * 0.4 + 0.3)[1:], strict=True):
        assert np.abs(ours - theirs).max() < 1e-3


def ycc(picture):
    """BT.601, written out on its own."""
    r, g, b = picture.double().numpy()
    y = 0.299 * r + 0.587 * g + 0.114 * b
    return y, (b - y) / 1.772, (r - y) / 1.402


def test_pictures_too_large_for_the_memory(shallow, content, waves, monkeypatch):
    monkeypatch.setattr(transfer, "BYTES_PER_PIXEL", 1e12)
    with pytest.raises(MemoryError, match="80 x 64 pixels needs about.*lower its longer side"):
        transfer_style(content, waves, shallow, **SHALLOW)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (dict(content=torch.zeros(1, 3, 64, 64)), r"content is torch.float32 \[1, 3, 64, 64\]"),
        (dict(style=torch.zeros(3, 64, 64).byte()), "style is torch.uint8"),
        (dict(content=torch.full((3, 64, 64), 255.0)), "content has values from 255 to 255"),
        (dict(content=torch.full((3, 64, 64), math.nan)), "content has values from nan"),
        (dict(style=torch.zeros(3, 64, 10)), "style has 10 x 64 pixels.*at least 16"),
        (dict(style_weight=math.nan), "weights are.*finite"),
        (dict(content_weight=-1.0), "weights are.*at least 0"),
        (NOTHING, "not all 0"),
        (dict(style_layers=["relu1_2"]), "does not return relu1_2"),
        (dict(statistic="median"), "statistic is 'median'; choose gram, covariance, sorted"),
        (dict(start="black"), "start is 'black'.*content, noise"),
        (dict(optimizer="sgd"), "optimizer is 'sgd'.*lbfgs, adam"),
        (dict(calls=0), "calls is 0"),
        (dict(sizes=0), "sizes is 0"),
        (dict(snapshots=-1), "snapshots is -1"),
    ],
)
def test_bad_arguments(network, content, waves, arguments, message):
    with pytest.raises(ValueError, match=message):
        transfer_style(**dict(content=content, style=waves, network=network) | arguments)


def test_the_published_weights():
    assert PUBLISHED_STYLE == {
        "relu1_1": 1e3 / 64**2, "relu2_1": 1e3 / 128**2, "relu3_1": 1e3 / 256**2,
        "relu4_1": 1e3 / 512**2, "relu5_1": 1e3 / 512**2,
    }  # fmt: skip
