"""LeNet-300-100 and Caffe's LeNet-5, the nets of the deep compression papers."""

from collections import OrderedDict

from torch import nn


def lenet_300_100(shape: tuple[int, int, int], classes: int) -> nn.Module:
    """Dense layers of 300 and 100: 266,610 parameters for 784 inputs and 10 classes."""
    channels, height, width = shape
    return nn.Sequential(
        OrderedDict(
            flatten=nn.Flatten(),
            first=nn.Linear(channels * height * width, 300), relu_1=nn.ReLU(),
            second=nn.Linear(300, 100), relu_2=nn.ReLU(),
            classifier=nn.Linear(100, classes),
        )
    )  # fmt: skip


def lenet_5(shape: tuple[int, int, int], classes: int) -> nn.Module:
    """Convolutions of 20 and 50, a dense layer of 500: 431,080 parameters for 28x28 and 10 classes.

    As in ``lenet_train_test.prototxt`` of BVLC/caffe, only the dense layer has an activation.
    """
    channels, height, width = shape
    rows, columns = (((each - 4) // 2 - 4) // 2 for each in (height, width))
    return nn.Sequential(
        OrderedDict(
            first=nn.Conv2d(channels, 20, 5), pool_1=nn.MaxPool2d(2),
            second=nn.Conv2d(20, 50, 5), pool_2=nn.MaxPool2d(2),
            flatten=nn.Flatten(),
            dense=nn.Linear(50 * rows * columns, 500), relu=nn.ReLU(),
            classifier=nn.Linear(500, classes),
        )
    )  # fmt: skip
