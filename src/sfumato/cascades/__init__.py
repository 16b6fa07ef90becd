"""Building a cascade of finished trainings, and measuring it from its first stage to its last."""
