"""Ensembles: one bundle of several, fused by what their predictions tables say; no model is run again for it."""
