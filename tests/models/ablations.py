"""The rows of the main paper's Tables 3 to 5 as arguments of `ThreeDLocal`."""

from tf3dlocal.layers import PAPER_PARTS

# The main paper's Table 5 adds the paths one by one; its last row but one has no feature extraction.
TABLE_5 = {
    "global only": {"local_blocks": ()},
    "+ head": {"parts": PAPER_PARTS[:1]},
    "+ both arms": {"parts": PAPER_PARTS[:3]},
    "+ torso": {"parts": PAPER_PARTS[:4]},
    "+ both legs": {"feature_extraction": False},
    "+ feature extraction": {},
}
# Its Table 3 varies the blocks with local operations, its Table 4 the sampler; the rows with none or all of it (mixture
# in all three blocks) are the first and the last row of Table 5.
TABLE_3 = {f"blocks {blocks}": {"local_blocks": blocks} for blocks in [(1,), (2,), (3,), (2, 3)]}
TABLE_4 = {sampler: {"sampler": sampler} for sampler in ("gaussian", "trilinear")}
ABLATIONS = {**TABLE_3, **TABLE_4, **TABLE_5}
