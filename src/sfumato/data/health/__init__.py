"""What each picture is, what is wrong with it, and what is wrong with a data set as a whole; nothing is changed."""
