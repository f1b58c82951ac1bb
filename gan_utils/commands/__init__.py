"""What `python -m gan_utils` can do, a file for each command.

- `line`: how a command line is read
- `learn`: open the lessons in JupyterLab, as copies
- `check`: is this computer ready for the lessons?
- `trainer`: a training run from the command line: what it trains, and what it says and draws
- `train`: train a recipe, in one process or in several
- `sample`: draw a sheet of samples of a stored generator
- `bench`: time training, style and sampling beside their textbook forms and the limits
"""
