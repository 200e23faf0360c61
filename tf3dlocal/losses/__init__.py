"""Losses: triplet losses over the walks of a batch, per part, and cross-entropy over the training subjects."""

from tf3dlocal.losses.batch_all_triplet_loss import BatchAllTripletLoss, NonzeroTriplets
from tf3dlocal.losses.prior_penalty import PriorPenalty
from tf3dlocal.losses.scaled_cross_entropy import ScaledCrossEntropy
from tf3dlocal.losses.triplet_hard_loss import TripletHardLoss, triplet_hard_loss
from tf3dlocal.losses.triplet_semihard_loss import TripletSemiHardLoss, triplet_semihard_loss

__all__ = [
    "BatchAllTripletLoss",
    "NonzeroTriplets",
    "PriorPenalty",
    "ScaledCrossEntropy",
    "TripletHardLoss",
    "TripletSemiHardLoss",
    "triplet_hard_loss",
    "triplet_semihard_loss",
]
