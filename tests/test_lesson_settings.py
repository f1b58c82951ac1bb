"""What the configuration cells name acts when they and a training cell are run again."""

from pathlib import Path

import matplotlib.pyplot as plt
import nbformat
import pytest

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"


def code_cells(stem):
    cells = nbformat.read(NOTEBOOKS / f"{stem}.ipynb", as_version=4).cells
    return [cell.source for cell in cells if cell.cell_type == "code"]


def index_of(cells, text):
    [place] = [i for i, source in enumerate(cells) if text in source]
    return place


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setenv("GAN_UTILS_MODE", "quick")
    monkeypatch.setenv("GAN_UTILS_DEVICE", "cpu")
    monkeypatch.chdir(NOTEBOOKS)
    plt.switch_backend("agg")
    monkeypatch.setattr(plt, "show", lambda: plt.close("all"))


@pytest.mark.usefixtures("quick")
def test_lesson_01_trains_what_its_configuration_cell_says():
    cells, names = code_cells("01_sine_gan"), {}
    training = index_of(cells, "on_snapshot=LiveView")
    for source in cells[:training]:
        exec(source, names)
    changes = {
        "EPOCHS = budget(quick=20": "EPOCHS = budget(quick=1",
        "BATCH_SIZE = 32": "BATCH_SIZE = 64",
        "LATENT_DIM = 2": "LATENT_DIM = 4",
    }
    configuration = cells[index_of(cells, "announce_mode(")]
    for old, new in changes.items():
        assert old in configuration
        configuration = configuration.replace(old, new)
    exec(configuration, names)
    exec(cells[training], names)
    published = names["published"]
    assert len(published.records) == 1024 // 64
    assert published.generator.layers[0].in_features == 4


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("stem", "old", "new", "message"),
    [
        ("05_fast", "SECONDS = budget(quick=0.4", "SECONDS = budget(quick=0", "SECONDS is 0"),
        ("01_sine_gan", "BATCH_SIZE = 32", "BATCH_SIZE = 0", "BATCH_SIZE is 0"),
        ("01_sine_gan", "POINTS = 1024", "POINTS = 'many'", "POINTS is 'many'"),
        ("02_mnist_mlp_gan", 'SOURCE = "auto"', 'SOURCE = "mnits"', "SOURCE is 'mnits'"),
        (
            "02_mnist_mlp_gan",
            "FIRST_STEPS = budget(quick=300",
            "FIRST_STEPS = budget(quick=-5",
            "FIRST_STEPS is -5",
        ),
        ("02_mnist_mlp_gan", "KEEP = None", "KEEP = 7", "KEEP is 7"),
        ("03_dcgan_faces", "KEEP = None", "KEEP = False", "KEEP is False"),
        ("03_dcgan_faces", "COUNT = budget(quick=1500", "COUNT = budget(quick=-5", "COUNT is -5"),
        ("03_dcgan_faces", 'EXTRACTOR = "random"', 'EXTRACTOR = "rand"', "EXTRACTOR is 'rand'"),
        (
            "04_neural_style_transfer",
            "SIZE = budget(quick=192",
            "SIZE = budget(quick=8",
            "SIZE is 8",
        ),
        ("04_neural_style_transfer", 'WEIGHTS = "auto"', 'WEIGHTS = "best"', "WEIGHTS is 'best'"),
    ],
)
def test_nonsense_is_refused_by_the_cell_itself_in_one_line(stem, old, new, message):
    cells, names = code_cells(stem), {}
    place = index_of(cells, "announce_mode(")
    for source in cells[:place]:
        if "import" in source:
            exec(source, names)
    assert cells[place].count(old) == 1
    with pytest.raises(ValueError, match=message) as caught:
        exec(cells[place].replace(old, new), names)
    assert "\n" not in str(caught.value)
