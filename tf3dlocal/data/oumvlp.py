"""The layout of OU-MVLP's silhouettes: Silhouette_VVV-NN/SSSSS/FFFF.png."""

from tf3dlocal.data.path_pattern import PathPattern

# 14 views, two walks: index 00 is the probe and 01 the gallery in the usual protocol.
VIEWS = (0, 15, 30, 45, 60, 75, 90, 180, 195, 210, 225, 240, 255, 270)
CONDITIONS = ("00", "01")

LAYOUT = PathPattern(
    layout="ou-mvlp",
    pattern="Silhouette_{view}-{condition}/{subject}/{frame}.png",
    expressions={"view": r"\d{3}", "condition": r"\d{2}", "subject": r"\d{5}"},
)
