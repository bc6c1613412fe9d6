"""A fleet of simulated devices with realistic lives, over the real HTTP interface.

`life` and what it is made of are pure; `runner` and `calls` do the HTTP. The simulator knows the server
by its contract only, and imports nothing of it.
"""

from goip.simulator.options import SimulationOptions, SimulationReport
from goip.simulator.runner import simulate

__all__ = ["SimulationOptions", "SimulationReport", "simulate"]
