"""What an imported model lacks, supplied from the built-in one where it can be; and what that leaves."""

from dataclasses import replace

import numpy as np

from synth.models.bare import lacks
from synth.models.morphable import MorphableModel


def finished(model: MorphableModel, reference: MorphableModel) -> tuple[MorphableModel, dict[str, float]]:
    """The model with its gaps filled from a whole one, `lacks` and `supplied` set, and the fit's residuals (m).

    What the source does say stays as it was, class by class: of parts, only faces of unknown class are filled. Raises
    ValueError where the reference does not fit.
    """
    from synth.models.transfer import complete  # here: it needs scipy, which models without gaps do not

    before = _gaps(model, reference)
    if not before:
        return replace(model, lacks=model.lacks), {}
    known = model.part
    whole, residuals = complete(replace(model, part=np.zeros_like(known)) if (known == 0).any() else model, reference)
    whole = replace(whole, part=np.where(known != 0, known, whole.part))
    after = _gaps(whole, reference)
    lacking = (*model.lacks, *(name for name in after if name not in model.lacks))
    return replace(whole, lacks=lacking, supplied=tuple(name for name in before if name not in after)), residuals


def unfinished(model: MorphableModel, reference: MorphableModel) -> MorphableModel:
    """The model as its source has it, with all of its gaps named."""
    return replace(model, lacks=(*model.lacks, *(name for name in _gaps(model, reference) if name not in model.lacks)))


def _gaps(model: MorphableModel, reference: MorphableModel) -> tuple[str, ...]:
    """What the arrays show to be missing; parts of which some are known count as missing as well."""
    names = lacks(model, reference)
    return names if "parts" in names or not (model.part == 0).any() else (*names, "parts")
