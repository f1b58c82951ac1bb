"""Compare an answer with the right one, and with those of people who overlooked something."""

import math
import re
import textwrap
from collections.abc import Callable, Mapping, Sequence
from inspect import signature
from typing import Any

import torch
from torch import Tensor

from gan_utils.progress import WIDTH

RIGHT, UNANSWERED = "right", "no answer yet"


def verdict(name: str, words: str) -> str:
    """Return what is said about the answer to an exercise, in lines of at most 72 characters."""
    return textwrap.fill(f"{name}: {words}", WIDTH, subsequent_indent="    ")


def not_yet(name: str, look_at: str) -> str:
    """Return what is said about an answer that is not right, with what to look at."""
    return verdict(name, f"not yet: {look_at}")


def is_right(said: str) -> bool:
    """Tell whether a verdict accepts the answer."""
    return said.endswith(f": {RIGHT}")


def judge(
    name: str,
    answer: Any,
    right: Any,
    slips: Mapping[str, Any] | None = None,
    *,
    tolerance: float = 0.01,
) -> str:
    """Return one line about an answer: right, not given yet, or where to look.

    Args:
        name: of the exercise.
        answer: a number, or a tensor of any shape; None if there is
            none yet.
        right: the right one.
        slips: what to look at, and the answer of those who overlooked
            it.
        tolerance: relative to the right answer.
    """
    if answer is None:
        return verdict(name, UNANSWERED)
    try:
        given, wanted = _numbers(answer), _numbers(right)
    except (TypeError, ValueError, RuntimeError):
        return not_yet(name, f"numbers are needed, not {answer!r}")
    if wanted.ndim == 0 and given.numel() == 1:
        given = given.reshape(())
    if given.shape != wanted.shape and wanted.ndim == 0:
        return not_yet(name, f"one number is needed; yours has the shape {tuple(given.shape)}")
    if given.shape != wanted.shape:
        shapes = f"the shape {tuple(given.shape)}, not {tuple(wanted.shape)}"
        return not_yet(name, f"your answer has {shapes}")
    if _alike(given, wanted, tolerance):
        return verdict(name, RIGHT)
    for look_at, slip in (slips or {}).items():
        if _alike(given, _numbers(slip), tolerance):
            return not_yet(name, look_at)
    if given.isnan().any():
        return not_yet(name, "your answer is not a number (nan)")
    return not_yet(name, f"{_example(given, wanted, tolerance)}; the hint may help")


def judge_function(
    name: str,
    function: Callable[..., Any],
    right: Callable[..., Any],
    slips: Mapping[str, Callable[..., Any]] | None = None,
    *inputs: Any,
    tolerance: float = 0.01,
) -> str:
    """Return one line about a function: it is given `inputs`, and what it returns is judged.

    Args:
        name: see `judge`.
        function: the learner's.
        right: one that is right.
        slips: what to look at, and the function of those who overlooked
            it.
        inputs: for all of them.
        tolerance: see `judge`.
    """
    if function is None:
        return verdict(name, UNANSWERED)
    if not callable(function):
        return not_yet(name, f"a function is needed, not {function!r}")
    try:
        signature(function).bind(*inputs)
    except TypeError as error:
        return not_yet(name, f"your function does not take what it is given: {error}")
    # Copies: a function may change what it is given.
    given = function(*(x.clone() if isinstance(x, Tensor) else x for x in inputs))
    expected = None if given is None else right(*inputs)
    known = {} if given is None else {look: slip(*inputs) for look, slip in (slips or {}).items()}
    return judge(name, given, expected, known, tolerance=tolerance)


def judge_names(name: str, given: Any, right: set[str], reasons: Mapping[str, str]) -> str:
    """Return one line about a choice of names: right, not given yet, or where to look.

    Args:
        name: of the exercise.
        given: a set of names, or a string of them; None if there is no
            answer yet.
        right: the names that belong to the answer.
        reasons: for each name that may be chosen, what to look at.
    """
    if given is None:
        return verdict(name, UNANSWERED)
    try:
        chosen = set(re.findall(r"\w+", given) if isinstance(given, str) else given)
    except TypeError:
        return not_yet(name, f"a set of names is needed, not {given!r}")
    unknown = sorted(map(str, chosen - set(reasons)))
    if unknown:
        return not_yet(name, f"{unknown[0]!r} is not among {', '.join(reasons)}")
    for one, reason in reasons.items():
        if (one in chosen) != (one in right):
            said = "is in your set" if one in chosen else "is missing"
            return not_yet(name, f"{one!r} {said}: {reason}")
    return verdict(name, RIGHT)


def show_rejections(check: Callable[..., str], wrong: Sequence[tuple[Any, ...]]) -> None:
    """Give typical wrong answers to a check, and print what it says.

    Args:
        check: one of the checks of a lesson.
        wrong: for each, the answers, then words that must be said.

    Raises:
        AssertionError: a wrong answer is accepted, or is told something
            else.
    """
    for *answers, words in wrong:
        said = check(*answers)
        if "not yet" not in said or words not in " ".join(said.split()):
            raise AssertionError(f"{answers} is told {said!r}, not {words!r}")
        print(said)


def _numbers(answer: Any) -> Tensor:
    numbers = torch.as_tensor(answer).detach().cpu()
    if numbers.is_complex():
        raise TypeError("no place in a plane is asked for")
    return numbers.double()


def _alike(given: Tensor, other: Tensor, tolerance: float) -> bool:
    if given.shape != other.shape:
        return False
    size = max(other.abs().max().item(), 1e-12) if other.numel() else 1.0
    return bool(torch.allclose(given, other, rtol=tolerance, atol=1e-6 * size))


def _example(given: Tensor, wanted: Tensor, tolerance: float) -> str:
    """Say what was given, briefly: of several numbers the first that is not right."""
    if given.numel() == 1:
        value = given.item()
        return f"it is not {value:.4g}" if math.isfinite(value) else f"{value} is no answer"
    pairs = zip(given.flatten(), wanted.flatten(), strict=True)
    places = [place for place, pair in enumerate(pairs) if not _alike(*pair, tolerance)]
    first = places[0] if places else 0
    return f"number {first + 1} of {given.numel():,}, {given.flatten()[first]:.4g}, is not right"
