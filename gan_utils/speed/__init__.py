"""How fast is it, and how fast could it be?

- `work`: what a piece of code asks of a device
- `timing`: several forms of one computation, timed in turn
- `profiling`: how the time of a piece of code splits among its operations
- `tape`: a graph of operations by hand: recorded once, then done again
- `limits`: what a device does at most: multiply, copy, begin an operation
- `textbook`: training and sampling as most tutorials write them
- `cases`: what is timed: textbook and package, side by side
- `quality`: how long recipes take to reach a score
- `report`: a table of them all
"""
