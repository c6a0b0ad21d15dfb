"""Protocols: rules that draw a panel from a population."""

from aumann.protocols.pools import TopicByFollowers, TopicTop, UniformRandom, VisibilityBiased
from aumann.protocols.protocol import Protocol
from aumann.protocols.snowball import Snowball
from aumann.protocols.weighted import VisibilityWeighted

__all__ = [
    "Protocol",
    "Snowball",
    "TopicByFollowers",
    "TopicTop",
    "UniformRandom",
    "VisibilityBiased",
    "VisibilityWeighted",
]
