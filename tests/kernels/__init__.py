"""Tests of the array kernels: no Spark."""
