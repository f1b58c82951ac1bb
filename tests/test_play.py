"""The pages that play: their networks against PyTorch's, in a browser where there is one."""

import html
import json
import re
import subprocess
import threading
from base64 import b64encode
from collections import deque
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from shutil import which

import pytest
import torch
from torch import nn

from gan_utils.files import NOTEBOOKS
from gan_utils.gan.latent import draw_latent, slerp
from gan_utils.gan.losses import named_loss
from gan_utils.gan.models import MLPDiscriminator, MLPGenerator
from gan_utils.gan.pretrained import GENERATORS, load_generator
from gan_utils.gan.step import gan_step
from workshop.book.build import write_played

PLAY = NOTEBOOKS / "play"
BATCH, SIZES = 32, (256, 128, 64)
CHROMIUM = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"]


class FixedMasks(nn.Module):
    """Dropout whose factors are given beforehand, in the order in which they are used."""

    def __init__(self, masks):
        super().__init__()
        self.masks = masks

    def forward(self, values):
        return values * self.masks.popleft()


@pytest.fixture(params=["chromium", "node"])
def javascript(request, tmp_path):
    """Return a function that runs statements after the page's scripts, and returns `result`."""
    if which(request.param) is None:
        pytest.skip(f"there is no {request.param} here")

    def run(statements, names=("network.js", "training.js", "recipes.js"), **given):
        lines = [f"const {name} = {json.dumps(value)};" for name, value in given.items()]
        code = "\n".join([(PLAY / name).read_text() for name in names] + [*lines, statements])
        if request.param == "node":
            (tmp_path / "run.js").write_text(f"{code}\nconsole.log(JSON.stringify(result));")
            line = ["node", tmp_path / "run.js"]
            return json.loads(subprocess.run(line, capture_output=True, check=True).stdout)
        shown = "document.body.textContent = JSON.stringify(result);"
        page = f'<meta charset="utf-8"><body><script>{code}\n{shown}</script>'
        (tmp_path / "run.html").write_text(page)
        line = [*CHROMIUM, (tmp_path / "run.html").as_uri()]
        seen = subprocess.run(line, capture_output=True, text=True, check=True, timeout=120).stdout
        return json.loads(html.unescape(re.search("<body>(.*)</body>", seen, re.S)[1]))

    return run


def weights_of(network):
    """Return weights and biases layer by layer, as the page keeps them: [inputs, outputs]."""
    layers = [part for part in network.modules() if isinstance(part, nn.Linear)]
    return [[layer.weight.T.flatten().tolist(), layer.bias.tolist()] for layer in layers]


def farthest(ours, theirs):
    """Return the largest difference between two networks, both as from `weights_of`."""
    pairs = [
        pair for layers in zip(ours, theirs, strict=True) for pair in zip(*layers, strict=True)
    ]
    return max(abs(a - b) for mine, other in pairs for a, b in zip(mine, other, strict=True))


def masks_for(count, masked):
    """Return the factors of `count` passes of BATCH samples, each [layers][BATCH, size]."""
    keep = [[torch.rand(BATCH, size) >= 0.3 for size in SIZES] for _ in range(count)]
    return [
        [mask.double() / 0.7 if masked else torch.ones(mask.shape) for mask in one] for one in keep
    ]


STEPS = """
const gan = new GAN({ ...HOUSE, ...settings, steps: 0 }, 0);
const take = (network, weights) => network.layers.forEach((layer, l) => {
  layer.weight.set(weights[l][0]);
  layer.bias.set(weights[l][1]);
});
take(gan.generator, weights[0]);
take(gan.discriminator, weights[1]);
const found = batches.map(({ real, dLatent, gLatent, masks }) => {
  const [onReal, onFake, onSlope, onG] = masks.map((one) => one.map((m) => Float64Array.from(m)));
  const both = onReal.map((mask, l) => Float64Array.from([...mask, ...onFake[l]]));
  const metrics = gan.learnD(Float64Array.from(real), Float64Array.from(dLatent), both, onSlope);
  const gLoss = gan.learnG(real.length / 2, Float64Array.from(gLatent), onG);
  gan.finishStep();
  return [metrics.loss, gLoss, metrics.real, metrics.fake];
});
const kept = (network) => network.layers.map((layer) => [[...layer.weight], [...layer.bias]]);
const weightsNow = [gan.generator, gan.discriminator].map(kept);
const result = { found, weights: weightsNow, average: kept(gan.average) };
"""


@pytest.mark.parametrize(
    "loss, gamma, name",
    [
        ("nonsaturating", 0, "nonsaturating"),
        ("saturating", 0, "minimax"),
        ("nonsaturating", 0.3, "R1"),
    ],
)
@pytest.mark.parametrize("masked", [True, False])
def test_five_steps_are_those_of_pytorch(javascript, loss, gamma, name, masked):
    torch.manual_seed(0)
    queue = deque()
    generator = MLPGenerator(2, (16, 32), 2).double()
    discriminator = MLPDiscriminator(2, SIZES, dropout=0.3).double()
    for k, layer in enumerate(discriminator.layers):
        if isinstance(layer, nn.Dropout):
            discriminator.layers[k] = FixedMasks(queue)
    before = [weights_of(network) for network in (generator, discriminator)]
    adam = [torch.optim.Adam(n.parameters(), 3e-3, (0.5, 0.99)) for n in (generator, discriminator)]
    average = [p.detach().clone() for p in generator.parameters()]
    rule = named_loss("nonsaturating, R1", gamma) if name == "R1" else named_loss(name)
    batches, wanted = [], []
    for step in range(5):
        real, d_latent, g_latent = torch.randn(3, BATCH, 2, dtype=torch.float64)
        masks = masks_for(4, masked)
        used = [one for k, one in enumerate(masks) if gamma or k != 2]
        queue.extend(mask for one in used for mask in one)
        metrics = gan_step(generator, discriminator, *adam, rule, real, d_latent, g_latent)
        assert not queue  # as many masks as the page gets
        wanted.append(metrics[:4].tolist())
        for kept, new in zip(average, generator.parameters(), strict=True):
            kept.copy_(new.detach() if step == 0 else 0.999 * kept + 0.001 * new.detach())
        batches.append(
            dict(
                real=real.flatten().tolist(),
                dLatent=d_latent.flatten().tolist(),
                gLatent=g_latent.flatten().tolist(),
                masks=[[mask.flatten().tolist() for mask in one] for one in masks],
            )
        )
    result = javascript(
        STEPS, settings=dict(loss=loss, gamma=gamma), weights=before, batches=batches
    )
    assert torch.allclose(torch.tensor(result["found"]), torch.tensor(wanted), atol=1e-6)
    for network, kept in zip((generator, discriminator), result["weights"], strict=True):
        assert farthest(weights_of(network), kept) < 1e-5
    for kept, weights in zip(generator.parameters(), average, strict=True):
        kept.data.copy_(weights)
    assert farthest(weights_of(generator), result["average"]) < 1e-5


@pytest.mark.parametrize("name, make", [("digits", "makeDigit"), ("faces", "makeFace")])
def test_the_page_draws_what_pytorch_draws(javascript, name, make):
    torch.manual_seed(0)
    latent = draw_latent(3, 100)
    wanted = load_generator(name)(latent).detach().flatten(1)
    content = b64encode((GENERATORS / f"{name}.safetensors").read_bytes()).decode()
    statements = f"""
    const tensors = readTensors(bytesOf(content));
    const result = latent.map((z) => [...{make}(z, tensors)]);
    """
    names = ["network.js", "generators.js"]
    made = torch.tensor(javascript(statements, names, content=content, latent=latent.tolist()))
    assert 127.5 * (made - wanted).abs().max() < 0.1  # of 255; the eye sees two


def test_the_walk_of_the_page_is_the_one_of_the_package(javascript):
    start, end = draw_latent(2, 100)
    statements = "const result = [0, 0.3, 1].map((t) => slerp(start, end, t));"
    names = ["network.js", "generators.js"]
    walk = javascript(statements, names, start=start.tolist(), end=end.tolist())
    wanted = slerp(start, end, torch.tensor([0, 0.3, 1]))
    assert torch.allclose(torch.tensor(walk), wanted, atol=1e-5)


class Holding(SimpleHTTPRequestHandler):
    """Serves a folder. `/hold` waits for `/done`, so that a page is not over before its script."""

    def do_GET(self):
        self.server.asked.append(self.path)
        if self.path == "/done":
            self.server.done.set()
        if self.path == "/hold":
            self.server.done.wait(60)
        if self.path in ("/done", "/hold"):
            return self.send_error(404)
        super().do_GET()

    def log_message(self, *_):
        """Print nothing."""


@pytest.fixture
def played(tmp_path):
    """Return a function that opens a page in a browser, with a script of its own, and returns what
    the page shows once that script has ended, and what it asked for.
    """
    if which("chromium") is None:
        pytest.skip("there is no chromium here")

    def run(name, script):
        folder = tmp_path / "play"
        write_played(folder)
        page = (folder / name).read_text()
        wait = (
            "const later = (ms) => new Promise((go) => setTimeout(go, ms));"
            "const until = async (f) => { while (!f()) await later(20); };"
        )
        ended = "catch((e) => at('says').textContent = `failed: ${e}`).then(() => fetch('/done'))"
        added = f"<img src=/hold alt><script>{wait}(async () => {{ {script} }})().{ended};</script>"
        (folder / name).write_text(page.replace("</body>", f"{added}</body>"))
        server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Holding, directory=folder))
        server.asked, server.done = [], threading.Event()
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            line = [*CHROMIUM, f"http://127.0.0.1:{server.server_port}/{name}"]
            seen = subprocess.run(line, capture_output=True, text=True, check=True, timeout=90)
        finally:
            server.shutdown()
            server.server_close()
        shown = dict(re.findall(r'id="([\w-]+)"[^>]*>([^<]*)<', seen.stdout))
        return shown, server.asked

    return run


CLICKS = """
at("play").click();
await until(() => page.frame?.step >= 20);
at("play").click();
await until(() => !page.frame.playing);
const step = page.frame.step;
at("step-d").click();
await later(300);
const afterD = page.frame.step - step;
at("step-g").click();
await until(() => page.frame.step > step);
at("preset").value = "collapse";
at("preset").onchange();
await until(() => page.frame.step === 0);
at("target").value = "drawn";
at("target").onchange();
const press = (key) => at("plane").onkeydown(new KeyboardEvent("keydown", { key }));
[" ", ...Array(9).fill("ArrowUp"), "Enter"].forEach(press);
await until(() => page.frame.step > 3);
const span = (k) => Math.max(...page.frame.real.filter((_, i) => i % 2 === k))
  - Math.min(...page.frame.real.filter((_, i) => i % 2 === k));
press("ArrowUp"); // begins another line
const again = page.line !== null && at("play").textContent === "Play";
at("target").value = "sine";
at("target").onchange();
const size = `${span(0).toFixed(1)} by ${span(1).toFixed(1)}`;
const left = page.line === null && at("drawing").hidden;
at("says").textContent = `D moved the count by ${afterD}, the line is ${size}; ${again}, ${left}`;
"""


def test_the_page_learns_one_step_or_many_and_takes_a_line_drawn_by_keys(played):
    shown, asked = played("sine.html", CLICKS)
    assert shown["says"] == "D moved the count by 0, the line is 0.0 by 0.9; true, true"
    assert shown["play"] == "Play" and shown["state"].startswith("Step ")
    own = {f"/{path.name}" for path in PLAY.glob("*.*")}
    assert {*asked} <= {*own, "/hold", "/done"} and len(asked) >= 8


MOVES = """
await until(() => at("state").textContent);
const seen = [at("state").textContent.split(",")[0]];
const ink = () => { const c = at("picture"); const all = c.getContext("2d")
  .getImageData(0, 0, c.width, c.height).data; return all.reduce((t, x) => t + x, 0); };
const first = ink();
at("keep-start").click();
const press = (key) => at("pad").onkeydown(new KeyboardEvent("keydown", { key }));
["ArrowUp", "ArrowRight"].forEach(press);
seen.push(at("state").textContent.slice(0, 11), ink() !== first);
at("keep-end").click();
at("walk").value = 0;
at("walk").oninput();
seen.push(ink() === first, at("walk").disabled);
at("truncation").value = 0;
at("truncation").oninput();
seen.push(/length 0.0/.test(at("state").textContent));
at("name").value = "faces";
at("name").onchange();
seen.push(at("picture").width);
at("says").textContent = seen.join("; ");
"""


def test_latent_space_is_walked_by_keys(played):
    shown, asked = played("explore.html", MOVES)
    assert shown["says"] == "At 0.0; At 0.1, 0.1; true; true; false; true; 64"
    assert {"/digits.js", "/faces.js"} <= {*asked}


OPENS = """
await until(() => at("state").textContent);
const content = bytesOf(WEIGHTS.digits);
delete WEIGHTS.digits; // as where the book is not
delete space.tensors.digits;
draw();
const seen = [at("open-field").offsetParent === null, at("file").textContent];
const open = (...parts) => openFile({ target: { files: [new Blob(parts)] } });
for (const parts of [["no generator"], [content.subarray(0, 9000)], [bytesOf(WEIGHTS.faces)]]) {
  await open(...parts);
  seen.push(at("says").textContent.slice(0, 12), at("open-field").offsetParent === null);
}
await open(content);
seen.push(at("open-field").offsetParent === null, at("says").textContent.slice(0, 4));
at("says").textContent = seen.join("; ");
"""


def test_outside_the_book_a_reader_opens_the_weights(played):
    shown, _ = played("explore.html", OPENS)
    refused = "This file is; false; " * 3
    assert shown["says"] == f"false; generators/digits.safetensors; {refused}true; Keep"


def test_pages_lead_nowhere_else_and_find_all_their_files():
    for path in PLAY.glob("*.*"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"https?:|//\w+\.\w", text), path.name
        for name in re.findall(r'(?:src|href)="([^"]+)"', text):
            written = name in ("data:,", "digits.js", "faces.js")  # the last two with the book
            assert written or (PLAY / name).is_file(), name
