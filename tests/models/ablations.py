"""The rows of the main paper's Tables 3 to 5 as arguments of `ThreeDLocal`."""

from tf3dlocal.layers import PAPER_PARTS

# The main paper's Table 5 adds the paths one by one; its last row but one hands the volumes on without extracting features.
TABLE_5 = {
    "global only": {"local_blocks": ()},
    "+ head": {"parts": PAPER_PARTS[:1]},
    "+ both arms": {"parts": PAPER_PARTS[:3]},
    "+ torso": {"parts": PAPER_PARTS[:4]},
    "+ both legs": {"feature_extraction": False},
    "+ feature extraction": {},
}
# Its Table 3 says behind which blocks the local operations stand, its Table 4 how they sample; where both tables have none
# or all of it (mixture in all three blocks), they repeat the first and the last row of Table 5.
TABLE_3 = {f"blocks {blocks}": {"local_blocks": blocks} for blocks in [(1,), (2,), (3,), (2, 3)]}
TABLE_4 = {sampler: {"sampler": sampler} for sampler in ("gaussian", "trilinear")}
ABLATIONS = {**TABLE_3, **TABLE_4, **TABLE_5}
