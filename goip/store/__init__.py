"""The database. SQL lives in this folder and nowhere else."""
