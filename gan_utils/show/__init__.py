"""What the lessons show: figures, animated pictures, source code.

- `source`: packaged source code, as it runs
- `plotting`: one theme, and the figures that several lessons share
- `diagrams`: the two halves of a training step
- `animation`: animated pictures, and the live view
- `widgets`: pictures that answer to sliders and buttons
- `full_run`: the picture of the stored full run, beside that of quick mode
"""
