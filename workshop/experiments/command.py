"""Run an experiment that takes hours, and keep its results."""

import argparse
from pathlib import Path

import torch
from joblib import Parallel, cpu_count, delayed
from tqdm import tqdm

from gan_utils.runtime import pick_device
from gan_utils.scores.results import RESULTS, Result, print_results
from gan_utils.settings import require_folder
from workshop.experiments.definitions import EXPERIMENTS, trials
from workshop.experiments.trials import Trial, run_trial

EXAMPLE = "experiments faces-modern --seeds 1 --jobs 2"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say which arguments the command takes."""
    described = ((name, each.rows.__doc__) for name, each in EXPERIMENTS.items())
    lines = (f"{name}: {' '.join(text.split())}" for name, text in described)
    parser.add_argument("name", choices=EXPERIMENTS, metavar="NAME", help="  ".join(lines))
    parser.add_argument("--rows", nargs="+", help="only these rows of the experiment")
    parser.add_argument("--seeds", type=int, nargs="+", default=(), help="otherwise the usual ones")
    sources = dict.fromkeys(name for each in EXPERIMENTS.values() for name in each.sources)
    parser.add_argument("--source", choices=sources, help="what is learned from")
    parser.add_argument("--device", help="otherwise GAN_UTILS_DEVICE, else the best one here")
    parser.add_argument("--jobs", type=int, default=1, help="trainings side by side")
    parser.add_argument("--folder", type=Path, default=RESULTS, help="where the results are kept")


def run(arguments: argparse.Namespace) -> None:
    """Run the training runs that have no result yet, then print a table of all.

    Raises:
        RuntimeError: the device asked for is not here.
        ValueError: a row does not exist, or `--jobs` is below 1.
    """
    if arguments.jobs < 1:
        raise ValueError(f"--jobs is {arguments.jobs}; it must be at least 1")
    require_folder(**{"--folder": arguments.folder})
    device = pick_device(arguments.device)
    chosen = trials(arguments.name, arguments.seeds, arguments.source)
    if unknown := set(arguments.rows or ()) - {trial.row for trial in chosen}:
        names, wrong = ("; ".join(rows) for rows in (dict.fromkeys(t.row for t in chosen), unknown))
        raise ValueError(f"{arguments.name} has no row {wrong}; choose from: {names}")
    chosen = [trial for trial in chosen if not arguments.rows or trial.row in arguments.rows]
    threads = max(1, min(torch.get_num_threads(), cpu_count() // arguments.jobs))
    # Lessons read what lies in the folder itself: results on other data have folders of their own.
    usual = (None, EXPERIMENTS[arguments.name].sources[0])
    folder = arguments.folder / ("" if arguments.source in usual else arguments.source)
    work = (delayed(_one)(trial, folder, device, threads) for trial in chosen)
    running = Parallel(arguments.jobs, return_as="generator_unordered")(work)
    results = list(tqdm(running, arguments.name, len(chosen), unit="training"))
    rows: dict[str, list[Result]] = {}
    for result in results:
        rows.setdefault(result["row"], []).append(result)
    for score in EXPERIMENTS[arguments.name].scores:
        print_results(rows, score)


def _one(trial: Trial, folder: Path, device: torch.device, threads: int) -> Result:
    torch.set_num_threads(threads)
    return run_trial(trial, folder, device)
