"""The result in plain words."""

from fanin.comparison.result import ArmResult, Comparison


def verdict(result: Comparison) -> str:
    """Say which arm won, whether beyond the noise, and which never learned and why.

    Parameters
    ----------
    result : Comparison
        The result.

    Returns
    -------
    str
        A few sentences.
    """
    learned = [arm for arm in result.ranked if not arm.never_learned]
    sentences = []
    if not learned:
        sentences.append("No arm does better than guessing.")
    elif len(result.arms) == 1:
        sentences.append(f"{learned[0].label} reached {_accuracy(learned[0])}.")
    elif len(learned) == 1:
        sentences.append(f"{learned[0].label} alone learned: {_accuracy(learned[0])}.")
    else:
        sentences += _ranking(result, learned)
    sentences += [_never_learned(arm) for arm in result.arms if arm.never_learned]
    sentences += [_diverged(arm) for arm in result.arms if arm.diverged and not arm.never_learned]
    return " ".join(sentences)


def _ranking(result: Comparison, learned: list[ArmResult]) -> list[str]:
    best, seeds = learned[0], len(result.settings.seeds)
    if seeds == 1:
        return [
            f"{best.label} came first with {_accuracy(best)}; one seed cannot tell a difference "
            "from luck."
        ]
    tied = [arm for arm in learned[1:] if not result.behind_best(arm).excludes_zero()]
    beaten = [arm for arm in learned[1:] if result.behind_best(arm).excludes_zero()]
    gaps = [f"{arm.label} by {result.behind_best(arm)}" for arm in beaten]
    if not tied:
        return [
            f"{best.label} won with {_accuracy(best)}, beyond the noise: it leads {_list(gaps)}."
        ]
    first = f"{best.label} came first with {_accuracy(best)}, but its lead on "
    first += _list([f"{arm.label} ({result.behind_best(arm)})" for arm in tied])
    sentences = [f"{first} is within the noise of {seeds} seeds."]
    if beaten:
        sentences.append(f"Beyond the noise it leads {_list(gaps)}.")
    return sentences


def _never_learned(arm: ArmResult) -> str:
    what = f"{arm.label} never learned ({arm.test_accuracy.mean:.4f}: no better than guessing)"
    if arm.reason:
        return f"{what}, because {arm.reason}."
    if arm.diverged:
        return f"{what}, because it diverged."
    return f"{what}."


def _diverged(arm: ArmResult) -> str:
    if len(arm.trials) == 1:
        return f"{arm.label} diverged."
    return f"{arm.label} diverged in {arm.diverged} of {len(arm.trials)} trials."


def _accuracy(arm: ArmResult) -> str:
    return f"a test accuracy of {arm.test_accuracy}"


def _list(items: list[str]) -> str:
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"
