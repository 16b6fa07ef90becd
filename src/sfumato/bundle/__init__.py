"""The bundle: a folder of readable files with all that deciding on new images takes. No pickle inside."""
