"""Losses over the triplets of a batch, part by part."""

from tf3dlocal.losses.batch_all_triplet_loss import BatchAllTripletLoss, NonzeroTriplets

__all__ = ["BatchAllTripletLoss", "NonzeroTriplets"]
