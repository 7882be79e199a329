"""The nets, one module a family; each builder takes the shape of one example, the classes, and what its name says."""
