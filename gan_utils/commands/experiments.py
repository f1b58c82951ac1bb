"""Run an experiment that takes hours, and keep its results."""

import argparse
from collections import defaultdict
from pathlib import Path
from statistics import median
from typing import Any

import torch
from joblib import Parallel, cpu_count, delayed
from tqdm import tqdm

from gan_utils.data.digits import DIGIT_SOURCES
from gan_utils.data.downloads import PROJECT
from gan_utils.runtime import pick_device
from gan_utils.scores.experiments import EXPERIMENTS, trials
from gan_utils.scores.trials import Trial, run_trial

RESULTS = PROJECT / "notebooks" / "results"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say which arguments the command takes."""
    lines = (f"{name}: {rows.__doc__.splitlines()[0]}" for name, rows in EXPERIMENTS.items())
    parser.add_argument("name", choices=EXPERIMENTS, metavar="NAME", help="  ".join(lines))
    parser.add_argument("--rows", nargs="+", help="only these rows of the experiment")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    sources = [source for source in DIGIT_SOURCES if source != "auto"]
    parser.add_argument("--source", choices=sources, default="mnist", help="of the images")
    parser.add_argument("--device", help="otherwise GAN_UTILS_DEVICE, else the best one here")
    parser.add_argument("--jobs", type=int, default=1, help="trainings side by side")
    parser.add_argument("--folder", type=Path, default=RESULTS, help="where the results are kept")


def run(arguments: argparse.Namespace) -> None:
    """Run the trainings that have no result yet, then print a table of all.

    Raises:
        ValueError: a row does not exist, or `--jobs` is below 1.
    """
    if arguments.jobs < 1:
        raise ValueError(f"--jobs is {arguments.jobs}; it must be at least 1")
    device = torch.device(arguments.device) if arguments.device else pick_device()
    chosen = trials(arguments.name, arguments.seeds, arguments.source)
    if unknown := set(arguments.rows or ()) - {trial.row for trial in chosen}:
        names = ", ".join(dict.fromkeys(trial.row for trial in chosen))
        raise ValueError(f"{arguments.name} has no row {', '.join(unknown)}; choose from {names}")
    chosen = [trial for trial in chosen if not arguments.rows or trial.row in arguments.rows]
    threads = max(1, min(torch.get_num_threads(), cpu_count() // arguments.jobs))
    work = (delayed(_one)(trial, arguments.folder, device, threads) for trial in chosen)
    running = Parallel(arguments.jobs, return_as="generator_unordered")(work)
    results = list(tqdm(running, arguments.name, len(chosen), unit="training"))
    print_table(results)


def _one(trial: Trial, folder: Path, device: torch.device, threads: int) -> dict[str, Any]:
    torch.set_num_threads(threads)
    return run_trial(trial, folder, device)


def print_table(results: list[dict[str, Any]]) -> None:
    """Print the median and the worst Fréchet distance of each row, for both sets of weights."""
    rows = defaultdict(list)
    for result in results:
        rows[result["row"]].append(result)
    print(f"{'Fréchet distance':38} steps seeds  trained (worst)  averaged (worst)")
    for row, found in rows.items():
        last = [result["curve"][-1] for result in found]
        columns = []
        for weights in ("trained", "averaged"):
            distances = [point[weights]["frechet"] for point in last]
            columns += [f"{median(distances):9.1f} {f'({max(distances):.1f})':8}"]
        print(f"{row:38}{found[0]['steps']:6,}{len(found):6}" + "".join(columns))
