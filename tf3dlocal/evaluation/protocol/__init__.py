"""Evaluation protocols as data: what they say, how they are read, and whether they fit a data set."""

from tf3dlocal.evaluation.protocol.loading import load_protocol, protocol_names
from tf3dlocal.evaluation.protocol.protocol_model import Protocol, ProtocolError, SubjectSplit
from tf3dlocal.evaluation.protocol.reference import protocol_reference, protocol_template
from tf3dlocal.evaluation.protocol.subject_ids import expand_subject_ids, shorten_list

__all__ = [
    "Protocol",
    "ProtocolError",
    "SubjectSplit",
    "expand_subject_ids",
    "load_protocol",
    "protocol_names",
    "protocol_reference",
    "protocol_template",
    "shorten_list",
]
