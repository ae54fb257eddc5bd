"""Diffusion and flow matching without training: processes, targets, samplers, guidance and the likelihood bound."""

from gancourse.diffusion.bounds import Bound, gaussian_kl, prior_term, step_term, variational_bound
from gancourse.diffusion.denoisers import (
    Denoiser,
    NoisyDensity,
    clipped,
    clipped_estimate,
    guided,
    guided_prediction,
    of_density,
    of_network,
    scale_of_weight,
)
from gancourse.diffusion.discrete import VariancePreserving
from gancourse.diffusion.flow import RectifiedFlow
from gancourse.diffusion.forward import DATA, Coordinates, Level, Process, mixed
from gancourse.diffusion.predictions import Estimate, Target, converted, target, targets
from gancourse.diffusion.sampling import ddim, ddpm, euler, heun, sample, sampler, samplers
from gancourse.diffusion.schedules import continuous_betas, cosine_betas, linear_betas
from gancourse.diffusion.steps import Gaussian, ddim_step, ddpm_step, ode_step, posterior

__all__ = [
    "DATA",
    "Bound",
    "Coordinates",
    "Denoiser",
    "Estimate",
    "Gaussian",
    "Level",
    "NoisyDensity",
    "Process",
    "RectifiedFlow",
    "Target",
    "VariancePreserving",
    "clipped",
    "clipped_estimate",
    "continuous_betas",
    "converted",
    "cosine_betas",
    "ddim",
    "ddim_step",
    "ddpm",
    "ddpm_step",
    "euler",
    "gaussian_kl",
    "guided",
    "guided_prediction",
    "heun",
    "linear_betas",
    "mixed",
    "ode_step",
    "of_density",
    "of_network",
    "posterior",
    "prior_term",
    "sample",
    "sampler",
    "samplers",
    "scale_of_weight",
    "step_term",
    "target",
    "targets",
    "variational_bound",
]
