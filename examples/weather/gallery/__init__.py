"""A gallery of weather charts that nobody has drawn yet: real fields and coast lines, agencies made up."""
