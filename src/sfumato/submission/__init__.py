"""A submission in a competition's form: the rows and columns of a sample file, filled in by a bundle."""
