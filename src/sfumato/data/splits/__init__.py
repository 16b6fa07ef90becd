"""Which sample trains, which chooses and which only measures: drawn, by time, in folds or as the data says."""
