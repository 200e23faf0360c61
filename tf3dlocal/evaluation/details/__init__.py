"""What lies behind a rank-1 table: the answer to each probe, verification and open-set identification."""

from tf3dlocal.evaluation.details.comparisons import Comparisons
from tf3dlocal.evaluation.details.identification_threshold import IdentificationThreshold, identification_threshold
from tf3dlocal.evaluation.details.open_set import OpenSet, open_set
from tf3dlocal.evaluation.details.subject_bootstrap import FEWEST_SUBJECTS, Estimate, interval_notice
from tf3dlocal.evaluation.details.verification import Verification, verification

__all__ = [
    "Comparisons",
    "Estimate",
    "FEWEST_SUBJECTS",
    "OpenSet",
    "Verification",
    "interval_notice",
    "IdentificationThreshold",
    "identification_threshold",
    "open_set",
    "verification",
]
