"""What `python -m gan_utils` can do, a file for each command.

- `notebooks`: keep the stored outputs of notebooks true
"""
