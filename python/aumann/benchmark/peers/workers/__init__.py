"""What runs in the environments of the peers; nothing here imports aumann, which is not there.

A worker is a file that defines ``METHODS``: names of methods, each with a function of the
population, the budget and the seed that gives the attributions (n,). `job` calls them.
"""
