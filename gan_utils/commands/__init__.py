"""What `python -m gan_utils` can do, a file for each command.

- `learn`: open the lessons in JupyterLab, as copies
- `pages`: a notebook as one HTML page; a part of the command `notebooks`
- `slides`: a lesson as slides; a part of it, too
- `teaching`: how long the sections of a lesson run; a part of it, too
- `exercises`: the exercises of a lesson, and worksheets; a part of it, too
- `book`: make a book of the lessons and the package
- `notebooks`: keep the stored outputs of notebooks true
- `experiments`: run an experiment that takes hours, and keep its results
- `train`: train a recipe, in one process or in several
- `bench`: time training, style and sampling beside their textbook forms and the limits
"""
