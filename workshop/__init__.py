"""For those who make the lessons; nothing in `gan_utils` imports it.

- `pages`: a notebook as one HTML page
- `stored_pictures`: the pictures of stored notebooks, small and true
- `slides`: a lesson as slides
- `times`: how long the sections of a lesson run
- `exercises`: the exercises of a lesson, and worksheets
- `grade`: mark a folder of worksheets
- `notebooks`: keep the stored outputs of notebooks true
- `experiments`: trainings that take hours, and their stored results
- `book`: make a book of the lessons and the package
- `stress`: faults, kills and crowds: what is tried by hand, for minutes or hours
"""
