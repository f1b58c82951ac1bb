"""Compare an answer with the right one and with common mistakes; the result is a `Verdict`."""

import math
import re
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from inspect import signature
from typing import Any

import torch
from torch import Tensor

from gan_utils.progress import WIDTH


class State(Enum):
    """What is known of an answer."""

    RIGHT = "right"
    UNANSWERED = "no answer yet"
    MISTAKE = "a mistake that the check knows"
    WRONG = "wrong in a way that the check does not know"
    NAN = "not a number"


@dataclass(frozen=True)
class Verdict:
    """What a check finds of the answer to an exercise; `print` shows it.

    Attributes:
        name: of the exercise.
        state: decides what follows from the answer.
        words: where to look, for the learner; nothing follows from them.
    """

    name: str
    state: State
    words: str = ""

    @property
    def right(self) -> bool:
        """Whether the answer is accepted."""
        return self.state is State.RIGHT

    @property
    def rejects(self) -> bool:
        """Whether there is an answer, and it is not accepted."""
        return self.state not in (State.RIGHT, State.UNANSWERED)

    def __str__(self) -> str:
        """Return the verdict in lines of at most 72 characters."""
        said = f"not yet: {self.words}" if self.rejects else self.state.value
        return textwrap.fill(f"{self.name}: {said}", WIDTH, subsequent_indent="    ")


def accepted(name: str) -> Verdict:
    """Accept the answer to an exercise."""
    return Verdict(name, State.RIGHT)


def unanswered(name: str) -> Verdict:
    """Say that there is no answer yet."""
    return Verdict(name, State.UNANSWERED)


def not_yet(name: str, look_at: str, state: State = State.MISTAKE) -> Verdict:
    """Reject an answer, with words on where to look."""
    return Verdict(name, state, look_at)


def check_answer(
    name: str,
    answer: Any,
    right: Any,
    mistakes: Mapping[str, Any] | None = None,
    *,
    tolerance: float = 0.01,
) -> Verdict:
    """Judge an answer: right, not given yet, or where to look.

    Args:
        name: of the exercise.
        answer: a number, or a tensor of any shape; None if there is
            none yet.
        right: the right one.
        mistakes: what to look at, and the answer of those who overlooked
            it.
        tolerance: relative to the right answer.
    """
    if answer is None:
        return unanswered(name)
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
        return accepted(name)
    for look_at, mistake in (mistakes or {}).items():
        if _alike(given, _numbers(mistake), tolerance):
            return not_yet(name, look_at)
    if given.isnan().any():
        return not_yet(name, "your answer is not a number (nan)", State.NAN)
    look_at = f"{_example(given, wanted, tolerance)}; the hint may help"
    return not_yet(name, look_at, State.WRONG)


def check_function(
    name: str,
    function: Callable[..., Any],
    right: Callable[..., Any],
    mistakes: Mapping[str, Callable[..., Any]] | None = None,
    *inputs: Any,
    tolerance: float = 0.01,
) -> Verdict:
    """Judge a function: it is given `inputs`, and what it returns is judged.

    Args:
        name: see `check_answer`.
        function: the learner's.
        right: one that is right.
        mistakes: what to look at, and the function of those who overlooked
            it.
        inputs: for all of them.
        tolerance: see `check_answer`.
    """
    if function is None:
        return unanswered(name)
    if not callable(function):
        return not_yet(name, f"a function is needed, not {function!r}")
    try:
        signature(function).bind(*inputs)
    except TypeError as error:
        return not_yet(name, f"your function does not take what it is given: {error}")
    # Copies: a function may change what it is given.
    given = function(*(x.clone() if isinstance(x, Tensor) else x for x in inputs))
    if given is None:
        return unanswered(name)
    known = {look_at: mistake(*inputs) for look_at, mistake in (mistakes or {}).items()}
    return check_answer(name, given, right(*inputs), known, tolerance=tolerance)


def check_names(name: str, given: Any, right: set[str], reasons: Mapping[str, str]) -> Verdict:
    """Judge a choice of names: right, not given yet, or where to look.

    Args:
        name: of the exercise.
        given: a set of names, or a string of them; None if there is no
            answer yet.
        right: the names that belong to the answer.
        reasons: for each name that may be chosen, what to look at.
    """
    if given is None:
        return unanswered(name)
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
    return accepted(name)


def show_rejections(check: Callable[..., Verdict], wrong: Sequence[tuple[Any, ...]]) -> None:
    """Give typical wrong answers to a check, and print what it says.

    Args:
        check: one of the checks of a lesson.
        wrong: for each, the answers, then words that must be said.

    Raises:
        AssertionError: a wrong answer is accepted, or is told something
            else.
    """
    for *answers, words in wrong:
        found = check(*answers)
        if not found.rejects or words not in found.words:
            raise AssertionError(f"{answers} is told {str(found)!r}, not {words!r}")
        print(found)


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
