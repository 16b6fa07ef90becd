"""Trainings in processes of their own: peak memory is each one's, and a failure stops no other."""
