"""The mean face of the built-in model has its features where photographs of people have them."""

import numpy as np
import pytest

from synth.models import load_model

# Points 17 to 21 and the middle of the right eye, (right, down) from the middle between the eyes, in interocular
# distances: the mean shape of photographs in dlib's `get_face_chip_details`, which has iBUG's points from 17 on.
BROW = np.array([(-0.926, -0.207), (-0.784, -0.335), (-0.584, -0.373), (-0.377, -0.343), (-0.183, -0.262)])


@pytest.mark.parametrize("side", ["right", "left"])
def test_brows_are_where_photographs_have_them(side):
    model = load_model("makehuman")
    points = model.landmarks(model.mean)[:, [0, 2]] * [1, -1]
    eyes = points[36:42].mean(axis=0), points[42:48].mean(axis=0)
    scaled = (points - (eyes[0] + eyes[1]) / 2) / np.linalg.norm(eyes[1] - eyes[0])
    ours = scaled[17:22] if side == "right" else scaled[26:21:-1] * [-1, 1]
    np.testing.assert_allclose(ours, BROW, atol=0.03)
