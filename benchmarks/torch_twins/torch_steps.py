"""The training step and the inference of a twin, on the batch that tf3dlocal computes on."""

import torch
import torch.nn.functional as F
from measuring.moving_bodies import moving_bodies


def batch_all_triplet_loss(features, labels, margin=0.2):
    """Compute the mean over the strips of the mean of all positive terms of the batch's triplets.

    Args:
        features: float [n, p, c].
        labels: int [n].
        margin: of the triplet loss.
    """
    x = features.transpose(0, 1)  # p n c
    squares = (x**2).sum(-1)
    products = x @ x.transpose(1, 2)
    distances = F.relu(squares[:, :, None] + squares[:, None, :] - 2 * products).sqrt()  # p n n
    same = labels[:, None] == labels[None, :]
    triplets = same[:, :, None] & ~same[:, None, :]  # anchor, positive, negative
    terms = F.relu(margin + distances[:, :, :, None] - distances[:, :, None, :]) * triplets
    above = (terms > 0).sum((1, 2, 3)).clamp(min=1)
    return (terms.sum((1, 2, 3)) / above).mean()


def training_step_of(model, walks, frames):
    """Return a callable: forward, triplet loss, cross-entropy if there is a classifier, backward, a step of Adam."""
    silhouettes, labels = _batch(walks, frames)
    model.train()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-4)

    def call():
        optimizer.zero_grad()
        outputs = model(silhouettes)
        loss = batch_all_triplet_loss(outputs["part_features"], labels)
        if "logits" in outputs:
            loss = loss + F.cross_entropy(outputs["logits"], labels)
        loss.backward()
        optimizer.step()
        return loss.item()

    call.facts = _facts(model, walks, frames)
    return call


def inference_of(model, walks, frames):
    """Return a callable that embeds the batch, without gradients."""
    silhouettes, _ = _batch(walks, frames)
    model.eval()

    def call():
        with torch.inference_mode():
            return model(silhouettes)["embedding"].numpy()

    call.facts = _facts(model, walks, frames)
    return call


def _batch(walks, frames):
    torch.manual_seed(0)
    silhouettes, labels = moving_bodies(walks, frames)
    return torch.from_numpy(silhouettes[..., 0]), torch.from_numpy(labels).long()


def _facts(model, walks, frames):
    parameters = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    return {"walks": walks, "frames": frames, "parameters": parameters, "threads": torch.get_num_threads()}
