"""The numbers of a training, sent to the trackers that the config names and nowhere else."""
