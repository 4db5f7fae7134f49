"""The colour of skin from what is in it: melanin over blood over a scattering dermis, wavelength by wavelength.

Light crosses the epidermis, where melanin absorbs, is scattered back by the dermis, where blood absorbs (Kubelka and
Munk), and crosses the epidermis again; what meets the surface from below is partly sent back
(Saunderson). The surface's own gloss is not in it: the result is diffuse reflectance. In numpy.
"""

import numpy as np

NM = np.arange(400.0, 701.0, 10.0)
# Molar extinction of oxygenated and deoxygenated haemoglobin at NM, 1/cm per mol/l: compiled by Scott Prahl (omlc.org).
OXYGENATED = np.array(
    [
        *(266232, 466840, 480360, 246072, 102580, 62816, 44480, 33209.2, 26629.2, 23684.4, 20932.8),
        *(20035.2, 24202.4, 39956.8, 53236, 43016, 32613.2, 44496, 50104, 14400.8, 3200, 1506, 942),
        *(610, 442, 368, 319.6, 294, 277.6, 276, 290),
    ]
)
DEOXYGENATED = np.array(
    [
        *(223296, 303956, 407560, 528600, 413280, 103292, 23388.8, 16156.4, 14550, 16684, 20862),
        *(25773.6, 31589.6, 39036.4, 46592, 53412, 53788, 45072, 37020, 28324.4, 14677.2, 9443.6, 6509.6),
        *(5148.8, 4345.2, 3750.12, 3226.56, 2795.12, 2407.92, 2051.96, 1794.28),
    ]
)
PER_MM = 2.303 * 150 / 64500 / 10  # absorption of whole blood, 150 g/l, per molar extinction, 1/mm
# 1/mm: C. Donner and H. W. Jensen, "A spectral BSSRDF for shading human skin", 2006; eumelanin is Jacques' melanosome.
EUMELANIN, PHEOMELANIN = 6.6e10 * NM**-3.33, 2.9e14 * NM**-4.75
BASELINE = 0.0244 + 8.53 * np.exp(-(NM - 154) / 66.2)  # 1/mm, skin without either: S. L. Jacques, "Skin optics", 1998
SCATTERING = 6.9 * (NM / 500) ** -2.2  # 1/mm, reduced: of the skins in S. L. Jacques, Phys. Med. Biol. 58 (2013)
YELLOW = np.exp(-(((NM - 455) / 38) ** 2))  # carotenoids and bilirubin: one band in the blue, of height 1
MELANIN_RANGE = (0.002, 0.43)  # volume of the epidermis that is melanosomes: 1.3 to 43 % (Jacques 1998), and paler
BLOOD_RANGE = (0.002, 0.07)  # volume of the dermis that is blood (Jacques 2013; Donner and Jensen)
OXYGEN_RANGE = (0.4, 0.98)
THICKNESS = 0.09  # mm of epidermis; diffuse light goes through twice as much, once in and once out
OUTSIDE, INSIDE = 0.03, 0.53  # share of light that the surface sends back, from either side, at an index of 1.4
ABOVE = 0.02  # scattered back by what lies above the melanin
# CIE standard illuminant D65 at NM.
D65 = np.array(
    [
        *(82.75, 91.49, 93.43, 86.68, 104.87, 117.01, 117.81, 114.86, 115.92, 108.81, 109.35),
        *(107.80, 104.79, 107.69, 104.41, 104.05, 100.0, 96.33, 95.79, 88.69, 90.01, 89.60, 87.70),
        *(83.29, 83.70, 80.03, 80.21, 82.28, 78.28, 69.72, 71.61),
    ]
)
XYZ_FROM_RGB = np.array(  # IEC 61966-2-1, linear sRGB
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)


def _rgb_of_bands() -> np.ndarray:
    """[bands, 3]: linear sRGB under D65 of a reflectance at NM; a perfect reflector is (1, 1, 1).

    The colour matching functions are the analytic ones of Wyman, Sloan and Shirley (2013).
    """
    lobe = lambda mean, below, above: np.exp(-0.5 * ((NM - mean) / np.where(mean > NM, below, above)) ** 2)
    x = 1.056 * lobe(599.8, 37.9, 31.0) + 0.362 * lobe(442.0, 16.0, 26.7) - 0.065 * lobe(501.1, 20.4, 26.2)
    y = 0.821 * lobe(568.8, 46.9, 40.5) + 0.286 * lobe(530.9, 16.3, 31.1)
    z = 1.217 * lobe(437.0, 11.8, 36.0) + 0.681 * lobe(459.0, 26.0, 13.8)
    xyz = D65[:, None] * np.stack([x, y, z], axis=-1)
    xyz *= XYZ_FROM_RGB.sum(axis=1) / xyz.sum(axis=0)
    return xyz @ np.linalg.inv(XYZ_FROM_RGB).T


RGB_OF_BANDS = _rgb_of_bands()


def dermis_absorption(blood: np.ndarray, oxygen: np.ndarray, yellow: np.ndarray) -> np.ndarray:
    """1/mm [..., bands] of a dermis with this volume fraction of blood, its oxygenation, and yellow pigment (1/mm)."""
    haem = PER_MM * (oxygen[..., None] * (OXYGENATED - DEOXYGENATED) + DEOXYGENATED)
    return blood[..., None] * (haem - BASELINE) + BASELINE + yellow[..., None] * YELLOW


def melanin_absorption(melanin: np.ndarray, pheomelanin: np.ndarray) -> np.ndarray:
    """1/mm [..., bands] of an epidermis with this volume fraction of melanin, and the share of it that is
    pheomelanin."""
    pigment = EUMELANIN + pheomelanin[..., None] * (PHEOMELANIN - EUMELANIN)
    return melanin[..., None] * (pigment - BASELINE) + BASELINE


def skin_color(
    melanin: np.ndarray, blood: np.ndarray, oxygen: np.ndarray, pheomelanin: np.ndarray, yellow: np.ndarray
) -> np.ndarray:
    """Diffuse reflectance [..., 3], linear RGB, of skin with these amounts, which broadcast to [...].

    Melanosomes are clustered at the epidermis's wavy base, so that light meets many of them or few: with local amounts
    that are exponentially distributed, the mean of exp(-x) is 1 / (1 + x). That is what keeps dark skin from the
    saturated orange of an even filter. With it lightness and colour follow the measured path: L* 71, 63, 46, 30 have
    b* 14, 18, 19, 12 (the tests say how near).
    """
    ratio = dermis_absorption(blood, oxygen, yellow) / (0.375 * SCATTERING)  # K / S = 2 mu_a / (3/4 mu_s')
    back = 1 + ratio - np.sqrt(ratio * (ratio + 2))  # of a deep dermis
    back = back / (1 + 4 * THICKNESS * melanin_absorption(melanin, pheomelanin))  # in and out
    return ABOVE + ((1 - OUTSIDE) * (1 - INSIDE) * back / (1 - INSIDE * back)) @ RGB_OF_BANDS
