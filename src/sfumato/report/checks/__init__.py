"""What a report checks of a run: coded, each with its severity, or with the reason why it does not apply."""
