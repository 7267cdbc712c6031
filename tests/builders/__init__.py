"""Builders: the material of the tests, made to order."""
