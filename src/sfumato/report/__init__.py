"""What people look at: the timeline before training, the report after it. Frames of data first, drawings second."""
