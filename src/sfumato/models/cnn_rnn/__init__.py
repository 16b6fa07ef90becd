"""A network that writes the classes of a picture one after another, beside a head that asks after each at once.

Wang et al., CNN-RNN: A Unified Framework for Multi-label Image Classification, CVPR 2016.
"""
