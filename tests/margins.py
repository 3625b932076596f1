"""How far the tests that train are from their bounds.

``pytest -m trains --seeds 10`` trains each of them from ten seeds and prints a
table of their figures.
"""

import resource
from statistics import mean
from typing import NamedTuple

import pytest


class Figure(NamedTuple):
    """A figure that one training reached, and what it has to reach."""

    test: str
    name: str
    value: float
    bound: float
    is_least: bool  # the value must be above the bound, not below it
    seconds: float  # of user time


def pytest_addoption(parser):
    """Add the number of seeds."""
    parser.addoption(
        '--seeds',
        type=int,
        default=1,
        metavar='N',
        help='train each test marked `trains` from the seeds 0 to N - 1',
    )


def pytest_generate_tests(metafunc):
    """Train from each seed."""
    if 'training_seed' in metafunc.fixturenames:
        seeds = range(metafunc.config.getoption('seeds'))
        metafunc.parametrize('training_seed', seeds, ids='seed{}'.format)


def user_time() -> float:
    """User time of this process and of those that it has waited for."""
    return sum(
        resource.getrusage(who).ru_utime
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )


@pytest.fixture
def clears(request, record_property, training_seed):
    """Assert that a figure of a training clears its bound, and note both."""
    start = user_time()
    case = request.node.callspec.id.replace(f'seed{training_seed}', '')
    test = ' '.join([request.node.path.name, case.strip('-')]).strip()

    def check(name, value, *, above=None, below=None):
        bound = below if above is None else above
        is_least = above is not None
        figure = Figure(
            test,
            name,
            float(value),
            float(bound),
            is_least,
            user_time() - start,
        )
        record_property('figure', tuple(figure))
        assert value > bound if is_least else value < bound, figure

    return check


def table(figures: list[Figure]) -> list[str]:
    """Lines of a Markdown table, one for each figure of each test."""
    lines = [
        '| test | figure | bound | mean | worst | trainings | seconds |',
        '| --- | --- | --- | --- | --- | --- | --- |',
    ]
    groups = {}
    for figure in figures:
        groups.setdefault((figure.test, figure.name), []).append(figure)
    for (test, name), group in groups.items():
        sign = 1 if group[0].is_least else -1
        worst = min(group, key=lambda f: sign * (f.value - f.bound))
        bound = f'{">" if worst.is_least else "<"} {worst.bound:.3g}'
        average = mean(f.value for f in group)
        seconds = mean(f.seconds for f in group)
        lines.append(
            f'| {test} | {name} | {bound} | {average:.3g} | '
            f'{worst.value:.3g} | {len(group)} | {seconds:.0f} |'
        )
    return lines


def pytest_terminal_summary(terminalreporter, config):
    """Print the table where more than one seed was asked for."""
    if config.getoption('seeds') == 1:
        return
    reports = [
        report
        for outcome in ('passed', 'failed')
        for report in terminalreporter.stats.get(outcome, ())
        if report.when == 'call'
    ]
    figures = [
        Figure(*value)
        for report in reports
        for key, value in report.user_properties
        if key == 'figure'
    ]
    terminalreporter.section('figures of the trainings')
    for line in table(figures):
        terminalreporter.write_line(line)
