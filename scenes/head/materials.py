"""What eyes and worn things do with light. Node trees only; bpy itself stays behind synth.blender."""

from typing import Any

from synth.blender.materials import attribute, math, new_material, node, surface_output
from synth.models.eyeball import EyeShape

ALBEDO, REST, ENAMEL = "albedo", "rest", "enamel"  # point attributes of the skin, see build
OTHER, MARKS = "other", "marks"  # of jewellery and headphones, and of headwear and masks, see dress
RIBS = 64.0  # around a knitted cap
CORNEA_IOR = 1.376


def eye_material(shape: EyeShape):
    """The eyeball under its cornea: sclera, and iris and pupil in the plane where the refracted ray finds them.

    Object space is eye space (synth.models.eyeball). The nodes "Iris" and "Pupil" hold what `build` sets.
    """
    material = new_material("eye")
    tree = material.node_tree
    place = node(tree, "TexCoord").outputs["Object"]
    flat, radius = _iris_plane(tree, place, shape)
    color = _eye_color(tree, flat, radius)
    shader = node(
        tree,
        "BsdfPrincipled",
        {
            "Base Color": color,
            "Roughness": 0.35,
            "Subsurface Weight": 0.15,
            "Subsurface Radius": (1.0, 0.4, 0.3),
            "Subsurface Scale": 0.002,
            "Specular IOR Level": 0.0,
            "Coat Weight": 1.0,
            "Coat Roughness": 0.02,
            "Coat IOR": CORNEA_IOR,
        },
    )
    surface_output(material, shader.outputs[0], color)
    return material


def _iris_plane(tree, place, shape: EyeShape):
    """Where the view ray, refracted by the cornea, meets the iris's plane: the point and its radius / limbus."""
    geometry = node(tree, "NewGeometry")
    to_eye = lambda socket, kind: node(
        tree, "VectorTransform", {0: socket}, vector_type=kind, convert_from="WORLD", convert_to="OBJECT"
    ).outputs[0]
    normal = to_eye(geometry.outputs["Normal"], "NORMAL")
    toward = node(tree, "VectorMath", {0: to_eye(geometry.outputs["Incoming"], "NORMAL"), 1: (-1, -1, -1)})
    toward.operation = "MULTIPLY"
    ray = node(tree, "VectorMath", {0: toward.outputs[0], 1: normal}, operation="REFRACT")
    ray.inputs["Scale"].default_value = 1 / CORNEA_IOR
    along = node(tree, "SeparateXYZ", {0: ray.outputs[0]}).outputs[1]
    depth = math(tree, "SUBTRACT", -shape.iris_plane, node(tree, "SeparateXYZ", {0: place}).outputs[1])
    reach = math(tree, "MAXIMUM", math(tree, "DIVIDE", depth, math(tree, "MAXIMUM", along, 0.05)), 0.0)
    step = node(tree, "VectorMath", {0: ray.outputs[0]}, operation="SCALE")
    tree.links.new(reach, step.inputs["Scale"])
    point = node(tree, "VectorMath", {0: place, 1: step.outputs[0]}, operation="ADD").outputs[0]
    flat = node(tree, "VectorMath", {0: point, 1: (1 / shape.limbus, 0, 1 / shape.limbus)}, operation="MULTIPLY")
    flat = flat.outputs[0]
    return flat, node(tree, "VectorMath", {0: flat}, operation="LENGTH").outputs["Value"]


def _eye_color(tree, flat, radius):
    """Pupil, iris with fibres and a darker rim, sclera that reddens away from it."""
    iris = node(tree, "RGB", name="Iris").outputs[0]
    pupil = node(tree, "Value", name="Pupil").outputs[0]
    around = node(tree, "VectorMath", {0: flat}, operation="NORMALIZE").outputs[0]
    fibres = node(tree, "TexNoise", {"Vector": _polar(tree, around, radius), "Scale": 9.0, "Detail": 3.0}).outputs[
        "Factor"
    ]
    shade = math(tree, "MULTIPLY", math(tree, "MULTIPLY_ADD", fibres, 1.6, 0.2), _ramp(tree, radius, 1.04, 0.78))
    colored = node(tree, "VectorMath", {0: iris, 1: shade}, operation="MULTIPLY").outputs[0]
    open_ = _ramp(tree, math(tree, "SUBTRACT", radius, pupil), 0.0, 0.05)
    dark = node(tree, "VectorMath", {0: colored, 1: open_}, operation="MULTIPLY").outputs[0]
    sclera = _mix(tree, _ramp(tree, radius, 1.0, 2.6), (0.60, 0.53, 0.49), (0.54, 0.35, 0.31))
    return _mix(tree, _ramp(tree, radius, 0.97, 1.06), dark, sclera)


def _polar(tree, around, radius):
    """Coordinates that run slowly along a radius and fast around it, for fibres."""
    slow = math(tree, "MULTIPLY", radius, 0.25)
    ring = node(tree, "VectorMath", {0: around, 1: (1.5, 0.0, 1.5)}, operation="MULTIPLY").outputs[0]
    lift = node(tree, "CombineXYZ", {1: slow}).outputs[0]
    return node(tree, "VectorMath", {0: ring, 1: lift}, operation="ADD").outputs[0]


def _ramp(tree, value, low: float, high: float):
    """0 at `low`, 1 at `high` (low may be the greater), smooth between."""
    made = node(tree, "MapRange", {0: value, 1: low, 2: high, 3: 0.0, 4: 1.0}, interpolation_type="SMOOTHSTEP")
    if low > high:
        made.inputs[1].default_value, made.inputs[2].default_value = high, low
        made.inputs[3].default_value, made.inputs[4].default_value = 1.0, 0.0
    return made.outputs[0]


def _mix(tree, factor, a, b):
    """a where factor is 0, b where it is 1; colours or sockets."""
    made = node(tree, "Mix", data_type="RGBA")
    tree.links.new(factor, made.inputs["Factor"])
    for socket, value in ((made.inputs[6], a), (made.inputs[7], b)):
        if isinstance(value, tuple):
            socket.default_value = (*value, 1)
        else:
            tree.links.new(value, socket)
    return made.outputs[2]


def frame_material():
    """Plastic or metal, by the nodes "Color", "Metallic" and "Roughness".

    Its trace of subsurface light is there for the bytes: into a mesh without any, a persistent session now and
    then bakes the object's matrix and now and then does not, and normals are one rounding apart.
    """
    material = new_material("glasses")
    tree = material.node_tree
    color = node(tree, "RGB", name="Color").outputs[0]
    inputs: dict[str | int, Any] = {"Base Color": color, "Subsurface Weight": 0.05, "Subsurface Scale": 0.001}
    inputs |= {key: node(tree, "Value", name=key).outputs[0] for key in ("Metallic", "Roughness")}
    shader = node(tree, "BsdfPrincipled", inputs | {"Coat Weight": 0.3, "Coat Roughness": 0.1})
    surface_output(material, shader.outputs[0], color, part="glasses")
    return material


def jewel_material(name: str, part: str):
    """Metal and stone, or two plastics: the nodes "Color", "Metallic" and "Roughness", and "Other" ones where OTHER
    is 1; with a trace of subsurface, as frames have.
    """
    material = new_material(name)
    tree = material.node_tree
    other = attribute(tree, OTHER).outputs["Fac"]
    color = _mix(tree, other, *(node(tree, "RGB", name=key).outputs[0] for key in ("Color", "Other Color")))
    inputs: dict[str | int, Any] = {"Base Color": color, "Subsurface Weight": 0.05, "Subsurface Scale": 0.0005}
    for key in ("Metallic", "Roughness"):
        first, second = (node(tree, "Value", name=each).outputs[0] for each in (key, f"Other {key}"))
        inputs[key] = math(tree, "MULTIPLY_ADD", math(tree, "SUBTRACT", second, first), other, first)
    shader = node(tree, "BsdfPrincipled", inputs | {"Coat Weight": 0.3, "Coat Roughness": 0.1})
    surface_output(material, shader.outputs[0], color, part=part)
    return material


def headwear_material(name: str, part: str):
    """Cloth or plastic by the nodes "Color", "Roughness", "Coat" and "Knit", by REST (m), with a ribbon or hem of the
    colour "Trim" where the first of MARKS (m) is below "Band", and seams by the second; subsurface as in frames.
    """
    material = new_material(name)
    tree = material.node_tree
    rest, marks = (attribute(tree, key).outputs["Vector"] for key in (REST, MARKS))
    above, beside, below_top = node(tree, "SeparateXYZ", {0: marks}).outputs
    roughness, coat, knit, band = (
        node(tree, "Value", name=key).outputs[0] for key in ("Roughness", "Coat", "Knit", "Band")
    )
    ribbon, seam = math(tree, "LESS_THAN", above, band), _ramp(tree, beside, 0.0015, 0.0003)
    plain = _mix(tree, ribbon, *(node(tree, "RGB", name=key).outputs[0] for key in ("Color", "Trim")))
    shade = math(tree, "MULTIPLY_ADD", seam, -0.3, 1.0)
    color = node(tree, "VectorMath", {0: plain, 1: shade}, operation="MULTIPLY").outputs[0]
    soft = math(tree, "MULTIPLY", math(tree, "SUBTRACT", 1.0, coat), 2.0)
    wrinkles = node(tree, "TexNoise", {"Vector": rest, "Scale": 22.0, "Detail": 1.0}).outputs["Factor"]
    weave = node(tree, "TexNoise", {"Vector": rest, "Scale": 700.0}).outputs["Factor"]
    height = math(
        tree, "MULTIPLY_ADD", math(tree, "MULTIPLY", weave, knit), 0.5, math(tree, "MULTIPLY", wrinkles, soft)
    )
    height = math(tree, "MULTIPLY_ADD", _ribs(tree, rest, below_top), math(tree, "POWER", knit, 2.0), height)
    height = math(tree, "ADD", math(tree, "SUBTRACT", height, seam), math(tree, "MULTIPLY", ribbon, 0.8))
    bump = node(tree, "Bump", {"Strength": 1.0, "Distance": 0.001, "Height": height})
    inputs: dict[str | int, Any] = {"Base Color": color, "Subsurface Weight": 0.05, "Subsurface Scale": 0.001}
    inputs |= {"Roughness": roughness, "Coat Weight": coat, "Coat Roughness": 0.08, "Normal": bump.outputs[0]}
    surface_output(material, node(tree, "BsdfPrincipled", inputs).outputs[0], color, part=part)
    return material


def _ribs(tree, rest, below_top):
    """0 to 1: knitted ribs down from the top of a head, where they fade away, for there they would be too narrow."""
    x, y, _ = node(tree, "SeparateXYZ", {0: rest}).outputs
    wave = math(tree, "SINE", math(tree, "MULTIPLY", math(tree, "ARCTAN2", y, x), RIBS))
    return math(tree, "MULTIPLY", math(tree, "MULTIPLY_ADD", wave, 0.5, 0.5), _ramp(tree, below_top, 0.03, 0.09))
