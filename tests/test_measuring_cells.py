"""Cells that measure hold their seconds where bfloat16 is emulated and the CPU is slow."""

import time

import pytest
import torch
from test_lesson_settings import code_cells, index_of, quick  # noqa: F401, a fixture

SLOWER = 10  # times as slow as this CPU
MOST = 120.0  # of its seconds for a cell in quick mode: each timing calls a step twice at least
# The first cells of a lesson are imports and configuration. Then: what the measuring cells need,
# and these, each named by a piece of its code.
NEEDED = {
    "01_sine_gan": ["import FlopCounterMode"],
    "02_mnist_mlp_gan": [
        *("train_part, kept_part =", "scaled =", "LATENT_DIM =", "IMAGES = train_part", "house ="),
        *("import DataLoader", "MEASURED = budget("),
    ],
    "03_dcgan_faces": [
        *("train_part, kept_part =", "ORIGINALS =", "def at_width(", "HOUSE, MODERN = "),
        *("import make_grid", "MEASURED = budget(", "def step_times("),
    ],
    "04_neural_style_transfer": [
        *("def content_picture(", "LOOKED_AT =", "import median_seconds", "MEASURED = budget("),
    ],
    "05_fast": ["BIG = vary(", "import psutil", "import Tape"],
}
MEASURING = {
    "01_sine_gan": ["def points_per_second(", "points_per_second(device, batch_size, p)"],
    "02_mnist_mlp_gan": [
        *("def seconds_per_step(", "def images_per_second("),
        "images_per_second(device, batch_size, p)",
    ],
    "03_dcgan_faces": ["times = step_times(forms"],
    "04_neural_style_transfer": ["def calls_per_second(", "calls_per_second(net, size, p)"],
    "05_fast": [
        *(
            "def fastest(",
            "multiply = 2 *",
            "recipe = vary(recipes.MNIST_REAL",
            "by_hand = (g + ",
            "our_step = ",
        ),
        *("limits = measure_limits", "[times] = interleave", "makers = cases("),
        *("for precision in (torch", "published = vary", "forms = {name: our_training(form, faces"),
        *("small = {", "curve = sine_points", "kind in PRECISIONS", "graph=True)"),
    ],
}


@pytest.fixture
def slow_clock(monkeypatch):
    """A clock that runs faster makes the computer slower."""
    monkeypatch.setattr(time, "perf_counter", lambda now=time.perf_counter: SLOWER * now())


@pytest.fixture
def prepared(request):
    """The cells of a lesson and the names that its measuring cells need, made at full speed."""
    threads, cells, names = torch.get_num_threads(), code_cells(request.param), {}
    first = index_of(cells, "use_theme()\n") + 1
    needed = [index_of(cells, text) for text in NEEDED[request.param]]
    for source in [*cells[:first], *(cells[place] for place in needed)]:
        exec(source, names)
    yield [cells[index_of(cells, text)] for text in MEASURING[request.param]], names
    torch.set_num_threads(threads)


@pytest.mark.usefixtures("quick", "prepared", "slow_bfloat16", "slow_clock")
@pytest.mark.parametrize("prepared", NEEDED, indirect=True)
def test_a_measuring_cell_holds_its_seconds_on_an_old_processor(prepared):
    cells, names = prepared
    for source in cells:
        start = time.perf_counter()
        exec(source, names)
        taken = time.perf_counter() - start
        print(f"{taken:6.1f} s: {source.splitlines()[0]}")
        assert taken < MOST, source
