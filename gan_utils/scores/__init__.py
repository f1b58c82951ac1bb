"""Is the generator any good? Numbers that losses do not give.

- `features`: networks that images are compared by
- `digit_classifier`: a small network that knows digits
- `face_reader`: names the factors of drawn faces
- `metrics`: curve scores, the Fréchet distance, class balance, chequers, nearest neighbours
- `judges`: what the samples of a training are scored by: digits and clothes, points
- `trials`: one training of an experiment, scored along the way and kept in a file
- `experiments`: what the experiments that take hours train, and for how long
- `results`: what they found, as the lessons read it
"""
