"""Which passes of a dataset somebody wants, and what to say when it lacks them."""

from collections.abc import Iterable
from difflib import get_close_matches

from synth.passes import PASSES


def chosen_passes(wanted: str | Iterable[str], there: tuple[str, ...]) -> tuple[str, ...]:
    """`wanted`, each of them once, if all are `there`; one name may stand alone.

    ValueError names those that are not: near matches of a misspelt one, the config key that renders a known one.
    """
    names = tuple(dict.fromkeys([wanted] if isinstance(wanted, str) else wanted))
    missing = [name for name in names if name not in there]
    if missing:
        raise ValueError("; ".join(_way_out(name, there) for name in missing))
    return names


def _way_out(name: object, there: tuple[str, ...]) -> str:
    if name in PASSES:
        return f"the dataset has no {name}; render one that has, with 'output.passes=[default,{name}]'"
    near = get_close_matches(str(name), [*there, *(last for full in there for last in full.split("/")[1:])], cutoff=0.5)
    full = dict.fromkeys(next(n for n in there if n == match or n.endswith(f"/{match}")) for match in near)
    meant = f"did you mean {' or '.join(full)}? " if full else ""
    return f"there is no pass {name!r}; {meant}the dataset has {', '.join(there)}"
