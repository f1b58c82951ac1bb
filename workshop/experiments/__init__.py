"""Experiments that take hours: what is trained, how it is scored, and how results are kept.

- `evaluators`: what scores the samples of a training run: digits and clothes, faces, points
- `residual`: networks of a row that nothing else needs
- `trials`: one training run of an experiment, scored along the way and kept in a file
- `definitions`: what each experiment trains, and for how long
- `command`: run an experiment, and print its table
"""
