"""Other libraries on the same population, each in its own environment and process.

`compare` measures cells (a peer's method, a value function, a number of agents): time, peak memory
and the error against aumann's exact value of the same kind. What does not finish is a result too.
A `Peer` of one's own is a name, a list of requirements and a file of methods.

Examples
--------
>>> from aumann.benchmark.peers import PEERS
>>> [peer.name for peer in PEERS]
['aumann', 'captum', 'shap', 'shapiq', 'pydvl']
"""

from aumann.benchmark.peers.comparison import Row, compare
from aumann.benchmark.peers.registry import PEERS, Method, Peer

__all__ = ["PEERS", "Method", "Peer", "Row", "compare"]
