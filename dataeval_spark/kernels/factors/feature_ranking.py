"""Order of features by the information that each adds: relevant to the label, and not redundant with a better one."""

from __future__ import annotations

from collections.abc import Mapping


def rank_features(
    relevance: Mapping[str, float], association: Mapping[tuple[str, str], float]
) -> list[tuple[str, float, str | None]]:
    """Greedy order by relevance minus the largest association with a feature that stands before.

    The mean redundancy of mRMR fades as features are added, so that a copy would overtake features that say little;
    with the largest one a copy stays behind them, however many there are.

    Parameters
    ----------
    relevance : mapping of str to float
        Share of the label, in [0, 1], of each feature.
    association : mapping of pair to float
        Association, in [0, 1], of each pair of features in one order.

    Returns
    -------
    list of tuple
        Feature, its largest association with a better one (0 for the first), and that one. Ties are ordered by name.

    References
    ----------
    Peng, Long and Ding (2005), "Feature selection based on mutual information", difference scheme.

    Examples
    --------
    >>> [name for name, *_ in rank_features({"a": 0.5, "b": 0.5, "c": 0.0}, {("a", "b"): 1.0})]
    ['a', 'c', 'b']
    """
    redundancy: dict[str, tuple[float, str | None]] = dict.fromkeys(relevance, (0.0, None))
    ranking = []
    while redundancy:
        best = min(redundancy, key=lambda name: (redundancy[name][0] - relevance[name], name))
        ranking.append((best, *redundancy.pop(best)))
        for name, (largest, _) in list(redundancy.items()):
            overlap = association.get((best, name), association.get((name, best), 0.0))
            if overlap > largest:
                redundancy[name] = (overlap, best)
    return ranking
