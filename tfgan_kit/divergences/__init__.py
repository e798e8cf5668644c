"""Divergences as numbers, in nats: closed forms, estimates from samples, Hessians, matrices of them."""

from tfgan_kit.divergences import discrete, families, gaussian
from tfgan_kit.divergences.discrete import law_from_counts
from tfgan_kit.divergences.families import Family
from tfgan_kit.divergences.gaussian import Gaussian
from tfgan_kit.divergences.hessian import DivergenceHessian, divergence_hessian
from tfgan_kit.divergences.lipschitz_critic import LipschitzBound, wasserstein_dual
from tfgan_kit.divergences.matrix import DivergenceMatrix, divergence_matrix, heat_map
from tfgan_kit.divergences.nearest_neighbours import NearestNeighbourKL, nearest_neighbour_kl
from tfgan_kit.divergences.one_dimensional import wasserstein_1d
from tfgan_kit.divergences.sinkhorn import SinkhornDivergence, sinkhorn_divergence
from tfgan_kit.divergences.sliced import SlicedWasserstein, sliced_wasserstein
from tfgan_kit.divergences.transport import assignment_wasserstein, transport_cost
from tfgan_kit.divergences.variational import VariationalBound, variational_bound

__all__ = [
    "DivergenceHessian",
    "DivergenceMatrix",
    "Family",
    "Gaussian",
    "LipschitzBound",
    "NearestNeighbourKL",
    "SinkhornDivergence",
    "SlicedWasserstein",
    "VariationalBound",
    "assignment_wasserstein",
    "discrete",
    "divergence_hessian",
    "divergence_matrix",
    "families",
    "gaussian",
    "heat_map",
    "law_from_counts",
    "nearest_neighbour_kl",
    "sinkhorn_divergence",
    "sliced_wasserstein",
    "transport_cost",
    "variational_bound",
    "wasserstein_1d",
    "wasserstein_dual",
]
