"""For those who make the lessons; nothing in `gan_utils` imports it.

- `pages`: a notebook as one HTML page
- `stored_pictures`: the pictures of stored notebooks, small and true
- `times`: how long the sections of a lesson run
- `plan`: what a talk shows of a lesson
- `slides`: a lesson as slides
- `exercises`: the exercises of a lesson, and worksheets
- `grade`: mark a folder of worksheets
- `notebooks`: keep the stored outputs of notebooks true
- `experiments`: training runs that take hours, and their stored results
- `generators`: train the generators that lie beside the lessons, and store them
- `book`: make a book of the lessons and the package
- `stress`: faults, kills and crowds: what is tried by hand, for minutes or hours
"""
