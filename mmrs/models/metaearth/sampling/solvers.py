"""The solvers of the reverse diffusion."""

from diffusers import DDIMScheduler, DPMSolverMultistepScheduler

from mmrs.errors import InputError

__all__ = ['SOLVERS', 'make_solver']

SOLVERS = ('ddim', 'dpm')


def make_solver(
    scheduler, name: str
) -> DDIMScheduler | DPMSolverMultistepScheduler:
    """Make a solver for a network.

    Args:
        scheduler: What the network was trained with, or another solver of it.
        name: ``'ddim'`` (the paper's), or ``'dpm'``: DPM-Solver++ of second
            order (arXiv 2211.01095), whose steps are equal in the logarithm
            of the share of signal (ours). Of steps that are equal in time
            hardly any are left where fine detail appears.

    Raises:
        InputError: There is no such solver.
    """
    if name == 'dpm':
        return DPMSolverMultistepScheduler.from_config(
            scheduler.config, use_lu_lambdas=True
        )
    if name != 'ddim':
        raise InputError(f'solver is {name!r}; take {" or ".join(SOLVERS)}')
    # Where training ends with pure noise, sampling starts from it.
    ends_in_noise = scheduler.config.get('rescale_betas_zero_snr', False)
    return DDIMScheduler.from_config(
        scheduler.config,
        clip_sample=True,
        timestep_spacing='trailing' if ends_in_noise else 'leading',
    )
