"""A sky with its sun: light scattered in a clear or hazy atmosphere, clouds, an overcast, the ground and what stands on
the horizon. Arrays only; radiance in units of the sun's irradiance in space, linear RGB of a camera balanced for it.

The clear sky is the single scattering of Nishita et al. (SIGGRAPH 1993) by air, haze and ozone with the coefficients of
Hillaire (EGSR 2020), who also gives the approximation of all further scattering; the overcast one is CIE's.
"""

from dataclasses import dataclass

import numpy as np

from scenes.head.noise import fractal, hashed, smoothstep
from synth.geometry import dot, lengths, normalize
from synth.labels.light import environment_directions

Triple = tuple[float, float, float]

GROUND, TOP = 6.360e6, 6.460e6  # m, radii of the earth and of its atmosphere
NM = np.array([615.0, 550.0, 465.0])  # what sRGB's red, green and blue stand for
AIR = 13.558e-6 * (550 / NM) ** 4  # 1/m at sea level
OZONE = np.array([2.5e-6, 1.881e-6, 0.25e-6])  # 1/m at 25 km, absorbed
AIR_HEIGHT, HAZE_HEIGHT = 8000.0, 1200.0  # m
ANGSTROM = (NM / 550) ** -1.3  # of haze, by wavelength (Preetham et al. 1999)
HAZE_ABSORBED = 0.11  # over what it scatters
FORWARD = 0.76  # asymmetry of haze
OVERCAST_COLOR = np.array([0.96, 1.0, 1.05])
ELEVATIONS, AZIMUTHS = 24, 13  # of the table of the clear sky
GAP, SUN_FREE = 0.2, 0.03  # rad: of a skyline to each side of the sun, and below it
LIGHT_HW = (96, 192)  # of a drawn environment as it lights: it has no sun in it, and nothing smaller than a texel


@dataclass(frozen=True, slots=True, kw_only=True)
class SkySpec:
    """A sky whose sun stands over +x (world space)."""

    elevation: float  # rad, of the sun over the horizon
    turbidity: float  # optical depth of air and haze over the air's: 1.2 is clear, 3 common, 8 hazy
    clouds: float  # share of the sky that broken clouds cover
    overcast: float  # 0 is none, 1 hides the sun
    ground: Triple  # reflectance, linear RGB
    skyline: float  # rad, height of what stands around on the horizon
    buildings: bool  # or else trees
    seed: int  # of the clouds and the skyline


class Sky:
    """A sky that was computed: `sun` is its irradiance [3] on what faces it, `direction` [3] where it stands."""

    def __init__(self, spec: SkySpec) -> None:
        self.spec = spec
        self.direction = np.array([np.cos(spec.elevation), 0.0, np.sin(spec.elevation)])
        *tables, self._through = _clear_sky(spec.elevation, spec.turbidity)
        self._tables = np.concatenate(tables, axis=-1)
        upper = environment_directions((32, 64))[:16]
        area = (np.sin(np.pi / 32 * np.arange(16, 0, -1)) - np.sin(np.pi / 32 * np.arange(15, -1, -1)))[:, None, None]
        area = area * 2 * np.pi / 64
        clear = (self._clear(upper) * upper[..., 2:] * area).sum(axis=(0, 1))  # irradiance on the ground
        direct = self._through * self.direction[2]
        share = max(0.0, 1 - spec.overcast)
        hidden = float(self._cover(self.direction[None])[0])
        self.sun = self._through * share**2 * (1 - 0.97 * hidden)
        self._gray = 0.3 * float((clear + direct).mean()) * OVERCAST_COLOR  # irradiance under an overcast
        self._cloud = (0.55 * clear + 0.45 * direct) / np.pi  # radiance of a cloud's bright side
        sky = share * ((1 - 0.5 * spec.clouds) * clear + 0.5 * spec.clouds * np.pi * self._cloud)
        self._down = sky + spec.overcast * self._gray + self.sun * self.direction[2]

    def image(self) -> np.ndarray:
        """Float32 [H, W, 3], equirectangular, without the sun itself: what a lamp of its irradiance adds."""
        return self.radiance(environment_directions(LIGHT_HW)).astype(np.float32)

    def radiance(self, directions: np.ndarray) -> np.ndarray:
        """[..., 3] along unit world directions [..., 3], without the sun itself."""
        spec, up = self.spec, directions[..., 2]
        clear = self._clear(directions)
        cover = self._cover(directions)[..., None] if spec.clouds > 0 else 0.0
        sky = clear * (1 - cover) + cover * self._cloud * self._relief(directions)
        gray = self._gray / np.pi * 3 / 7 * (1 + 2 * np.maximum(up, 0))[..., None]  # CIE overcast sky
        sky = (1 - spec.overcast) * sky + spec.overcast * gray
        ground, solid = self._ground(directions)
        return sky * (1 - solid) + ground * solid

    def _clear(self, directions: np.ndarray) -> np.ndarray:
        """Radiance [..., 3] of the cloudless sky; below the horizon that of the horizon."""
        up = np.clip(directions[..., 2], 0, 1)
        row = np.sqrt(np.arcsin(up) / (np.pi / 2)) * (ELEVATIONS - 1)
        aside = np.arctan2(np.abs(directions[..., 1]), directions[..., 0]) / np.pi * (AZIMUTHS - 1)
        cosine = (directions @ self.direction)[..., None]
        rayleigh = 3 / (16 * np.pi) * (1 + cosine**2)
        g = FORWARD  # Cornette and Shanks (1992)
        mie = 3 / (8 * np.pi) * (1 - g * g) * (1 + cosine**2) / ((2 + g * g) * (1 + g * g - 2 * g * cosine) ** 1.5)
        air, haze, more = np.split(_looked_up(self._tables, row, aside), 3, axis=-1)
        return rayleigh * air + mie * haze + more

    def _cover(self, directions: np.ndarray) -> np.ndarray:
        """How much of the sky behind them clouds hide [...]."""
        if self.spec.clouds <= 0:
            return np.zeros(directions.shape[:-1])
        density = fractal(_cloud_plane(directions), self.spec.seed, octaves=5, gain=0.55)
        edge = 0.72 - 0.44 * self.spec.clouds
        return smoothstep(edge - 0.06, edge + 0.1, density) * smoothstep(0.0, 0.1, directions[..., 2])

    def _relief(self, directions: np.ndarray) -> np.ndarray:
        """[..., 1] brightness of clouds, brighter towards the sun."""
        form = fractal(_cloud_plane(directions) * 1.7, self.spec.seed + 91, octaves=4)
        near = np.exp(-8 * (1 - directions @ self.direction))
        return (0.45 + 0.9 * form + 0.6 * near)[..., None]

    def _ground(self, directions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Radiance [..., 3] of the ground and of what stands on it, and where they are seen [..., 1], 0 to 1."""
        spec, azimuth = self.spec, np.arctan2(directions[..., 1], directions[..., 0])
        elevation = np.arcsin(np.clip(directions[..., 2], -1, 1))
        top, look = _skyline(azimuth, elevation, spec)
        free = max(spec.elevation - SUN_FREE, 0.0)  # what stands around leaves the sun free, whose light is not in it
        top = np.minimum(top, free + 2 * smoothstep(GAP - 0.04, GAP, np.abs(azimuth)))
        soft = 0.004
        solid = smoothstep(-soft, soft, top - elevation)[..., None]
        lit = 0.5 + 0.5 * np.cos(azimuth - np.pi)  # the sun lights the side that faces it
        upright = (0.35 * self._down + 0.3 * self.sun * lit[..., None]) / np.pi
        standing = look * upright
        flat = normalize(directions[..., :2]) / np.maximum(np.tan(np.maximum(-elevation, 0.01)), 0.01)[..., None]
        patches = 0.7 + 0.6 * fractal(0.7 * flat, spec.seed + 7, octaves=6, gain=0.7)
        below = np.array(spec.ground) * patches[..., None] * self._down / np.pi
        return np.where(elevation[..., None] < 0, below, standing), solid


def _looked_up(table: np.ndarray, row: np.ndarray, column: np.ndarray) -> np.ndarray:
    """Bilinear values [..., n] of a table [R, C, n]."""
    r, c = np.minimum(row.astype(int), len(table) - 2), np.minimum(column.astype(int), table.shape[1] - 2)
    fr, fc = (row - r)[..., None], (column - c)[..., None]
    flat, at = table.reshape(-1, table.shape[2]), r * table.shape[1] + c
    near, far = (
        flat.take(start, axis=0) * (1 - fc) + flat.take(start + 1, axis=0) * fc for start in (at, at + table.shape[1])
    )
    return near * (1 - fr) + far * fr


def _cloud_plane(directions: np.ndarray) -> np.ndarray:
    """Where rays meet the clouds [..., 2], in sizes of a cloud."""
    return 1.3 * directions[..., :2] / np.maximum(directions[..., 2:] + 0.12, 0.02)


def _skyline(azimuth: np.ndarray, elevation: np.ndarray, spec: SkySpec) -> tuple[np.ndarray, np.ndarray]:
    """Height (rad) [...] of what stands on the horizon, and its reflectance [..., 3]."""
    around = np.stack([np.cos(azimuth), np.sin(azimuth)], axis=-1)
    if spec.buildings:
        block = np.floor(azimuth * 9 / np.pi + 0.7 * fractal(3 * around, spec.seed + 3, octaves=1))
        top = spec.skyline * (0.3 + 1.4 * hashed(spec.seed + 4, block))
        shade = 0.15 + 0.5 * hashed(spec.seed + 5, block)
        size = 60 + 120 * hashed(spec.seed + 14, block)  # windows per rad
        windows = (np.abs(azimuth * size % 1 - 0.5) < 0.3) & (np.abs(0.7 * elevation * size % 1 - 0.5) < 0.3)
        tone = np.stack([hashed(spec.seed + k, block) for k in (11, 12, 13)], axis=-1)
        return top, shade[..., None] * (0.9 + 0.2 * tone) * np.where(windows, 0.7, 1.0)[..., None]
    far = spec.skyline * (0.3 + 0.5 * fractal(3 * around, spec.seed + 3, octaves=2))
    near = spec.skyline * 2.6 * np.maximum(fractal(5 * around, spec.seed + 8, octaves=3) - 0.35, 0)
    rough = 0.8 + 0.4 * fractal(40 * around, spec.seed + 6, octaves=3)
    leaves = 0.3 + 1.4 * fractal(np.stack([50 * azimuth, 50 * elevation], axis=-1), spec.seed + 5, octaves=3)
    is_near = (elevation < near * rough)[..., None]
    look = np.where(is_near, [0.07, 0.10, 0.035], [0.10, 0.13, 0.09]) * leaves[..., None]
    return np.maximum(far, near) * rough, look


def _clear_sky(elevation: float, turbidity: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """What air and haze scatter towards the ground [ELEVATIONS, AZIMUTHS, 3] per unit of their phase functions, what
    has been scattered more than once, and what is left of the sun's light [3].
    """
    haze = (turbidity - 1) * AIR[1] * AIR_HEIGHT / HAZE_HEIGHT * ANGSTROM
    up = np.pi / 2 * np.linspace(0, 1, ELEVATIONS) ** 2
    aside = np.linspace(0, np.pi, AZIMUTHS)
    sun = np.array([np.cos(elevation), 0.0, np.sin(elevation)])
    ways = np.stack(
        np.broadcast_arrays(
            np.cos(up)[:, None] * np.cos(aside), np.cos(up)[:, None] * np.sin(aside), np.sin(up)[:, None]
        ),
        axis=-1,
    )
    start = np.array([0.0, 0.0, GROUND + 50.0])
    length = _to_top(np.broadcast_to(start, ways.shape), ways)
    edges = np.linspace(0, 1, 25) ** 2.5  # short steps near the ground, where the air is
    middle, step = 0.5 * (edges[1:] + edges[:-1]) * length[..., None], np.diff(edges) * length[..., None]
    places = start + middle[..., None] * ways[..., None, :]
    height = np.linalg.norm(places, axis=-1) - GROUND
    air, dust = _densities(height)
    here = _extinction(height, haze) * step[..., None]
    seen = np.exp(-(np.cumsum(here, axis=-2) - 0.5 * here))
    lit = _transmittance(places, sun, haze)
    again = _again(height, elevation, haze)
    weigh = lambda density: (seen * lit * density[..., None] * step[..., None]).sum(axis=-2)
    more = seen * again * (AIR * air[..., None] + haze * dust[..., None]) * step[..., None]
    return AIR * weigh(air), haze * weigh(dust), more.sum(axis=-2), _transmittance(start[None], sun, haze)[0]


def _densities(height: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of air and haze at heights (m), over those at sea level."""
    return np.exp(-height / AIR_HEIGHT), np.exp(-height / HAZE_HEIGHT)


def _extinction(height: np.ndarray, haze: np.ndarray) -> np.ndarray:
    """1/m [..., 3] at heights (m)."""
    air, dust = _densities(height)
    ozone = np.maximum(0, 1 - np.abs(height - 25e3) / 15e3)
    return AIR * air[..., None] + (1 + HAZE_ABSORBED) * haze * dust[..., None] + OZONE * ozone[..., None]


def _to_top(places: np.ndarray, ways: np.ndarray) -> np.ndarray:
    """m [...] from places [..., 3] along unit ways to the top of the atmosphere."""
    along = dot(places, ways)
    return np.sqrt(np.maximum(along**2 - dot(places, places) + TOP**2, 0)) - along


def _transmittance(places: np.ndarray, sun: np.ndarray, haze: np.ndarray) -> np.ndarray:
    """What is left [..., 3] at places of the light of the sun; nothing behind the earth."""
    ways = np.broadcast_to(sun, places.shape)
    edges = np.linspace(0, 1, 17) ** 2
    length = _to_top(places, ways)[..., None]
    middle, step = 0.5 * (edges[1:] + edges[:-1]) * length, np.diff(edges) * length
    there = places[..., None, :] + middle[..., None] * ways[..., None, :]
    height = lengths(there) - GROUND
    depth = (_extinction(np.maximum(height, 0), haze) * step[..., None]).sum(axis=-2)
    along, square = dot(places, ways), dot(places, places)
    behind = (along < 0) & (square - along**2 < GROUND**2)
    return np.where(behind[..., None], 0, np.exp(-depth))


def _again(height: np.ndarray, elevation: float, haze: np.ndarray) -> np.ndarray:
    """Radiance [..., 3] scattered twice or more at heights (m), from all sides alike (Hillaire, eq. 5 to 10)."""
    levels = np.array([50.0, 1e3, 3e3, 6e3, 12e3, 25e3, 50e3])
    sun = np.array([np.cos(elevation), 0.0, np.sin(elevation)])
    rows = np.linspace(-1, 1, 9)[:-1] + 0.125
    turn = np.arange(8) * np.pi / 4
    flat = np.sqrt(1 - rows**2)[:, None]
    ways = np.stack(np.broadcast_arrays(flat * np.cos(turn), flat * np.sin(turn), rows[:, None]), axis=-1)
    ways = ways.reshape(-1, 3)
    start = np.array([0.0, 0.0, 1.0]) * (GROUND + levels)[:, None, None]
    places, ways = np.broadcast_arrays(start, ways)
    along = places[..., 2] * ways[..., 2]
    below = along**2 - places[..., 2] ** 2 + GROUND**2
    hits = (ways[..., 2] < 0) & (below > 0)
    length = np.where(hits, -along - np.sqrt(np.maximum(below, 0)), _to_top(places, ways))
    edges = np.linspace(0, 1, 13) ** 1.5
    middle, step = 0.5 * (edges[1:] + edges[:-1]) * length[..., None], np.diff(edges) * length[..., None]
    points = places[..., None, :] + middle[..., None] * ways[..., None, :]
    up = np.maximum(lengths(points) - GROUND, 0)
    air, dust = _densities(up)
    scattered = (AIR * air[..., None] + haze * dust[..., None]) * step[..., None]
    here = _extinction(up, haze) * step[..., None]
    seen = np.exp(-(np.cumsum(here, axis=-2) - 0.5 * here))
    second = (seen * scattered * _transmittance(points, sun, haze)).sum(axis=-2) / (4 * np.pi)
    ends = places + length[..., None] * ways
    light = _transmittance(ends, sun, haze) * np.maximum(dot(normalize(ends), sun), 0)[..., None]
    second += np.where(hits[..., None], np.exp(-here.sum(axis=-2)) * light * 0.3 / np.pi, 0)
    onward = (seen * scattered).sum(axis=-2).mean(axis=1)
    level = second.mean(axis=1) / (1 - np.minimum(onward, 0.95))
    return np.stack([np.interp(height, levels, level[:, k]) for k in range(3)], axis=-1)
