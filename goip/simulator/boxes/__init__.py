"""Boxes and phones that speak their own make's protocol on real sockets, over a road that loses packets.

Each make is written from what its papers and captures say, not from our decoders: the two check each other.
"""

from goip.simulator.boxes.messages import Message, Outcome
from goip.simulator.boxes.options import BoxOptions
from goip.simulator.boxes.runner import emulate
from goip.simulator.boxes.tally import BoxTally

__all__ = ["BoxOptions", "BoxTally", "Message", "Outcome", "emulate"]
