"""Where samples and pictures come from, and how a training run gets them.

- `images`: whole numbers from 0 to 255 when stored, floats in [-1, 1] when used
- `sine`: points on one period of the sine curve
- `waves`: a wave pattern drawn by code
- `drawn_faces`: faces drawn by code, with known factors
- `pictures`: a user's picture files, whatever their format
- `downloads`: where published data lies, and whether the network may be asked
- `mnist`: the files of MNIST and of datasets in its format
- `photographs`: Labeled Faces in the Wild, and CelebA
- `weights`: networks that others trained
- `digits`: MNIST, Fashion-MNIST, or the small digits of scikit-learn
- `faces`: a folder of pictures, published photographs, or drawn faces
- `batches`: shuffled batches on the device
"""
