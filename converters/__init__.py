"""One source, three formats, one certificate; and what a model file really is.

`convert` turns a source into TFLite, Core ML and ONNX files and proves with golden inputs that they compute the same;
`inspection` reads any such file. Every framework is imported at use, by the leaf that needs it.
"""
