"""Small nets for tests, as a user's module would have them: each function returns a module and an example."""

import torch


def classifier():
    """Strided, depthwise and pointwise convolutions, batch norm, a dense head."""
    torch.manual_seed(0)
    net = torch.nn.Sequential(
        torch.nn.Conv2d(3, 16, 3, padding=1, stride=2), torch.nn.BatchNorm2d(16), torch.nn.ReLU(),
        torch.nn.Conv2d(16, 16, 3, groups=16, padding=1), torch.nn.ReLU6(),
        torch.nn.Conv2d(16, 32, 1), torch.nn.ReLU(),
        torch.nn.AvgPool2d(8), torch.nn.Flatten(), torch.nn.Linear(32, 10),
    )  # fmt: skip
    return net.eval(), torch.randn(1, 3, 16, 16)


class Segmenter(torch.nn.Module):
    """Gives a map and a class: two outputs, one of them an image."""

    def __init__(self):
        super().__init__()
        self.body = torch.nn.Conv2d(3, 8, 3, padding=2, dilation=2)
        self.head = torch.nn.Conv2d(8, 4, 1)
        self.classes = torch.nn.Linear(8, 5)

    def forward(self, image):
        features = torch.relu(self.body(image))
        return self.head(features), self.classes(features.mean((2, 3)))


def segmenter():
    torch.manual_seed(1)
    return Segmenter().eval(), torch.randn(1, 3, 16, 16)


class Swishes(torch.nn.Module):
    """What makes MobileNet V3 slow in int8."""

    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 8, 3, padding=1)

    def forward(self, image):
        return torch.nn.functional.hardswish(self.conv(image)).mean((2, 3))


def swishes():
    torch.manual_seed(2)
    return Swishes().eval(), torch.randn(1, 3, 16, 16)


def two_inputs():
    torch.manual_seed(3)

    class Sum(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.one, self.other = torch.nn.Linear(6, 4), torch.nn.Linear(3, 4)

        def forward(self, left, right):
            return self.one(left) - 2 * self.other(right)

    return Sum().eval(), (torch.randn(1, 6), torch.randn(1, 3))


def nothing():
    return 42
