"""Fitting the decision of a finished run anew, with other settings: nothing is trained, no network looks at data."""
