"""Is the generator any good? Numbers that losses do not give.

- `features`: networks that images are compared by
- `rotation`: features of a network that has learned which way is up, and the kernel distance
- `digit_classifier`: a small network that knows digits
- `face_classifier`: names the factors of drawn faces
- `metrics`: curve scores, the Fréchet distance, class balance, chequers, nearest neighbours
- `results`: what long experiments found, as the lessons read it
"""
