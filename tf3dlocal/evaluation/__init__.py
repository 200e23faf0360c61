"""From embeddings to the rank-1 tables of the papers: protocols as data, exact counts, reports, published numbers."""

from tf3dlocal.evaluation.cross_view import cross_view
from tf3dlocal.evaluation.cross_view_result import CrossViewResult
from tf3dlocal.evaluation.details import (
    FEWEST_SUBJECTS,
    Comparisons,
    Estimate,
    IdentificationThreshold,
    OpenSet,
    Verification,
    identification_threshold,
    interval_notice,
    open_set,
    verification,
)
from tf3dlocal.evaluation.details.detail_files import write_details
from tf3dlocal.evaluation.distances import DISTANCES, check_distance, pairwise_distances
from tf3dlocal.evaluation.embedding import embed_walks
from tf3dlocal.evaluation.evaluate import evaluate, library_versions
from tf3dlocal.evaluation.gait_energy_image import evaluate_gait_energy, gait_energy_image
from tf3dlocal.evaluation.model_precision import in_precision
from tf3dlocal.evaluation.protocol import (
    Protocol,
    ProtocolError,
    load_protocol,
    protocol_names,
    protocol_reference,
    protocol_template,
)
from tf3dlocal.evaluation.published import published_names, published_table
from tf3dlocal.evaluation.rank_table import PRINTED_MEANS, one_decimal, rank_rows
from tf3dlocal.evaluation.reports import csv_report, json_report, markdown_report, print_report, write_reports
from tf3dlocal.evaluation.roles import Roles, assign_roles, match_conditions
from tf3dlocal.evaluation.score_events import write_score_events

__all__ = [
    "PRINTED_MEANS",
    "DISTANCES",
    "FEWEST_SUBJECTS",
    "Comparisons",
    "CrossViewResult",
    "Estimate",
    "IdentificationThreshold",
    "OpenSet",
    "Protocol",
    "ProtocolError",
    "Roles",
    "Verification",
    "assign_roles",
    "check_distance",
    "cross_view",
    "csv_report",
    "embed_walks",
    "evaluate",
    "evaluate_gait_energy",
    "gait_energy_image",
    "identification_threshold",
    "in_precision",
    "interval_notice",
    "json_report",
    "library_versions",
    "load_protocol",
    "markdown_report",
    "match_conditions",
    "open_set",
    "pairwise_distances",
    "print_report",
    "protocol_names",
    "protocol_reference",
    "protocol_template",
    "published_names",
    "one_decimal",
    "published_table",
    "rank_rows",
    "verification",
    "write_details",
    "write_reports",
    "write_score_events",
]
