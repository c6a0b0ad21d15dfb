"""Aumann-Shapley values of torch functions: the gradient, integrated along a path."""
