"""Checks of the exercises: is an answer right, and if not, where to look?

- `verdicts`: compare an answer with the right one, and with common mistakes
- `simulated`: devices, computers and processes that are simulated, for lesson 05
- `lesson`: what a lesson has defined by the time its exercises come
- `lesson_01`: the checks of lesson 01
- `lesson_02`: those of lesson 02
- `lesson_03`: those of lesson 03
- `lesson_04`: those of lesson 04
- `lesson_05`: those of lesson 05
- `clinic`: a training run in parts, for lesson 06
- `measurements`: what can be asked about a training run that has ended
- `patients`: training runs with a mistake
- `lesson_06`: the clinic and the check of a diagnosis
"""
