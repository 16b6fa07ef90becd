"""Several recipes or runs beside each other: trained apart, measured on the same samples, ranked."""
