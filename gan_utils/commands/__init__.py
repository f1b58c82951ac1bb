"""What `python -m gan_utils` can do, a file for each command.

- `line`: how a command line is read
- `learn`: open the lessons in JupyterLab, as copies
- `train`: train a recipe, in one process or in several
- `bench`: time training, style and sampling beside their textbook forms and the limits
"""
